"""Answers in Ollama's shapes (0.32): pure functions from values to JSON-ready dictionaries."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from psylite_pipeline.stack.standin.backend import Finish
from psylite_pipeline.stack.standin.weights import QWEN_CODER, Weights

VERSION = "0.32.15"  # the Ollama whose answers these are
SAYS_SO = (
    "This is a stand-in, not PsyLite: {title}, a small general model that was never tuned for counselling. "
    "It is here so that everything can be tried without Ollama. It is not for people in need."
)
_TEMPLATE = (  # what the model's own template comes to, in Ollama's language; the server uses the model's
    "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """What the server says about its one model. name: with its tag. context: tokens. modified: when the file came."""

    name: str
    context: int
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))
    weights: Weights = QWEN_CODER

    @property
    def notice(self) -> str:
        """That it is a stand-in, in two sentences."""
        return SAYS_SO.format(title=self.weights.title)

    def is_called(self, name: str) -> bool:
        """Whether this name means the model; the tag may be left out, and case does not matter."""
        return full_name(name).casefold() == self.name.casefold()

    def details(self) -> Json:
        """The `details` of show, tags and ps."""
        return {
            "parent_model": f"{self.weights.title} (stand-in, not PsyLite)",
            "format": "gguf",
            "family": "qwen2",
            "families": ["qwen2"],
            "parameter_size": "1.5B",
            "quantization_level": "Q4_K_M",
        }


def full_name(name: str) -> str:
    """`name` with its tag: psylite is psylite:latest."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def stamp(moment: datetime) -> str:
    """A time as Ollama writes it: UTC, nine digits after the point."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def dump(value: Mapping[str, Any]) -> bytes:
    """Compact JSON in UTF-8, as on the wire."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def tags(card: Card) -> Json:
    """GET /api/tags."""
    details = {**card.details(), "context_length": card.context, "embedding_length": 1536}
    return {
        "models": [
            {
                "name": card.name,
                "model": card.name,
                "modified_at": stamp(card.modified),
                "size": card.weights.size,
                "digest": card.weights.sha256,
                "details": details,
                "capabilities": ["completion"],
            }
        ]
    }


def ps(card: Card) -> Json:
    """GET /api/ps: the model is always loaded, and says that it expires a day from now."""
    return {
        "models": [
            {
                "name": card.name,
                "model": card.name,
                "size": card.weights.size,
                "digest": card.weights.sha256,
                "details": card.details(),
                "expires_at": stamp(datetime.now(UTC) + timedelta(days=1)),
                "size_vram": 0,
                "context_length": card.context,
            }
        ]
    }


def show(card: Card) -> Json:
    """POST /api/show."""
    return {
        "modelfile": f"# {card.notice}\nFROM {card.weights.file_name}\nPARAMETER num_ctx 4096\n",
        "parameters": "num_ctx                        4096\ntemperature                    0.8",
        "template": _TEMPLATE,
        "system": "",
        "details": card.details(),
        "model_info": {
            "general.architecture": "qwen2",
            "general.basename": "Qwen2.5-Coder",
            "general.description": card.notice,
            "general.file_type": 15,
            "general.license": card.weights.licence.lower(),
            "general.parameter_count": 1543714304,
            "general.size_label": "1.5B",
            "general.type": "model",
            "qwen2.context_length": card.context,
            "qwen2.embedding_length": 1536,
        },
        "tensors": [],
        "capabilities": ["completion"],
        "modified_at": stamp(card.modified),
        "license": f"{card.weights.title}: {card.weights.licence}",
    }


def line(model: str, content: str) -> Json:
    """A line of a chat stream that is not the last."""
    return {
        "model": model,
        "created_at": stamp(datetime.now(UTC)),
        "message": {"role": "assistant", "content": content},
        "done": False,
    }


def loaded(model: str) -> Json:
    """The answer to a chat without messages."""
    return {**line(model, ""), "done": True, "done_reason": "load"}


def last_line(model: str, content: str, finish: Finish, begun_ns: int) -> Json:
    """The last line of a stream (content empty), or the whole answer. `begun_ns`: time.monotonic_ns() at the start."""
    total = time.monotonic_ns() - begun_ns
    return {
        **line(model, content),
        "done": True,
        "done_reason": finish.reason,
        "total_duration": total,
        "load_duration": max(0, total - finish.prompt_ns - finish.writing_ns),
        "prompt_eval_count": finish.prompt_tokens,
        "prompt_eval_duration": finish.prompt_ns,
        "eval_count": finish.written_tokens,
        "eval_duration": finish.writing_ns,
    }


def v1_error(message: str, status: int) -> Json:
    """An error of /v1/*."""
    kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def v1_models(card: Card) -> Json:
    """GET /v1/models."""
    created = int(card.modified.timestamp())
    return {
        "object": "list",
        "data": [{"id": card.name, "object": "model", "created": created, "owned_by": "library"}],
    }


def v1_usage(finish: Finish) -> Json:
    """The tokens of one answer."""
    total = finish.prompt_tokens + finish.written_tokens
    return {
        "prompt_tokens": finish.prompt_tokens,
        "completion_tokens": finish.written_tokens,
        "total_tokens": total,
    }


def v1_frame(number: int, model: str, *, chunk: bool = True) -> Json:
    """What every chunk of one /v1 answer begins with."""
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk" if chunk else "chat.completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": "fp_ollama",
    }
