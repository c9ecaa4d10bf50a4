from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pygame
import pytest
from gymnasium.wrappers import RecordVideo

import envs  # noqa: F401  registers the environments
from envs.drawing import colour_frame, fit_frame
from envs.driving.vector_env import DrivingVectorEnv
from envs.viewer import ACCENT, EYE, HEIGHT, MAP, ROAD, VALUES, WIDTH, Viewer
from envs.window import NoDisplayError, Window

NAME = "Hairpin/LaneFollow-v0"
ROADS: dict[str, Any] = {"num_levels": 4}


def make_batch(num_envs: int = 2, seed: int = 0, **keywords: Any) -> DrivingVectorEnv:
    env = DrivingVectorEnv(num_envs, **{**ROADS, **keywords})
    env.reset(seed=seed)
    return env


def press(key: int) -> None:
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))


def release(key: int) -> None:
    pygame.event.post(pygame.event.Event(pygame.KEYUP, key=key))


def part(picture: np.ndarray, place: pygame.Rect) -> np.ndarray:
    return picture[place.top : place.bottom, place.left : place.right]


def test_a_picture_shows_the_road_of_its_row():
    env = make_batch()
    frames = np.empty((2, HEIGHT, WIDTH, 3), np.uint8)
    env.simulator.paint(frames)
    viewer = Viewer(env.simulator, window=False)
    for row in range(2):
        picture = viewer.picture(row)
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert picture.dtype == np.uint8
        free = slice(EYE.bottom + 40, HEIGHT - 100)  # above the instruments, below the panels
        assert np.array_equal(picture[free], frames[row, free])


def test_a_picture_changes_when_the_car_moves_and_only_then():
    env = make_batch(1)
    viewer = Viewer(env.simulator, window=False)
    first = viewer.picture(0)
    assert np.array_equal(viewer.picture(0), first)
    for _ in range(10):
        env.step(np.array([8]))
    moved = viewer.picture(0)
    for place in (EYE, MAP, pygame.Rect(0, 300, WIDTH, 200), pygame.Rect(16, 520, WIDTH - 32, 60)):
        assert not np.array_equal(part(moved, place), part(first, place))


@pytest.mark.parametrize(
    "keywords",
    [
        {"obs": "camera"},
        {"obs": "camera", "look": "noisy", "frame_stack": 3},
        {"obs": "dict", "image_size": [40, 96]},
        {"obs": "gray"},
        {"obs": "semantic"},
        {"obs": "depth", "image_size": 32},
        {"obs": "camera", "image_size": 400},
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_the_panel_shows_exactly_the_pixels_of_the_observation(keywords: dict[str, Any], given: bool):
    env = make_batch(**keywords)
    env.step(np.array([8, 3]))
    env.step(np.array([8, 3]))
    obs = env.step(np.array([8, 3]))[0]
    row = {key: value[1] for key, value in obs.items()} if isinstance(obs, dict) else obs[1]
    picture = Viewer(env.simulator, window=False).picture(1, seen=row if given else None)
    frames, channels = (row["camera"], 3) if isinstance(row, dict) else (row, min(row.shape[-1], 3))
    frame = frames[..., -channels:]
    expected = fit_frame(colour_frame(env.config, frame), EYE.width)
    place = pygame.Rect(0, 0, expected.shape[1], expected.shape[0])
    place.center = EYE.center
    assert np.array_equal(part(picture, place), expected)


def test_what_was_seen_is_shown_not_what_there_is_to_see():
    env = make_batch(1)
    seen = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    picture = Viewer(env.simulator, window=False).picture(0, seen=seen)
    assert np.array_equal(part(picture, EYE)[::3, ::3], seen)


def test_a_state_is_shown_as_gauges():
    env = make_batch(1, obs="state")
    viewer = Viewer(env.simulator, window=False)
    left, right = (part(viewer.picture(0, seen=np.full(9, side, np.float32)), EYE) for side in (-0.9, 0.9))
    assert not np.array_equal(left, right)


def test_a_mirrored_row_s_map_is_flipped():
    env = make_batch(1)
    maps = []
    for mirror in (1.0, -1.0):
        env.simulator.rows["mirror"] = mirror
        maps.append(part(Viewer(env.simulator, window=False).picture(0), MAP))
    road, mirrored = (np.abs(picture.astype(int) - ROAD).max(axis=-1) < 8 for picture in maps)
    flipped = road[:, ::-1]
    assert (road & mirrored).sum() < 0.6 * road.sum()
    assert (flipped & mirrored).sum() > 0.9 * (flipped | mirrored).sum()  # circles are drawn to whole pixels


def test_words_stand_over_the_picture_while_told_and_when_an_episode_ends():
    env = make_batch(1)
    viewer, middle = Viewer(env.simulator, window=False), pygame.Rect(380, 270, 200, 60)
    plain = part(viewer.picture(0), middle)
    told = part(viewer.picture(0, note="Paused"), middle)
    env.simulator.rows["ended"] = True
    ended = part(viewer.picture(0), middle)
    assert not np.array_equal(plain, told)
    assert not np.array_equal(plain, ended)
    assert not np.array_equal(told, ended)


def test_the_action_is_told():
    viewer = Viewer(make_batch(1).simulator, window=False)
    silent = viewer.picture(0)
    told = viewer.picture(0, action=np.array([0.7, 0.7], np.float32))
    changed = np.argwhere((silent != told).any(axis=-1))
    assert changed[:, 0].min() > 500
    assert 320 < changed[:, 1].min() < changed[:, 1].max() < 540


def test_pictures_go_on_after_another_environment_has_quit_pygame():
    viewer = Viewer(make_batch(1).simulator, window=False)
    viewer.picture(0)
    pygame.quit()
    assert viewer.picture(0, note="Words never written before").shape == (HEIGHT, WIDTH, 3)


def test_a_window_shows_the_same_picture():
    env = make_batch(1)
    viewer = Viewer(env.simulator, window=True)
    assert viewer.show(0, note="Here")
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    assert np.array_equal(shown, Viewer(env.simulator, window=False).picture(0, note="Here"))
    viewer.close()
    assert not pygame.display.get_init()


@pytest.mark.parametrize(
    "event",
    [pygame.event.Event(pygame.QUIT), pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE)],
)
def test_a_window_that_was_closed_stays_closed(event: pygame.event.Event):
    viewer = Viewer(make_batch(1).simulator, window=True)
    assert viewer.show(0)
    pygame.event.post(event)
    assert not viewer.show(0)
    assert not pygame.display.get_init()
    assert not viewer.show(0)
    assert not pygame.display.get_init()


def test_a_window_knows_which_keys_are_held_and_which_were_struck():
    window, picture = Window(), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    window.show(picture, 1000.0)
    press(pygame.K_LEFT)
    press(pygame.K_w)
    window.show(picture, 1000.0)
    assert window.held == window.struck == {"left", "w"}
    release(pygame.K_LEFT)
    window.show(picture, 1000.0)
    assert (window.held, window.struck) == ({"w"}, set())
    window.close()


def test_a_window_keeps_the_pace():
    window, picture = Window(), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    window.show(picture, 20.0)
    begun = pygame.time.get_ticks()
    for _ in range(4):
        window.show(picture, 20.0)
    assert pygame.time.get_ticks() - begun >= 4 * 45
    window.close()


@pytest.mark.parametrize("driver", [None, "x11"])
def test_without_a_display_there_is_one_sentence(driver: str | None, monkeypatch: pytest.MonkeyPatch):
    pygame.display.quit()  # another test's window would do
    for name in ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":97")
    if driver is None:
        monkeypatch.delenv("DISPLAY")
        monkeypatch.setattr("sys.platform", "linux")
    else:
        monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    with pytest.raises(NoDisplayError, match="^there is no display to open a window on"):
        Viewer(make_batch(1).simulator, window=True).show(0)


def test_an_environment_renders_arrays():
    env = gym.make(NAME, render_mode="rgb_array", **ROADS)
    env.reset(seed=0)
    first = env.render()
    env.step(8)
    second = env.render()
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert first.shape == second.shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(first, second)
    env.close()


def test_a_batch_renders_a_picture_a_row():
    env = gym.make_vec(NAME, 3, render_mode="rgb_array", **ROADS)
    env.reset(seed=0)
    pictures = env.render()
    assert pictures is not None
    assert len(pictures) == 3
    assert not np.array_equal(pictures[0], pictures[1])
    env.close()


def test_an_environment_shows_itself_to_a_person():
    env = gym.make(NAME, render_mode="human", **ROADS)
    env.reset(seed=0)
    surface = pygame.display.get_surface()
    assert surface is not None
    first = pygame.surfarray.array3d(surface)
    env.step(8)
    assert not np.array_equal(pygame.surfarray.array3d(surface), first)
    env.close()
    assert not pygame.display.get_init()


def test_record_video_films_it(tmp_path: Path):
    env = RecordVideo(
        gym.make(NAME, render_mode="rgb_array", **ROADS), str(tmp_path / "films"), video_length=5
    )
    env.reset(seed=0)
    for _ in range(6):
        env.step(8)
    env.close()
    films = list((tmp_path / "films").glob("*.mp4"))
    assert len(films) == 1
    assert films[0].stat().st_size > 1000


def test_what_is_thought_of_actions_is_drawn_with_the_best_one_marked():
    """The columns go from hard left to hard right, the rows from accelerate to brake."""
    env = make_batch(1)
    viewer = Viewer(env.simulator, window=False)
    without = viewer.picture(0)
    for action, (row, column) in {0: (2, 4), 2: (0, 4), 7: (1, 2), 14: (0, 0)}.items():
        viewer.values = np.linspace(-1.0, 0.5, 15)
        viewer.values[action] = 3.0
        picture = viewer.picture(0)
        marked = (np.abs(part(picture, VALUES).astype(int) - ACCENT) < 12).all(-1)
        y, x = (np.flatnonzero(np.any(marked, axis)) for axis in (1, 0))
        cells = (15 + 38 * column, 12 + 26 * row)
        assert (x[0], y[0]) == pytest.approx(cells, abs=3)
        assert (x[-1], y[-1]) == pytest.approx((cells[0] + 34, cells[1] + 22), abs=3)
        panel = part(picture, VALUES).astype(int).sum(-1)
        middles = [panel[23 + 26 * (2 - k % 3), 32 + 38 * (4 - k // 3)] for k in range(15) if k != action]
        assert np.all(np.diff(middles) >= 0)  # the better, the lighter
        assert middles[-1] > middles[0]
        changed = (picture != without).any(-1)
        changed[VALUES.top : VALUES.bottom, VALUES.left : VALUES.right] = False
        assert not changed.any()
    viewer.values = None
    np.testing.assert_array_equal(viewer.picture(0), without)


def test_an_environment_draws_what_its_driver_thinks():
    env = make_batch(1, render_mode="rgb_array")
    pictures = [env.render()]
    env.show_action_values(np.arange(15.0))
    pictures.append(env.render())
    assert pictures[0] is not None
    assert pictures[1] is not None
    assert (part(pictures[0][0], VALUES) != part(pictures[1][0], VALUES)).any()


def test_keys_pause_and_step_a_shown_episode_and_lay_things_over_it(monkeypatch: pytest.MonkeyPatch):
    env = make_batch(1)
    viewer, shown = Viewer(env.simulator, window=True), []
    script = iter([{"1"}, {"3", "space"}, set(), {"."}, set(), {"space"}, set()])

    def show(picture: np.ndarray, rate: float) -> bool:
        assert viewer.window is not None
        viewer.window.struck = next(script)
        shown.append((viewer.overlay, viewer.boxes, viewer.paused))
        return True

    monkeypatch.setattr(viewer.window, "show", show)
    assert viewer.show(0)  # 1: classes
    assert (len(shown), viewer.overlay) == (1, "semantic")
    assert viewer.show(0)  # 3 and space: boxes, and it waits until the full stop
    assert (len(shown), viewer.boxes, viewer.paused) == (4, True, True)
    assert viewer.show(0)  # one picture more, then it waits until space
    assert (len(shown), viewer.paused) == (6, False)
    assert viewer.show(0)
    assert len(shown) == 7
