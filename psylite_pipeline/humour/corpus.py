"""Crosstalk snippets as they stand in knowledge/crosstalk and in an admin's own folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import read_toml

Mood = Literal["gentle", "playful", "silly"]

#: A file larger than this is no snippet file; reading it whole could fill a small machine's memory.
MAX_FILE_BYTES = 8_000_000

#: The list of forbidden themes stands among the snippets and is none.
FORBIDDEN_FILE = "forbidden.toml"

#: Characters of one dialogue. It goes into the prompt, and a small window must still hold it.
MAX_LINES_CHARACTERS = 2_000

#: Characters of a dialogue whose meaning is looked at. The whole finds no better (held-out turns: .798 against .798 in
#: the first three) and takes four times as long to encode.
OPENING = {"zh": 60, "en": 120}

_FIELDS = frozenset({"id", "title", "language", "mood", "topics", "lines", "teaches", "hears"})
# What the hidden marker in an answer can carry; any other id could not be known again on a later turn.
_ID = re.compile(r"[a-z0-9-]{1,80}")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One self-contained bit of crosstalk. `lines` are the dialogue, one speaker a line; `language` is `zh` or `en`;
    `hears` are turns that a person might say before it; `file` names the file it stands in, which is its topic."""

    id: str
    title: str
    language: str
    mood: Mood
    topics: tuple[str, ...]
    lines: str
    teaches: str = ""
    hears: tuple[str, ...] = ()
    file: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The texts whose meaning it is found by: what it is about, how it opens, and turns that it would suit."""
        return f"{self.title}。{'，'.join(self.topics)}", self.lines[: OPENING[self.language]], *self.hears

    @property
    def words(self) -> str:
        """Everything whose words it is found by, the topics three times: held-out English turns found theirs among the
        first three in .884 of cases, with topics once in .875; Chinese ones in .910 and .906."""
        return " ".join((self.title, *self.topics * 3, *self.hears, self.lines))

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for its keys."""
        return hashlib.blake2b("\x1f".join(self.keys).encode("utf-8", "replace"), digest_size=16).digest()


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
            told = (snippet.id, snippet.language, snippet.mood, snippet.file, *snippet.keys, snippet.lines, "\x1e")
            hasher.update("\x1f".join(told).encode("utf-8", "replace"))
        return hasher.hexdigest()

    def by_language(self) -> dict[str, int]:
        """How many snippets there are in each language."""
        counts: dict[str, int] = {}
        for snippet in self.snippets:
            counts[snippet.language] = counts.get(snippet.language, 0) + 1
        return counts


def quoted(text: str) -> list[str]:
    """The lines of a snippet as an answer shows them, and as they are looked for in it later: no tag of its own."""
    return text.replace("<", "＜").split("\n")


def load_corpus(folders: Sequence[Path]) -> Corpus:
    """Read every `*.toml` below `folders`. What cannot be read is refused with a sentence; the rest is kept."""
    snippets: dict[str, Snippet] = {}
    refused: list[str] = []
    for folder in folders:
        if not folder.is_dir():
            refused.append(f"{folder}: there is no such folder. Create it, or correct the setting that names it.")
            continue
        for path in sorted(folder.rglob("*.toml")):
            if path.name == FORBIDDEN_FILE:
                continue
            try:
                entries = _entries(path)
            except KnowledgeError as error:
                refused.append(f"{error} Its snippets are left out until then.")
                continue
            language = "en" if path.parent.name == "en" else "zh"
            for number, entry in enumerate(entries, 1):
                made = _snippet(entry, language, f"{path.parent.name}/{path.stem}")
                if isinstance(made, str):
                    refused.append(f"{path}: snippet {number}: {made}")
                elif made.id in snippets:
                    refused.append(f"{path}: snippet {number}: the id {made.id!r} stands twice. Give it another.")
                else:
                    snippets[made.id] = made
    return Corpus(tuple(snippets.values()), tuple(refused))


def _entries(path: Path) -> list[object]:
    """The entries of a file. Raises KnowledgeError."""
    with suppress(OSError):
        if path.stat().st_size > MAX_FILE_BYTES:
            raise KnowledgeError(f"{path}: larger than {MAX_FILE_BYTES // 1_000_000} MB; split the file.")
    table = read_toml(path)
    entries = table.pop("snippet", [])
    if table or not isinstance(entries, list):
        raise KnowledgeError(f"{path}: holds something else than snippets; start each of them with [[snippet]].")
    return entries


def _snippet(entry: object, language: str, file: str) -> Snippet | str:
    """A snippet, or the sentence that says what is wrong with it."""
    if not isinstance(entry, dict):
        return "not a table. Start it with [[snippet]]."
    if unknown := sorted(set(entry) - _FIELDS):
        return f"`{unknown[0]}` is no field of a snippet. Use {', '.join(sorted(_FIELDS))}."
    for name in ("id", "title", "lines"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            return f"`{name}` is missing or is not text."
    if not _ID.fullmatch(entry["id"].strip()):
        return "`id` must be made of a to z, 0 to 9 and hyphens, 80 at most."
    if len(entry["lines"]) > MAX_LINES_CHARACTERS:
        return f"`lines` is longer than {MAX_LINES_CHARACTERS} characters. Shorten it, or make two snippets of it."
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
        file=file,
    )


def _stripped(lines: Iterable[str]) -> Iterable[str]:
    return (line.strip() for line in lines if line.strip())
