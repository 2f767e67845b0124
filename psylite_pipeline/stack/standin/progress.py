"""How a long download tells where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often while bytes arrive; `rich.progress.Progress.update` fits behind it in one line.

    done, total: bytes. note: what is being done, in a few words for a person.
    """

    def __call__(self, done: int, total: int, note: str) -> None: ...


def silent(done: int, total: int, note: str) -> None:
    """The Progress that says nothing."""
