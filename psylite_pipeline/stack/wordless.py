"""Log lines without anybody's words: an exception's text may quote what a person wrote."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any


class WordlessFormatter(logging.Formatter):
    """Shows of an exception its type and the places it came through: no message, no source line, no value."""

    def formatException(self, ei: Any) -> str:  # the name is logging's
        """One line an exception of the chain, innermost last."""
        lines = []
        error = ei[1]
        while error is not None:
            lines.append(_line(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(reversed(lines))

    def formatStack(self, stack_info: str) -> str:
        """Nothing: a stack shows source lines."""
        return ""


def _line(error: BaseException) -> str:
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    inner = f" of {', '.join(_line(one) for one in error.exceptions)}" if isinstance(error, BaseExceptionGroup) else ""
    return f"{type(error).__name__}{inner} at {' > '.join(places[-8:])}"
