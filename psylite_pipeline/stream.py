"""A model's words on their way to a person: no hidden reasoning, no tags of our prompts, no block left open."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from psylite_pipeline.conversation import unended
from psylite_pipeline.errors import ModelError
from psylite_pipeline.model import FIRST_SIGN_SECONDS, HEARTBEAT_SECONDS
from psylite_pipeline.output_check import Unfit
from psylite_pipeline.pieces import Chunk, Thought, Waiting, Words

_FENCE = re.compile(r"</?(?:素材|偏好|material|preferences)>")
_LONGEST_FENCE = len("</preferences")


def without_thoughts(pieces: Iterator[Chunk]) -> Iterator[Chunk]:
    """The words alone. Hidden thinking must not look like a dead server, so now and then it is told as waiting."""
    began = told = time.monotonic()
    patience = FIRST_SIGN_SECONDS
    for piece in pieces:
        if not isinstance(piece, Thought):
            yield piece
        elif time.monotonic() - told > patience:
            told, patience = time.monotonic(), HEARTBEAT_SECONDS
            yield Waiting(told - began)


def without_fences(pieces: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same pieces without the tags of our own prompts, which a small model recites; they may be cut anywhere."""
    held = ""
    try:
        for piece in pieces:
            if isinstance(piece, Words):
                text = _FENCE.sub("", held + piece.text)
                at = text.rfind("<", max(0, len(text) - _LONGEST_FENCE))
                cut = at if at >= 0 and ">" not in text[at:] else len(text)
                held, piece = text[cut:], Words(text[:cut])
            elif held:
                yield Words(held)
                held = ""
            if not isinstance(piece, Words) or piece.text:
                yield piece
    except ModelError:
        if held:
            yield Words(held)
        raise
    if held:
        yield Words(held)


def closed(pieces: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same pieces, and the end of what the model left open (a folded block, a comment), also where it breaks off:
    what we say below must not be hidden with it."""
    text = ""
    try:
        for piece in pieces:
            text += piece.text if isinstance(piece, Words) else ""
            yield piece
    except (ModelError, Unfit):
        if end := unended(text):
            yield Words(end)
        raise
    if end := unended(text):
        yield Words(end)
