"""Starts the processes of the stack, waits until each answers, and starts again what ends by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.processes import Child
from psylite_pipeline.stack.teller import Teller

#: How often a part that ends by itself is started again before everything is given up.
RESTARTS = 3


@dataclass(slots=True)
class Part:
    """One process of the stack: how it is started, and how one sees that it answers within `patience` seconds."""

    label: str
    begin: Callable[[], Child]
    answers: Callable[[], bool]
    patience: float
    child: Child | None = None
    ready: bool = False
    restarts: int = 0


def start(parts: list[Part], teller: Teller) -> None:
    """Start those that are not yet, and wait until each answers.

    Raises StackError with the end of its log when one dies or takes too long.
    """
    begun = time.monotonic()
    waiting = [part for part in parts if not part.ready]
    for part in waiting:
        part.child = part.child or part.begin()
    with teller.working(f"Starting {', '.join(part.label for part in waiting)}") as update:
        while waiting:
            update(0, 0, "waiting for " + ", ".join(part.label for part in waiting))
            for part in list(waiting):
                seconds = time.monotonic() - begun
                if part.child and part.child.ended:
                    raise StackError(_obituary(part, "ended while it was starting"))
                if part.answers():
                    waiting.remove(part)
                    part.ready = True
                    teller.say(f"✓ {part.label} answers ({seconds:.0f} s)", "green")
                elif seconds > part.patience:
                    raise StackError(_obituary(part, f"did not answer within {part.patience:.0f} s"))
            time.sleep(0.4)


def watch(parts: list[Part], teller: Teller) -> None:
    """Until told to stop. A part that ends by itself is started again, three times; then StackError."""
    while True:
        for part in parts:
            if part.child and part.child.ended:
                if part.restarts >= RESTARTS:
                    raise StackError(_obituary(part, "keeps ending"))
                part.restarts += 1
                teller.say(f"{part.label} has ended by itself and is started again.", "yellow")
                part.child.stop()
                part.child = part.begin()
        time.sleep(0.5)


def _obituary(part: Part, what: str) -> str:
    if part.child is None:
        return f"{part.label} {what}."
    words = part.child.last_words()
    return f"{part.label} {what}. " + (f"The end of {part.child.log}:\n{words}" if words else "It left no word.")
