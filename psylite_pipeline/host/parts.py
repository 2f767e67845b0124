"""What pipe and filter share: one counsellor a process, and the key they carry a judgement under."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

from psylite_pipeline.conversation import CARRIED
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.opening import open_counsellor
from psylite_pipeline.settings import Settings

#: Id under which the Pipelines server offers our pipe: its loader file's name.
PIPE_ID = "psylite"


class Shared:
    """Opens the counsellor once, at first need, whichever of pipe and filter asks first."""

    def __init__(self, opener: Callable[[], Counsellor]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._counsellor: Counsellor | None = None

    def get(self) -> Counsellor:
        """The counsellor."""
        with self._lock:
            if self._counsellor is None:
                self._counsellor = self._opener()
            return self._counsellor


shared = Shared(lambda: open_counsellor(Settings.load()))


def task_of(body: Mapping[str, Any]) -> str | None:
    """The background task that the host's metadata names."""
    metadata = body.get("metadata")
    task = metadata.get("task") if isinstance(metadata, Mapping) else None
    return task if isinstance(task, str) else None


def sendable(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what the server cannot answer with: lone surrogates (half an emoji) and numbers that are none.

    An inlet's body goes back to the host as JSON; where that fails the person reads "Internal Server Error".
    """
    try:
        return _sendable(body)
    except RecursionError:  # nested past what any JSON writer takes
        return {key: value for key, value in body.items() if key in {"model", "messages", "stream"}}


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "ignore").decode("utf-8")
    if isinstance(value, dict):
        return {_sendable(key): _sendable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_sendable(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def carry(body: dict[str, Any], **values: str | None) -> dict[str, Any]:
    """The body with what `pipe` is not told otherwise, in place of whatever a caller put there."""
    return {**body, CARRIED: {key: value for key, value in values.items() if value is not None}}
