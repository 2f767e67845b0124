"""What a model streams and what a reply may hold: a host that shows nothing but words loses nothing of the answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The model has said nothing for `seconds`. `loading`: it was not in memory when it was asked."""

    seconds: float
    loading: bool = False


#: What a model streams.
Chunk = Words | Thought | Waiting


@dataclass(frozen=True, slots=True)
class Status:
    """A short line for as long as nothing else comes; the next piece of another sort takes it away."""

    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where something in the answer comes from: the name of a crosstalk snippet, and its lines."""

    name: str
    text: str
