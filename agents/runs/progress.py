"""Progress bars: what is being done, how far, how fast, how long yet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {task.fields['unit']}/s", style="cyan")


Advance = Callable[[int, str], None]
"""Takes how far a stage has come, counted from its start, and a note ('' keeps the last one)."""


@contextmanager
def progress_bar(console: Console, name: str, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
    """Show a bar while a stage runs; `done` units were done before.

    On a stream that is no terminal only the finished bar is printed.
    """
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:>9,.0f}/{task.total:,.0f}"),
        _Rate(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as bars:
        task = bars.add_task(name, total=total, completed=done, unit=unit, note="")

        def advance(completed: int, note: str) -> None:
            bars.update(task, completed=min(completed, total))
            if note:
                bars.update(task, note=note)

        yield advance
