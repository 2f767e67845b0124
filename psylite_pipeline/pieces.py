"""What a reply may hold beside words: a host that cannot show these drops them, and nothing of the answer is lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """A short line for as long as nothing else comes; the next piece of another sort takes it away."""

    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where something in the answer comes from: the name of a crosstalk snippet, and its lines."""

    name: str
    text: str
