"""Streaming chat over the protocol of OpenAI, as vLLM, llama.cpp, LM Studio and most hosted models speak it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx

from psylite_pipeline.errors import ModelBroken, ModelCut
from psylite_pipeline.model import MOST_JUDGE_TOKENS, Loading, Message, ServedModel, answer_tokens
from psylite_pipeline.pieces import Thought, Words

#: What a server says of a reply that it ended before the model did.
CUT_SHORT = frozenset({"length", "max_tokens", "content_filter"})


class OpenAIModel(ServedModel):
    """Chat at `url`, which ends in `/v1` with most servers. `key` may be empty: a server at home asks for none.
    `sampling`: fields of the request that go before the server's own values."""

    called, address_variable = "The model server", "PSYLITE_OPENAI_URL"

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        num_ctx: int = 4096,
        sampling: Mapping[str, Any] | None = None,
        **waiting: float,
    ) -> None:
        super().__init__(**waiting)
        self._url = url.rstrip("/")
        self._sampling = {"max_tokens": answer_tokens(num_ctx), **(sampling or {})}
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def _client(self, **options: Any) -> httpx.Client:
        # No redirect is followed: it could carry the key and the talk to another address.
        return httpx.Client(headers=self._headers, **options)

    def _chat(
        self, client: httpx.Client, model: str, messages: list[Message], schema: dict[str, Any] | None
    ) -> Iterator[Words | Thought | Loading]:
        asked: dict[str, Any] = {"model": model, "messages": messages, "stream": True, **self._sampling}
        if schema:
            held = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
            asked |= {"response_format": held, "temperature": 0, "max_tokens": MOST_JUDGE_TOKENS}
        with client.stream("POST", f"{self._url}/chat/completions", json=asked) as response:
            if response.status_code != 200:
                raise self._refused(model, response.status_code)
            finished = cut = False
            for line in _lines(response.iter_text()):
                if not line.startswith("data:"):
                    continue  # empty lines, comments and event names
                data = line[len("data:") :].strip()
                if data == "[DONE]":
                    finished = True
                    break
                part = json.loads(data)
                if part.get("error"):
                    raise ModelBroken(f"{self.called} reported a failure of its own.")
                for choice in part.get("choices") or ():
                    finished = finished or bool(choice.get("finish_reason"))
                    cut = cut or choice.get("finish_reason") in CUT_SHORT
                    delta = choice.get("delta") or {}
                    if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                        yield Thought(str(thought))
                    if words := delta.get("content"):
                        yield Words(str(words))
            if not finished:
                raise ModelBroken("The reply broke off.")
            if cut and not schema:  # it is not whole; to pass it for that would be untrue
                raise ModelCut("The reply was cut by the server, at the limit of tokens or by its own filter.")


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Lines as the protocol ends them. Those of httpx end at U+2028 and its like too, which may stand inside JSON."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from whole
    yield rest
