"""What is done to any text in one way everywhere: its ends, a fence it cannot leave, how much it says."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import opencc

#: Chinese characters, to stand inside a character class of a regular expression.
HAN = "\u3400-\u4dbf\u4e00-\u9fff"

#: Laughter, in letters and in little faces, and what may stand around it.
LAUGHTER = re.compile(
    r"[哈嘿嘻]+|笑死|2333*|hhh*\b|xswl|(?<![a-z])(?:a?ha(?:ha)*|hehe(?:he)*|lo+l|lmf?ao+|rofl)(?![a-z])|[😂🤣😆😹😄😁😀😃]",
    re.IGNORECASE,
)

_SAID = re.compile(rf"(?P<character>[{HAN}])|[^\W_{HAN}]+")


def amount_said(text: str) -> int:
    """How much a text says: a Chinese character counts one, a word of another script two."""
    return sum(1 if found["character"] else 2 for found in _SAID.finditer(text))


def only_laughs(text: str) -> bool:
    """Whether a text is laughter and nothing else."""
    left = LAUGHTER.sub("", text)
    return len(left) < len(text) and all(mark in "~～" or unicodedata.category(mark)[0] in "PZCM" for mark in left)


def ends_of(text: str, most: int, joint: str = "\n") -> str:
    """A text of more than `most` characters as its ends, half of them each: what matters comes first or last."""
    return text if len(text) <= most else f"{text[: most // 2]}{joint}{text[-(most // 2) :]}"


def fenced(text: str) -> str:
    """Foreign text that cannot close the fence around it in a prompt."""
    return text.replace("<", "＜").replace(">", "＞")


def simplified(text: str) -> str:
    """`text` with simplified in place of traditional Chinese characters."""
    return text if text.isascii() else _simplifier().convert(text)


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")  # its tables take 25 ms to load


def printable(text: str) -> str:
    """One line that can be written anywhere, whatever the name of a file holds."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
