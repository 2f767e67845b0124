"""One `psylite up` at a time, and every way of telling it to stop."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack import processes
from psylite_pipeline.stack.layout import Layout

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Hold the data folder. Raises StackError while another `up` does; its lock ends with its process."""
    record = layout.run / "up.json"
    with (layout.run / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = processes.recorded(record)
            who = f" (process {pid})" if pid else ""
            raise StackError(
                f"PsyLite is already running{who}. Stop it with Ctrl-C where it runs, or with `make down`. For a "
                "second one set PSYLITE_DATA_DIR and the ports."
            ) from None
        processes.remember(record, os.getpid())
        try:
            yield
        finally:
            record.unlink(missing_ok=True)


@contextmanager
def stoppable() -> Iterator[None]:
    """Within this a polite signal and a closed terminal count as Ctrl-C. The first counts, further ones are ignored,
    so that stopping is never left half done."""
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    for number in _NUMBERS:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for other in _NUMBERS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
