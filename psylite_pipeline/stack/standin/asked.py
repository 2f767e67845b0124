"""Requests as they come in, checked and refused in Ollama's words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psylite_pipeline.stack.standin.backend import Message, Sampling

DEFAULT_NUM_CTX = 4096  # Ollama's own
_TYPES: Mapping[str, tuple[type, ...]] = {
    "num_ctx": (int,),
    "num_predict": (int,),
    "temperature": (int, float),
    "seed": (int,),
    "stop": (list, str),
    "top_k": (int,),
    "top_p": (int, float),
    "min_p": (int, float),
    "typical_p": (int, float),
    "repeat_penalty": (int, float),
    "repeat_last_n": (int,),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
}
_NOT_SAMPLING = {"num_ctx", "num_predict", "stop"}


class Refused(Exception):
    """A request that gets an error instead of an answer. status: HTTP; the text is the `error` field."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat call. `num_ctx` and `num_predict` in tokens; `num_predict` None means as long as the window."""

    model: str
    messages: tuple[Message, ...]
    stream: bool
    num_ctx: int
    num_predict: int | None
    options: Mapping[str, Any]
    schema: Mapping[str, Any] | None
    usage: bool = False

    def sampling(self, prompt_tokens: int, context: int) -> Sampling:
        """What the model is asked for, when so many tokens of its context are already taken."""
        limit = min(self.num_predict or self.num_ctx, context - prompt_tokens)
        return Sampling(limit=max(1, limit), options=self.options, schema=self.schema)


def read_json(raw: bytes) -> dict[str, Any]:
    """The body as an object. Raises Refused as Ollama does."""
    if not raw.strip():
        raise Refused(400, "missing request body")
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise Refused(400, _json_error(raw, error)) from None
    if not isinstance(value, dict):
        raise Refused(400, f"json: cannot unmarshal {_go(value)} into Go value of type api.ChatRequest")
    return value


def _json_error(raw: bytes, error: ValueError) -> str:
    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
    text = raw.decode("utf-8", "replace")
    if at >= len(text.rstrip()):
        return "unexpected EOF"
    return f"invalid character {text[at]!r} looking for beginning of value"


def chat_request(body: Mapping[str, Any]) -> ChatRequest:
    """POST /api/chat. Raises Refused for what Ollama does not take either: lists of parts above all."""
    options = _options(body.get("options"))
    if body.get("tools"):
        raise Refused(400, f"{_model(body)} does not support tools")
    if body.get("think"):
        raise Refused(400, f'"{_model(body)}" does not support thinking')
    return ChatRequest(
        model=_model(body),
        messages=_messages(body.get("messages"), parts_allowed=False),
        stream=body.get("stream") is not False,
        num_ctx=_positive(options.get("num_ctx")) or DEFAULT_NUM_CTX,
        num_predict=_positive(options.get("num_predict")),
        options=_sampling_options(options),
        schema=_schema(body.get("format")),
    )


def v1_request(body: Mapping[str, Any]) -> ChatRequest:
    """POST /v1/chat/completions: the OpenAI spelling of the same; here lists of text parts are allowed."""
    named = {name: body[name] for name in _TYPES if body.get(name) is not None and not name.startswith("num_")}
    options = _options(named)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    form = body.get("response_format") or {}
    schema: Any = None
    if isinstance(form, dict) and form.get("type") == "json_object":
        schema = "json"
    elif isinstance(form, dict) and form.get("type") == "json_schema":
        schema = (form.get("json_schema") or {}).get("schema")
    stream_options = body.get("stream_options") or {}
    return ChatRequest(
        model=_model(body),
        messages=_messages(body.get("messages"), parts_allowed=True),
        stream=bool(body.get("stream")),
        num_ctx=DEFAULT_NUM_CTX,
        num_predict=_positive(limit),
        options=_sampling_options(options),
        schema=_schema(schema),
        usage=isinstance(stream_options, dict) and bool(stream_options.get("include_usage")),
    )


def _model(body: Mapping[str, Any]) -> str:
    model = body.get("model", "")
    if not isinstance(model, str):
        raise Refused(400, f"json: cannot unmarshal {_go(model)} into Go struct field ChatRequest.model of type string")
    return model


def _messages(value: Any, *, parts_allowed: bool) -> tuple[Message, ...]:
    field = "Go struct field ChatRequest.messages of type"
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Refused(400, f"json: cannot unmarshal {_go(value)} into {field} []api.Message")
    messages = []
    for message in value:
        if not isinstance(message, dict):
            raise Refused(400, f"json: cannot unmarshal {_go(message)} into {field} api.Message")
        content, role = message.get("content"), message.get("role")
        if parts_allowed and isinstance(content, list):
            content = _flat(content)
        if content is not None and not isinstance(content, str):
            raise Refused(
                400, f"json: cannot unmarshal {_go(content)} into Go struct field Alias.content of type string"
            )
        if message.get("images"):
            raise Refused(400, "this model reads no images")
        messages.append({"role": role if isinstance(role, str) else "", "content": content or ""})
    return tuple(messages)


def _flat(parts: Sequence[Any]) -> str:
    texts = []
    for part in parts:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise Refused(400, "this model reads text parts only")
        texts.append(part["text"])
    return "\n".join(texts)


def _options(value: Any) -> dict[str, Any]:
    """The options it knows, each of the right type; a null is one that was not given."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(400, f"json: cannot unmarshal {_go(value)} into Go struct field ChatRequest.options")
    options: dict[str, Any] = {}
    for name, given in value.items():
        kinds = _TYPES.get(name)
        if kinds is None or given is None:  # the rest are settings of Ollama's runner, without meaning here
            continue
        whole = isinstance(given, float) and given.is_integer() and int in kinds and float not in kinds
        if isinstance(given, bool) or not (isinstance(given, kinds) or whole):
            wanted = "float32" if float in kinds else "integer" if int in kinds else "array"
            raise Refused(400, f'option "{name}" must be of type {wanted}')
        options[name] = int(given) if whole else given
    return options


def _sampling_options(options: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: value for name, value in options.items() if name not in _NOT_SAMPLING}
    if "stop" in options:
        stop = options["stop"]
        chosen["stop"] = [stop] if isinstance(stop, str) else [word for word in stop if isinstance(word, str)]
    return chosen


def _schema(value: Any) -> Mapping[str, Any] | None:
    """`format`: nothing, "json" (any object) or a JSON schema."""
    if value is None or value == "":
        return None
    if value == "json":
        return {"type": "object"}
    if not isinstance(value, dict):
        raise Refused(400, 'invalid format: expected "json" or a JSON schema')
    return value


def _positive(value: Any) -> int | None:
    """A limit; Ollama reads zero and less as none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _go(value: Any) -> str:
    return {list: "array", dict: "object", str: "string", bool: "bool"}.get(type(value), "number")
