from agents.runs.cadence import CheckpointCadence


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def saves_in(seconds: int, cost: float, least_seconds: float) -> tuple[int, float]:
    """Saves, and the share of time they took, when a second of work is offered at a time."""
    clock, saves = FakeClock(), 0

    def save() -> None:
        nonlocal saves
        saves += 1
        clock.now += cost

    cadence = CheckpointCadence(save, least_seconds, clock=clock)
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 1.0
        cadence.save_if_due()
    return saves, saves * cost / seconds


def test_a_cheap_checkpoint_is_taken_at_the_least_interval():
    assert saves_in(seconds=100, cost=0.0, least_seconds=10.0) == (10, 0.0)


def test_an_expensive_checkpoint_costs_at_most_its_share():
    saves, share = saves_in(seconds=1000, cost=2.0, least_seconds=10.0)
    assert share <= 0.05
    assert saves >= 20  # and no fewer than the share allows


def test_a_checkpoint_asked_for_is_taken_at_once():
    taken = []
    cadence = CheckpointCadence(lambda: taken.append(1), least_seconds=1e9)
    cadence.save_if_due()
    assert not taken
    cadence.save()
    assert taken == [1]
