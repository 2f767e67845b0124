"""Crosstalk snippets as they stand in knowledge/crosstalk and in an admin's own folder."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Mood = Literal["gentle", "playful", "silly"]

#: A file larger than this is no snippet file; reading it whole could fill a small machine's memory.
MAX_FILE_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Snippet:
    """One self-contained bit of crosstalk. `lines` are the dialogue, one speaker a line; `language` is `zh` or `en`;
    `hears` are turns that a person might say before it."""

    id: str
    title: str
    language: str
    mood: Mood
    topics: tuple[str, ...]
    lines: str
    teaches: str = ""
    hears: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The texts it is found by: what it is about, what it says, and turns of a person that it would suit."""
        return f"{self.title}。{'，'.join(self.topics)}", self.lines, *self.hears


@dataclass(frozen=True, slots=True)
class Corpus:
    """All snippets, and one sentence for each file or entry that was refused."""

    snippets: tuple[Snippet, ...]
    refused: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of everything an index depends on."""
        hasher = hashlib.sha256()
        for snippet in self.snippets:
            hasher.update("\x1f".join((snippet.id, snippet.mood, *snippet.keys, "\x1e")).encode("utf-8", "replace"))
        return hasher.hexdigest()

    def by_language(self) -> dict[str, int]:
        """How many snippets there are in each language."""
        counts: dict[str, int] = {}
        for snippet in self.snippets:
            counts[snippet.language] = counts.get(snippet.language, 0) + 1
        return counts


def load_corpus(folders: Sequence[Path]) -> Corpus:
    """Read every `*.toml` below `folders`. What cannot be read is refused with a sentence; the rest is kept."""
    snippets: dict[str, Snippet] = {}
    refused: list[str] = []
    for folder in folders:
        for path in sorted(folder.rglob("*.toml")):
            try:
                if path.stat().st_size > MAX_FILE_BYTES:
                    refused.append(f"{path}: larger than {MAX_FILE_BYTES // 1_000_000} MB. Split the file.")
                    continue
                entries = tomllib.loads(path.read_text(encoding="utf-8")).get("snippet", [])
            except UnicodeDecodeError:
                refused.append(f"{path}: not UTF-8. Save the file as UTF-8.")
                continue
            except (OSError, tomllib.TOMLDecodeError) as error:
                refused.append(f"{path}: {error}. Correct the file; its snippets are left out until then.")
                continue
            language = "en" if path.parent.name == "en" else "zh"
            for number, entry in enumerate(entries if isinstance(entries, list) else [], 1):
                made = _snippet(entry, language)
                if isinstance(made, str):
                    refused.append(f"{path}: snippet {number}: {made}")
                elif made.id in snippets:
                    refused.append(f"{path}: snippet {number}: the id {made.id!r} stands twice. Give it another.")
                else:
                    snippets[made.id] = made
    return Corpus(tuple(snippets.values()), tuple(refused))


def _snippet(entry: object, language: str) -> Snippet | str:
    """A snippet, or the sentence that says what is wrong with it."""
    if not isinstance(entry, dict):
        return "not a table. Start it with [[snippet]]."
    for name in ("id", "title", "lines"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            return f"`{name}` is missing or is not text."
    if entry.get("mood") not in get_args(Mood):
        return f"`mood` must be one of {', '.join(get_args(Mood))}."
    for name in ("topics", "hears"):
        if not isinstance(entry.get(name, []), list) or not all(isinstance(one, str) for one in entry.get(name, [])):
            return f"`{name}` must be a list of texts."
    language = entry.get("language", language)
    if language not in {"zh", "en"}:
        return "`language` must be zh or en."
    lines = "\n".join(_stripped(entry["lines"].splitlines()))
    return Snippet(
        id=entry["id"].strip(),
        title=entry["title"].strip(),
        language=language,
        mood=entry["mood"],
        topics=tuple(entry.get("topics", [])),
        lines=lines,
        teaches=str(entry.get("teaches", "")),
        hears=tuple(entry.get("hears", [])),
    )


def _stripped(lines: Iterable[str]) -> Iterable[str]:
    return (line.strip() for line in lines if line.strip())
