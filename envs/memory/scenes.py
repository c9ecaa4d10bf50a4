"""Pictures of the memory worlds, for people: the agent's own observations are numbers."""

import colorsys

import numpy as np

from envs.window import Canvas, Colour

WIDTH, HEIGHT = 960, 600
GROUND: Colour = (22, 27, 38)
ROAD: Colour = (72, 78, 92)
EDGE: Colour = (104, 112, 128)
FAINT: Colour = (46, 53, 68)
WORDS: Colour = (172, 181, 194)
INK: Colour = (246, 247, 250)
ACCENT: Colour = (255, 199, 64)
RIGHT: Colour = (92, 200, 130)
WRONG: Colour = (236, 92, 84)
_START, _JUNCTION, _MIDDLE = 120.0, 780.0, 310.0  # [pixels] of the corridor
_ARM, _LANE = 210.0, 84.0  # [pixels] reach of an arm, width of every lane
_SHOWN, _SEEN, _ANSWERED = 120.0, 300.0, 480.0  # [pixels] from above: the rows of recall's picture


def _arrow(middle: tuple[float, float], size: float, towards: tuple[int, int]) -> np.ndarray:
    """Corners (3, 2) of an arrow head that points `towards` (right, down)."""
    forward = np.array(towards, np.float64)
    aside = np.array([-forward[1], forward[0]])
    return middle + size * np.stack([forward, -0.7 * forward + 0.75 * aside, -0.7 * forward - 0.75 * aside])


def _draw_time(canvas: Canvas, share: float) -> None:
    """How much of the time is over, along the lower edge."""
    width = WIDTH - 120.0
    canvas.box((60.0, HEIGHT - 37.0, width, 6.0), FAINT, 3.0)
    canvas.box((60.0, HEIGHT - 37.0, share * width, 6.0), EDGE, 3.0)


def tmaze_scene(row: np.void, length: int, max_steps: int) -> np.ndarray:
    """The maze from above: left of the agent is up. The cue is bright while the agent sees it.

    Args:
        row: the state of `TMazeVectorEnv`.
        length: cells of the corridor.
        max_steps: the time limit.

    Returns:
        (600, 960, 3) uint8.
    """
    canvas = Canvas(WIDTH, HEIGHT, GROUND)
    _draw_maze(canvas, length)
    cue = -1 if row["cue"] == 1 else 1  # up for left, down for right
    _draw_cue(canvas, cue, seen=row["step"] == 0)
    if row["turn"]:
        side = -1 if row["turn"] == 1 else 1
        end = _JUNCTION, _MIDDLE + side * (_ARM - _LANE / 2)
        canvas.disc(end, 34.0, RIGHT if side == cue else WRONG)
        canvas.shape(_arrow(end, 22.0, (0, side)), INK)
        canvas.words("success" if side == cue else "failure", 28, INK, (end[0] + 104.0, end[1]))
    else:
        place = _START + (_JUNCTION - _START) * float(row["place"]) / length, _MIDDLE
        canvas.shape(_arrow(place, 30.0, (1, 0)), GROUND)
        canvas.shape(_arrow(place, 24.0, (1, 0)), INK)
    _draw_time(canvas, float(row["step"]) / max_steps)
    return canvas.picture()


def _draw_maze(canvas: Canvas, length: int) -> None:
    start = _START - _LANE / 2
    for colour, more in ((EDGE, 4.0), (ROAD, 0.0)):
        lane = _LANE + 2 * more
        canvas.box((start - more, _MIDDLE - lane / 2, _JUNCTION - start, lane), colour, 10.0)
        arm = _ARM + more
        canvas.box((_JUNCTION - lane / 2, _MIDDLE - arm, lane, 2 * arm), colour, 10.0)
    cell = (_JUNCTION - _START) / length
    for n in range(length) if cell >= 12.0 else ():
        canvas.box((_START + (n + 0.5) * cell - 1.0, _MIDDLE - _LANE / 2 + 8.0, 2.0, _LANE - 16.0), EDGE)


def _draw_cue(canvas: Canvas, side: int, seen: bool) -> None:
    canvas.box((_START - 3.0, _MIDDLE - 100.0, 6.0, 56.0), EDGE)
    canvas.box((_START - 46.0, _MIDDLE - 176.0, 92.0, 92.0), ACCENT if seen else FAINT, 14.0)
    canvas.shape(_arrow((_START, _MIDDLE - 130.0), 30.0, (0, side)), GROUND if seen else EDGE)
    words = "the agent sees it" if seen else "out of sight"
    canvas.words(words, 24, ACCENT if seen else WORDS, (_START + 140.0, _MIDDLE - 130.0))


def recall_scene(row: np.void, num_symbols: int, first_question: int) -> np.ndarray:
    """The sequence above, what the agent sees in the middle, its answers below.

    Args:
        row: the state of `RecallVectorEnv`.
        num_symbols: how many symbols there are.
        first_question: the step that asks for the first symbol.

    Returns:
        (600, 960, 3) uint8.
    """
    canvas = Canvas(WIDTH, HEIGHT, GROUND)
    step, symbols, answers = int(row["step"]), row["symbols"].tolist(), row["answers"].tolist()
    asked = step - first_question
    for n, (symbol, answer) in enumerate(zip(symbols, answers, strict=True)):
        x, side = _slot(n, len(symbols))
        _draw_tile(canvas, (x, _SHOWN), side, FAINT)
        _draw_symbol(canvas, (x, _SHOWN), side / 3, (symbol, num_symbols), 1.0 if n == step else 0.45)
        ring = ACCENT if n == asked else FAINT if answer < 0 else RIGHT if answer == symbol else WRONG
        _draw_tile(canvas, (x, _ANSWERED), side, ring)
        if answer >= 0:
            _draw_symbol(canvas, (x, _ANSWERED), side / 3, (answer, num_symbols))
    seen = symbols[step] if step < len(symbols) else -1
    _draw_sight(canvas, seen, num_symbols, 0 <= asked < len(symbols))
    for words, height in (("shown, in this order", _SHOWN), ("answered", _ANSWERED)):
        canvas.words(words, 22, WORDS, (WIDTH / 2, height - 76.0))
    _draw_time(canvas, step / (first_question + len(symbols)))
    return canvas.picture()


def _slot(n: int, length: int) -> tuple[float, float]:
    """Where a symbol of a sequence stands [pixels from the left], and the side of its tile."""
    pitch = min((WIDTH - 120.0) / length, 124.0)
    return WIDTH / 2 + (n + 0.5 - length / 2) * pitch, 0.84 * pitch


def _draw_tile(canvas: Canvas, middle: tuple[float, float], side: float, ring: Colour) -> None:
    for part, colour in ((side, ring), (0.9 * side, GROUND)):
        canvas.box((middle[0] - part / 2, middle[1] - part / 2, part, part), colour, part / 8)


def _draw_sight(canvas: Canvas, symbol: int, num_symbols: int, asking: bool) -> None:
    """What the agent sees: a symbol, nothing, or a question."""
    middle = WIDTH / 2, _SEEN
    canvas.disc(middle, 78.0, ACCENT if asking else FAINT)
    canvas.disc(middle, 72.0, GROUND)
    canvas.words("the agent sees", 22, WORDS, (WIDTH / 2 - 170.0, _SEEN))
    if symbol >= 0:
        _draw_symbol(canvas, middle, 44.0, (symbol, num_symbols))
    elif asking:
        canvas.words("?", 96, ACCENT, (middle[0], middle[1] + 5.0))


def _draw_symbol(
    canvas: Canvas,
    middle: tuple[float, float],
    radius: float,
    symbol: tuple[int, int],
    strength: float = 1.0,
) -> None:
    """A symbol, (its number, how many there are), in a colour and with a number of sides of its own.

    A faint one mixes with the ground.
    """
    number, count = symbol
    colour = 255.0 * np.array(colorsys.hsv_to_rgb(number / count, 0.62, 0.95))
    red, green, blue = np.rint(np.array(GROUND) + strength * (colour - np.array(GROUND))).astype(int).tolist()
    sides = 3 + number % 6
    angles = np.pi / 2.0 + 2.0 * np.pi * (np.arange(sides) + 0.5) / sides
    canvas.shape(middle + radius * np.column_stack([np.cos(angles), np.sin(angles)]), (red, green, blue))
