"""What pipe and filter share: one counsellor a process, and the key they carry a judgement under."""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, get_args

from psylite_pipeline.conversation import CARRIED
from psylite_pipeline.host.webhook import Webhook, open_webhook
from psylite_pipeline.metrics import open_metrics
from psylite_pipeline.opening import open_counsellor
from psylite_pipeline.settings import Preferences, Settings

#: Id under which the Pipelines server offers our pipe: its loader file's name.
PIPE_ID = "psylite"

#: How many numbers a talk's id may become: enough that not all begin alike, too few to tell whose it is.
SEEDS = 1000

#: Valves of the filter by which the pipe answers what the filter sends it; at `auto` the pipe's own hold.
_OF_THE_WORDS = {name: get_args(Preferences.model_fields[name].annotation) for name in ("language", "region")}

T = TypeVar("T")


class Shared(Generic[T]):
    """Opens something once, at first need, whichever of pipe and filter asks first."""

    def __init__(self, opener: Callable[[], T]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._opened: list[T] = []

    def get(self) -> T:
        """What was opened."""
        with self._lock:
            if not self._opened:
                self._opened.append(self._opener())
            return self._opened[0]


shared_metrics = Shared(lambda: open_metrics(Settings.load().metrics_port))
shared = Shared(lambda: open_counsellor(Settings.load(), metrics=shared_metrics.get()))
shared_webhook = Shared(open_webhook)


def task_of(body: Mapping[str, Any]) -> str | None:
    """The background task that the host's metadata names."""
    metadata = body.get("metadata")
    task = metadata.get("task") if isinstance(metadata, Mapping) else None
    return task if isinstance(task, str) else None


def chat_of(body: Mapping[str, Any], webhook: Webhook | None) -> str | None:
    """The talk's id in the host's metadata, hashed; None where nobody is told anything, or there is no id."""
    metadata = body.get("metadata")
    chat = metadata.get("chat_id") if isinstance(metadata, Mapping) else None
    return webhook.hashed(chat) if webhook and isinstance(chat, str) and chat else None


def seed_of(body: Mapping[str, Any]) -> int | None:
    """A number for the talk's id in the host's metadata, from which the id cannot be read."""
    metadata = body.get("metadata")
    chat = metadata.get("chat_id") if isinstance(metadata, Mapping) else None
    return zlib.crc32(chat.encode("utf-8", "replace")) % SEEDS if isinstance(chat, str) else None


def carried_chat(body: Mapping[str, Any]) -> str | None:
    """The hashed id that an inlet has put into the body."""
    carried = body.get(CARRIED)
    chat = carried.get("chat") if isinstance(carried, Mapping) else None
    return chat if isinstance(chat, str) else None


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


def carry(body: dict[str, Any], **values: str | int | None) -> dict[str, Any]:
    """The body with what `pipe` is not told otherwise, in place of whatever a caller put there."""
    return {**body, CARRIED: {key: value for key, value in values.items() if value is not None}}


def words_of(valves: Preferences) -> dict[str, str]:
    """What a filter carries of its valves, for the fixed words that the pipe answers with."""
    return {name: value for name in _OF_THE_WORDS if (value := getattr(valves, name)) != "auto"}


def answered_as(body: Mapping[str, Any], preferences: Preferences) -> Preferences:
    """`preferences` with what a filter carried. It says which language and helplines, and nothing of the judgement."""
    carried = body.get(CARRIED)
    sent = carried.items() if isinstance(carried, Mapping) else ()
    held = {name: value for name, value in sent if value in _OF_THE_WORDS.get(name, ()) and value != "auto"}
    return preferences.model_copy(update=held)
