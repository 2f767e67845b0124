"""Streaming chat over the ollama client."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import ollama

from psylite_pipeline.errors import ModelBroken, ModelCut
from psylite_pipeline.listing import has
from psylite_pipeline.model import (
    FIRST_SIGN_SECONDS,
    MOST_JUDGE_TOKENS,
    Loading,
    Message,
    ServedModel,
    answer_tokens,
)
from psylite_pipeline.pieces import Thought, Words

#: A model that spoke so lately is taken to be in memory: to ask each time would delay every first word by a round trip.
#: With a PSYLITE_KEEP_ALIVE shorter than this it may be gone, and whoever waits is not told that it is being loaded.
STAYS_SECONDS = 60.0


class OllamaModel(ServedModel):
    """Chat through Ollama's own protocol at `url`. `sampling`: options of Ollama that go before the server's own."""

    called, address_variable = "Ollama", "OLLAMA_BASE_URL"

    def __init__(
        self,
        url: str,
        *,
        num_ctx: int,
        keep_alive: str,
        sampling: Mapping[str, Any] | None = None,
        first_sign: float = FIRST_SIGN_SECONDS,
    ) -> None:
        super().__init__(first_sign=first_sign)
        self._url = url
        self._options = {"num_ctx": num_ctx, "num_predict": answer_tokens(num_ctx), **(sampling or {})}
        self._keep_alive = keep_alive
        self._spoke: dict[str, float] = {}

    def _client(self, **options: Any) -> ollama.Client:
        return ollama.Client(host=self._url, **options)

    def _chat(
        self, client: ollama.Client, model: str, messages: list[Message], schema: dict[str, Any] | None
    ) -> Iterator[Words | Thought | Loading]:
        options = self._options
        if schema:
            options = {**options, "temperature": 0, "num_predict": MOST_JUDGE_TOKENS}
        finished = cut = False
        try:
            lately = time.monotonic() - self._spoke.get(model, -STAYS_SECONDS) < STAYS_SECONDS
            if not lately and not _in_memory(client, model):
                yield Loading()
            # The package cuts lines at U+0085 too, which Ollama does not escape: such a reply breaks off.
            for part in client.chat(
                model=model, messages=messages, stream=True, format=schema, options=options, keep_alive=self._keep_alive
            ):
                finished, cut = finished or bool(part.done), cut or part.done_reason == "length"
                self._spoke[model] = time.monotonic()
                if part.message.thinking:
                    yield Thought(part.message.thinking)
                if part.message.content:
                    yield Words(part.message.content)
        except ollama.ResponseError as error:
            raise self._refused(model, error.status_code) from None
        # A reply without the closing line broke off, or was cut at the limit; to pass it for whole would be untrue.
        if not finished:
            raise ModelBroken("The reply broke off.")
        if cut and not schema:
            raise ModelCut("The reply was cut at the limit of tokens.")


def _in_memory(client: ollama.Client, model: str) -> bool:
    """Whether Ollama has `model` loaded; yes where it does not say. Asked before the chat: a model that is being loaded
    is listed like one that is there. Raises what tells that no server answers."""
    try:
        return has([running.model or "" for running in client.ps().models], model)
    except (httpx.HTTPError, ConnectionError):
        raise
    except Exception:  # noqa: BLE001  an older or foreign server without this list: no reason to fail a turn
        return True
