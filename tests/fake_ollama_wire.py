"""The recorded protocol of the scripted Ollama: what a model call is answered with, lines and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import Any

VERSION = "0.32.15"
SIZE = 253113608
DIGEST = "5826ad4cff00fec877fec1dc12f747f4ed1dd54c82a719169fb3731bc0680396"
MODIFIED = "2026-11-23T01:30:04.536035542Z"
DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "gemma3",
    "families": ["gemma3"],
    "parameter_size": "268.10M",
    "quantization_level": "Q4_K_M",
}
NDJSON = "application/x-ndjson"
JSON = "application/json; charset=utf-8"

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What one model call is answered with, and how it goes wrong.

    text: the pieces as they stream; a single str is one piece. Not streamed, they are joined.
    think: pieces sent as `message.thinking` before the text (a `<think>` that the model writes itself belongs in text).
    delay, pause: seconds before the first piece (headers wait too, as Ollama's do) and between pieces.
    status, error: any status but 200 answers `{"error": error}` and nothing else.
    error_line: after the pieces an `{"error": …}` line ends the stream with status 200 (not streamed: a 500).
    garbage: after the pieces this raw line ends the stream; no done line (not streamed: it is the whole body).
    hang: after the pieces silence, for so many seconds or (True) until the test ends; then the connection is cut.
    close_after: the connection is cut after so many pieces (0: after the headers), without a proper end.
    big: so many characters more, as one last piece.
    when: this reply answers only a request for which when(body) holds; others look further down the script.
    """

    text: str | Sequence[str] = ()
    _: KW_ONLY
    think: Sequence[str] = ()
    delay: float = 0.0
    pause: float = 0.0
    done_reason: str = "stop"
    status: int = 200
    error: str = "the model runner has stopped"
    error_line: str | None = None
    garbage: str | bytes | None = None
    hang: bool | float = False
    close_after: int | None = None
    big: int = 0
    when: Callable[[Body], bool] | None = None

    @classmethod
    def as_json(cls, value: Any, **faults: Any) -> Reply:
        """What a model held to a `format` schema writes: `value` as indented JSON, in small pieces."""
        written = json.dumps(value, ensure_ascii=False, indent=2)
        return cls([written[at : at + 4] for at in range(0, len(written), 4)], **faults)

    def pieces(self) -> list[str]:
        """All pieces of text, the big one last."""
        pieces = [self.text] if isinstance(self.text, str) else list(self.text)
        return [*pieces, "字" * self.big] if self.big else pieces


def full(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def parse(raw: bytes) -> Body | str:
    """The body, or what Ollama says about one that cannot be read."""
    if not raw:
        return "missing request body"
    try:
        value = json.loads(raw)
    except ValueError:
        return "unexpected EOF"
    return value if isinstance(value, dict) else f"json: cannot unmarshal {go(value)} into Go value of type api.Request"


def go(value: Any) -> str:
    names = {list: "array", dict: "object", str: "string", bool: "bool"}
    return names.get(type(value), "number")


def bad_message(messages: Any) -> str | None:
    """What Ollama says about messages it does not take; content must be text (null counts as empty)."""
    if not isinstance(messages, list):
        return f"json: cannot unmarshal {go(messages)} into Go struct field ChatRequest.messages of type []api.Message"
    for message in messages:
        if not isinstance(message, dict):
            return f"json: cannot unmarshal {go(message)} into Go struct field ChatRequest.messages of type api.Message"
        content = message.get("content")
        if content is not None and not isinstance(content, str):
            return f"json: cannot unmarshal {go(content)} into Go struct field Alias.content of type string"
    return None


def line(name: str, content: str, thinking: str = "") -> Body:
    message = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    return {"model": name, "created_at": now(), "message": message, "done": False}


def ending(reply: Reply, body: Body, written: int) -> Body:
    """The last line's fields. Token counts are plausible, not true: a token for two characters, cut to num_ctx."""
    options = body.get("options") or {}
    words = sum(len(m.get("content") or "") for m in body["messages"])
    return {
        "done": True,
        "done_reason": reply.done_reason,
        "total_duration": 392726138,
        "load_duration": 1612706,
        "prompt_eval_count": min(words // 2 + 1, int(options.get("num_ctx") or 4096)),
        "prompt_eval_duration": 61422000,
        "eval_count": written,
        "eval_duration": 324938000,
    }
