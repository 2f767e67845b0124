"""One chat model behind an address, Ollama's or OpenAI's protocol, with seed and deadline. One call, one reply.

Ollama is asked by its own protocol, since only that one takes the context window with the request.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import httpx

from psylite_pipeline.errors import EvaluationError, ModelAway, ModelBroken, ModelError, ModelMissing, ModelTimeout
from psylite_pipeline.listing import has
from psylite_pipeline.model import ChatModel, Chunk, Deadlines, Waiting, parted
from psylite_pipeline.ollama_model import OllamaModel
from psylite_pipeline.openai_model import OpenAIModel

KEY_VARIABLE = "PSYLITE_EVAL_KEY"
"""Environment variable with the key of an OpenAI-compatible server. Never an option: those end up in histories."""

_HOMES = {"ollama": "http://127.0.0.1:11434", "openai": "https://api.openai.com/v1"}
_TIMEOUT = 900.0  # seconds: a laptop without a GPU may read a long talk for minutes
_AGAIN_TEMPERATURE = 0.7
_KEEP_ALIVE = "30m"  # as the product's default; no answer depends on it

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Address:
    """Which model is meant: `ollama:NAME`, `openai:NAME`, either with `@http://…` behind it."""

    api: Literal["ollama", "openai"]
    name: str
    url: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises EvaluationError with the form that is wanted."""
        api, colon, rest = text.partition(":")
        name, _, url = rest.rpartition("@") if "@http" in rest else (rest, "", "")
        if api not in _HOMES or not colon or not name:
            raise EvaluationError(f"{text!r} is no model: write ollama:NAME or openai:NAME, then @http://… if needed.")
        home = os.environ.get("OLLAMA_BASE_URL", _HOMES["ollama"]) if api == "ollama" else _HOMES["openai"]
        return cls("ollama" if api == "ollama" else "openai", name, (url or home).rstrip("/"))

    def __str__(self) -> str:
        return f"{self.api}:{self.name}@{self.url}"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn. Temperature 0 and a fixed seed, so that a second run gives the same where a server can.
    `num_ctx` and `max_tokens` are tokens."""

    seed: int = 1
    temperature: float = 0.0
    max_tokens: int = 1024
    num_ctx: int = 4096


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the words, the reasoning, tokens read and written, and whether it ended by itself."""

    text: str
    thoughts: str = ""
    read: int = 0
    written: int = 0
    whole: bool = True


class _Refused(ModelBroken):
    """The server does not take a request of this form."""


class Endpoint:
    """The model at `address`. Safe to share between threads."""

    def __init__(
        self, address: Address, sampling: Sampling | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.address = address
        self.sampling = sampling or Sampling()
        self._can_hold = True  # answers to a schema, as far as is known
        key = _key()
        self._client = httpx.Client(
            base_url=address.url,
            headers={"Authorization": f"Bearer {key}"} if key and address.api == "openai" else {},
            timeout=httpx.Timeout(_TIMEOUT, connect=10),
            transport=transport,
            trust_env=address.api == "openai",  # a local model is never behind a proxy
        )

    def chat(self, messages: Sequence[Mapping[str, str]], schema: Schema | None = None, attempt: int = 0) -> Reply:
        """One answer, held to `schema` where one is given. Another `attempt` has another seed, and is never drawn at
        temperature 0, where every seed gives the same words. Raises ModelError."""
        drawn = self.sampling
        if attempt:
            warmer = max(drawn.temperature, _AGAIN_TEMPERATURE)
            drawn = replace(drawn, seed=drawn.seed + attempt, temperature=warmer)
        ask = self._ollama if self.address.api == "ollama" else self._openai
        return ask([dict(message) for message in messages], schema, drawn)

    def digest(self) -> str:
        """What tells these weights from others of the same name: Ollama's digest, or "not told"."""
        if self.address.api == "openai":
            return "not told"
        name = self.address.name
        for card in self._call("GET", "/api/tags").get("models", []):
            if has([str(card.get("name"))], name):
                return str(card.get("digest", "not told"))
        raise ModelMissing(f"{self.address.url} has no model named {name}.")

    def _ollama(self, messages: list[dict[str, str]], schema: Schema | None, drawn: Sampling) -> Reply:
        options = {
            "seed": drawn.seed,
            "temperature": drawn.temperature,
            "num_predict": drawn.max_tokens,
            "num_ctx": drawn.num_ctx,
        }
        body = {"model": self.address.name, "messages": messages, "stream": False, "options": options}
        answer = self._call("POST", "/api/chat", body | ({"format": dict(schema)} if schema else {}))
        try:
            said = answer["message"]
            text, thoughts = parted(said["content"])
            return Reply(
                text,
                (said.get("thinking") or "") + thoughts,
                int(answer.get("prompt_eval_count", 0)),
                int(answer.get("eval_count", 0)),
                answer.get("done_reason") != "length",
            )
        except (KeyError, TypeError):
            raise ModelBroken("The answer is not Ollama's protocol.") from None

    def _openai(self, messages: list[dict[str, str]], schema: Schema | None, drawn: Sampling) -> Reply:
        body: dict[str, Any] = {
            "model": self.address.name,
            "messages": messages,
            "seed": drawn.seed,
            "temperature": drawn.temperature,
            "max_tokens": drawn.max_tokens,
        }
        held: dict[str, Any] = {}
        if schema and self._can_hold:
            form = {"name": "judgement", "schema": dict(schema), "strict": True}
            held = {"response_format": {"type": "json_schema", "json_schema": form}}
        try:
            answer = self._call("POST", "/chat/completions", body | held)
        except _Refused:
            if not held:
                raise
            # Not every server knows schemas (DeepSeek's does not), nor every schema. The prompt asks for JSON anyway.
            self._can_hold = False
            answer = self._call("POST", "/chat/completions", body)
        try:
            choice = answer["choices"][0]
            text, thoughts = parted(choice["message"]["content"] or "")
            usage = answer.get("usage") or {}
            told = choice["message"].get("reasoning_content") or ""
            read, written = int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
            return Reply(text, told + thoughts, read, written, choice.get("finish_reason") != "length")
        except (KeyError, IndexError, TypeError):
            raise ModelBroken("The answer is not OpenAI's protocol.") from None

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.TimeoutException:
            raise ModelTimeout(f"{self.address} was silent for {_TIMEOUT:g} seconds.") from None
        except httpx.HTTPError as error:
            raise ModelAway(f"No server answers at {self.address.url} ({type(error).__name__}).") from None
        if response.status_code == 404:
            raise ModelMissing(f"{self.address.url} has no model named {self.address.name}, or no such path.")
        if response.status_code in {408, 429, 503, 504}:
            raise ModelTimeout(f"{self.address.url} is busy (status {response.status_code}).")
        try:
            answer = response.json() if response.status_code == 200 else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            kind = _Refused if response.status_code in {400, 422} else ModelBroken
            raise kind(f"{self.address.url} answered with status {response.status_code}.")
        return answer


class Watched:
    """The product's own client of the model at `address`, with the sampling of the evaluation in place of the server's.

    What is measured behind the pipeline is what a person gets: streamed, cut at the token limit, with the notice that
    follows a reply that broke off. Where nothing came at all, kind words stand for an answer; they are none to an
    evaluation, so that failure is kept for `failure`. The pipeline's own choice of model and deadlines is ignored.
    """

    def __init__(self, address: Address, sampling: Sampling) -> None:
        self._name = address.name
        drawn = {"seed": sampling.seed, "temperature": sampling.temperature}
        self._model: ChatModel = (
            OpenAIModel(address.url, _key(), sampling=drawn | {"max_tokens": sampling.max_tokens})
            if address.api == "openai"
            else OllamaModel(
                address.url,
                num_ctx=sampling.num_ctx,
                keep_alive=_KEEP_ALIVE,
                sampling=drawn | {"num_predict": sampling.max_tokens},
            )
        )
        self._failed = threading.local()

    def failure(self) -> ModelError | None:
        """What went wrong in this thread since the last time somebody asked."""
        error, self._failed.error = getattr(self._failed, "error", None), None
        return error

    def stream(self, model: str, messages: Sequence[dict[str, str]], deadlines: Deadlines) -> Iterator[Chunk]:
        """See ChatModel. Raises ModelError."""
        came = False
        try:
            for piece in self._model.stream(self._name, messages, Deadlines(_TIMEOUT, _TIMEOUT)):
                came = came or not isinstance(piece, Waiting)
                yield piece
        except ModelError as error:
            if not came or not isinstance(error, ModelBroken):
                # The client does not tell a busy server from a broken one, and a busy one is worth asking again.
                self._failed.error = ModelAway(str(error)) if isinstance(error, ModelBroken) else error
            raise

    def ask(
        self, model: str, messages: Sequence[dict[str, str]], schema: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        """The optional judge of the pipeline is off in evaluations."""
        raise ModelBroken("The pipeline's judge is not part of an evaluation.")


def _key() -> str:
    return os.environ.get(KEY_VARIABLE) or os.environ.get("OPENAI_API_KEY", "")
