"""How much a piece of work costs, in steps of the interpreter: no clock and no busy machine has a say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python `work` runs. Work inside C is linear by its own library's promise or a regex's form."""
    count = 0

    def tracer(frame: FrameType, event: str, argument: object):
        nonlocal count
        count += event == "line"
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
