"""What the server needs of a language model: the seam between the Ollama protocol and llama.cpp."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to write. limit: most tokens to write, at least 1.

    options: by llama.cpp's names, only those that were asked for.
    schema: a JSON schema the text must hold to, or None.
    """

    limit: int
    options: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, as soon as it is written; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The last value of a generation. Counts are tokens, times nanoseconds; reason is stop or length."""

    reason: str
    prompt_tokens: int
    written_tokens: int
    prompt_ns: int
    writing_ns: int


class BackendError(Exception):
    """The model could not do it. The text is for the caller of the API; it holds nothing of the conversation.

    refused: the request was at fault (a schema that cannot be used), not the model.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Backend(Protocol):
    """A loaded chat model. Every method may raise BackendError."""

    @property
    def context(self) -> int:
        """Tokens of prompt and reply together that one request can use."""
        ...

    async def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of these messages in the model's own chat template, ready for its answer."""
        ...

    def generate(self, tokens: Sequence[int], sampling: Sampling) -> AsyncIterator[Piece | Finish]:
        """Pieces, then one Finish. Closing the iterator, or cancelling the task, stops the model."""
        ...
