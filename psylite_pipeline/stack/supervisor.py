"""Starts the processes of the stack, waits until each answers, and starts again what ends by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.processes import Child
from psylite_pipeline.stack.teller import Teller

#: How often within how many seconds a part that ends by itself is started again at once.
RESTARTS, RECENT = 3, 600

#: Seconds until the next try to start a part that keeps ending and that the others can do without.
PAUSE = 60

_ON_WITHOUT = (
    "It is tried again every minute. Whoever is in danger is answered meanwhile; others hear that the model is away."
)


@dataclass(slots=True)
class Part:
    """One process of the stack: how it is started, and how one sees that it answers within `patience` seconds.

    The others go on without one that is not `vital`. `ends`: when it ended by itself lately; `next_try`: not sooner
    again (both by the monotonic clock). `complained`: it was said that the others go on without it.
    """

    label: str
    begin: Callable[[], Child]
    answers: Callable[[], bool]
    patience: float
    child: Child | None = None
    ready: bool = False
    vital: bool = True
    ends: list[float] = field(default_factory=list)
    next_try: float = 0.0
    complained: bool = False


def start(parts: list[Part], teller: Teller) -> None:
    """Start those that are not yet, nor given up, and wait until each answers.

    Raises StackError with the end of its log when a vital one dies or takes too long.
    """
    begun = time.monotonic()
    waiting = [part for part in parts if not part.ready and not part.complained]
    for part in waiting:
        part.child = part.child or part.begin()
    with teller.working(f"Starting {', '.join(part.label for part in waiting)}") as update:
        while waiting:
            update(0, 0, "waiting for " + ", ".join(part.label for part in waiting))
            for part in list(waiting):
                seconds = time.monotonic() - begun
                ended = part.child is not None and part.child.ended
                if not ended and part.answers():
                    waiting.remove(part)
                    part.ready = True
                    teller.say(f"✓ {part.label} answers ({seconds:.0f} s)", "green")
                elif ended or seconds > part.patience:
                    how = "ended while it was starting" if ended else f"did not answer within {part.patience:.0f} s"
                    if part.vital:
                        raise StackError(_obituary(part, how))
                    waiting.remove(part)  # `watch` goes on with it
                    part.complained = True
                    teller.say(f"{_obituary(part, how)}\n{_ON_WITHOUT}", "yellow")
            time.sleep(0.4)


def watch(parts: list[Part], teller: Teller) -> None:
    """Until told to stop. A part that ends by itself is started again; StackError where a vital one keeps ending."""
    while True:
        for part in parts:
            if part.child and part.child.ended and time.monotonic() >= part.next_try:
                _start_again(part, teller)
        time.sleep(0.5)


def _start_again(part: Part, teller: Teller) -> None:
    now = time.monotonic()
    waited, part.next_try = part.next_try > 0, 0.0
    lately = [at for at in part.ends if at > now - RECENT]
    part.ends, part.complained = [*lately, now], part.complained and bool(lately)
    try:
        if len(part.ends) > RESTARTS and not waited:
            raise StackError(_obituary(part, "keeps ending"))
        if not part.complained:
            teller.say(f"{part.label} has ended by itself and is started again.", "yellow")
        if part.child:
            part.child.stop()
        part.child = part.begin()
    except StackError as error:
        if part.vital:
            raise
        part.next_try = now + PAUSE
        if not part.complained:
            teller.say(f"{error}\n{_ON_WITHOUT}", "yellow")
        part.complained = True


def _obituary(part: Part, what: str) -> str:
    if part.child is None:
        return f"{part.label} {what}."
    words = part.child.last_words()
    return f"{part.label} {what}. " + (f"The end of {part.child.log}:\n{words}" if words else "It left no word.")
