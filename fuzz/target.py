"""Starts atheris on one function of ours. A finding is any exception; a slow input is one past `SLOW_SECONDS`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

import atheris

#: One input of at most MAX_LENGTH bytes may take so long. The rules are linear: 10 ms for 4,000 characters.
SLOW_SECONDS, MAX_LENGTH = 5.0, 8_192


def run(check: Callable[[atheris.FuzzedDataProvider], None]) -> None:
    """Call `check` with ever new input until a limit given on the command line, or a finding."""
    logging.disable(logging.CRITICAL)

    def once(data: bytes) -> None:
        started = time.perf_counter()
        check(atheris.FuzzedDataProvider(data))
        if time.perf_counter() - started > SLOW_SECONDS:
            raise RuntimeError("too slow")

    atheris.Setup([*sys.argv, f"-max_len={MAX_LENGTH}"], once)
    atheris.Fuzz()
