"""What no joke may rest on: the word list in knowledge/crosstalk/forbidden.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import read_toml
from psylite_pipeline.humour.corpus import FORBIDDEN_FILE
from psylite_pipeline.risk.normalise import normalise

_FIELDS = frozenset({"id", "zh", "en"})


class Themes:
    """Finds forbidden words. Safe to share between threads."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        """`words` maps a theme to its words; a word in Latin letters counts as a whole word, `*` at its end as any."""
        self._themes = {theme: re.compile("|".join(map(_pattern, found))) for theme, found in words.items()}

    @classmethod
    def load(cls, folder: Path) -> Themes:
        """The list in `folder`. Raises KnowledgeError naming the file and what is wrong with it."""
        path = folder / FORBIDDEN_FILE
        table = read_toml(path)
        entries = table.get("theme")
        if set(table) != {"theme"} or not isinstance(entries, list):
            raise KnowledgeError(f"{path}: must hold [[theme]] entries and nothing else. Correct the file.")
        return cls(dict(_theme(path, number, entry) for number, entry in enumerate(entries, 1)))

    def found(self, text: str) -> str:
        """The first forbidden theme in `text` with its word, as `theme: word`; `""` where there is none."""
        # As written, and folded: traditional letters, full-width ones, and words spelled with spaces.
        for version in (text.casefold(), normalise(text)):
            for theme, pattern in self._themes.items():
                if match := pattern.search(version):
                    return f"{theme}: {match.group()}"
        return ""


def _theme(path: Path, number: int, entry: Any) -> tuple[str, list[str]]:
    name = entry.get("id") if isinstance(entry, dict) else None
    words = [*entry.get("zh", []), *entry.get("en", [])] if isinstance(name, str) else []
    if (
        not isinstance(name, str)
        or not set(entry) <= _FIELDS
        or not words
        or not all(isinstance(word, str) and word.strip(" *") for word in words)
    ):
        raise KnowledgeError(f"{path}: theme {number} needs an id, and words under zh or en. Correct the file.")
    return name, words


def _pattern(word: str) -> str:
    word = word.strip().casefold()
    if not word.isascii():
        return re.escape(word)
    return rf"\b{re.escape(word.rstrip('*'))}" + (r"\w*" if word.endswith("*") else r"\b")
