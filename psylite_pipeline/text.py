"""What is done to any text in one way everywhere: its ends, a fence it cannot leave, which letters are Chinese."""

from __future__ import annotations

#: Chinese characters, to stand inside a character class of a regular expression.
HAN = "\u3400-\u4dbf\u4e00-\u9fff"


def ends_of(text: str, most: int, joint: str = "\n") -> str:
    """A text of more than `most` characters as its ends, half of them each: what matters comes first or last."""
    return text if len(text) <= most else f"{text[: most // 2]}{joint}{text[-(most // 2) :]}"


def fenced(text: str) -> str:
    """Foreign text that cannot close the fence around it in a prompt."""
    return text.replace("<", "＜").replace(">", "＞")
