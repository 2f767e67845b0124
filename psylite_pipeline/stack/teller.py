"""What a person sees while the stack works: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from psylite_pipeline.stack.standin import Progress as Update

__all__ = ["Teller", "Update"]


class Teller:
    """Speaks to `console`. `every` is the pause in seconds between lines where no bar can be drawn."""

    def __init__(self, console: Console, every: float = 15.0) -> None:
        self.console = console
        self._every = every

    def say(self, sentence: str, style: str = "") -> None:
        """One sentence, exactly as it is."""
        self.console.print(sentence, style=style or None, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def working(self, what: str) -> Iterator[Update]:
        """Show that `what` is being done; the update tells how far it is. A total of 0 means that nobody knows."""
        if not self.console.is_terminal:
            yield self._lines(what)
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(24), TaskProgressColumn())
        with Progress(*columns, TimeElapsedColumn(), console=self.console, transient=True) as progress:
            task = progress.add_task(what, total=None)

            def update(done: int, total: int, note: str) -> None:
                text = f"{what}: {note}" if note else what
                progress.update(task, description=text, completed=done, total=total or None)

            yield update

    def _lines(self, what: str) -> Update:
        self.say(f"{what} …")
        spoken, last = time.monotonic(), ""

        def update(done: int, total: int, note: str) -> None:
            nonlocal spoken, last
            line = f"  {note or what}{f' {100 * done // total} %' if total else ''}"
            if line != last and time.monotonic() - spoken >= self._every:
                spoken, last = time.monotonic(), line
                self.say(line)

        return update
