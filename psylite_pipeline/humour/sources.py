"""The scripts in a file: plain text, Markdown, or JSON with one script or one exchange a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psylite_pipeline.humour.decoding import decoded
from psylite_pipeline.humour.scripts import Script, read_script, script_of, tidy

TEXT = frozenset({"", ".txt", ".text", ".md", ".markdown"})
JSON_LINES = frozenset({".jsonl", ".ndjson"})
JSON = frozenset({".json"})
SUBTITLES = frozenset({".srt", ".vtt", ".ass", ".sub"})
KINDS = ".txt, .md, .jsonl or .json"

# Where people put the words, in the order they are looked for.
_TEXT_FIELDS = ("text", "content", "script", "dialogue", "dialog")
_LIST_FIELDS = ("lines", "messages", "conversation", "conversations", "dialogue", "dialog", "turns")
_SPEAKER_FIELDS = ("role", "speaker", "from", "name", "character")
_WORD_FIELDS = ("content", "text", "value", "line")
_EMPTY = object()  # an empty line between rows
_UNSPOKEN = frozenset({"system", "tool", "developer"})
# Who speaks in a talk with a chatbot: somebody's own words, which are nobody else's to read.
_ASKING = frozenset({"user", "human", "用户"})
_ANSWERING = frozenset({"assistant", "gpt", "chatgpt", "助手"})
_NO_SPEAKERS = "subtitles name no speakers. Write A: and B: before the lines, and save it as text."
_NO_SPEAKER = "no line begins with a speaker (such as 甲： or A:)."
_TIMED = re.compile(r"^\s*(?:\d\d:)?\d\d:\d\d[,.]\d{2,3} --> ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that holds no script; `line` is 0 where it is the whole file, `last` 0 where it is one line."""

    line: int
    why: str
    last: int = 0


@dataclass(slots=True)
class Source:
    """What one file holds."""

    path: Path
    scripts: list[Script] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


def files_in(place: Path) -> list[Path]:
    """What lies below `place` and is no folder, or `place` itself where it is none; hidden ones are passed over. Not
    all of it can be read: `closed` says which."""
    if not place.is_dir():
        return [place]
    found = (path for path in place.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(place).parts))


def closed(path: Path, place: Path) -> str:
    """Why `path`, which `files_in` found in `place`, is not to be opened; `""` where it may be."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a link to itself
        return "is a link that leads nowhere."
    if not target.is_relative_to(place):
        return "is a link that leads out of the folder."
    if target.is_dir():
        return "is a link to a folder; files are read where they stand."
    return "" if target.is_file() else "is no file (a pipe, a socket or a device)."


def read_source(path: Path) -> Source:
    """Read one file. Never raises for what it holds."""
    source = Source(path)
    kind = path.suffix.lower()
    if kind in SUBTITLES:
        source.unread.append(Unread(0, _NO_SPEAKERS))
        return source
    if kind not in TEXT | JSON_LINES | JSON:
        source.unread.append(Unread(0, f"is of a kind that is not read ({kind}). Save it as text, Markdown or JSONL."))
        return source
    text, why = decoded(path)
    if not why and not text.strip():
        why = "is empty."
    if not why and kind in TEXT and _TIMED.search(text):
        why = _NO_SPEAKERS
    if why:
        source.unread.append(Unread(0, why))
    elif kind in TEXT:
        reading = read_script(text, "")
        source.scripts = reading.scripts
        ranges = reading.unread if reading.scripts else [(0, 0)]
        source.unread += [Unread(first, _NO_SPEAKER, last) for first, last in ranges]
    else:
        _read_rows(source, text, whole=kind in JSON)
    _leave_out_chats(source)
    return source


def _leave_out_chats(source: Source) -> None:
    for script in source.scripts:
        speakers = {line.speaker for line in script.lines}
        if speakers & _ASKING and speakers & _ANSWERING:
            source.unread.append(Unread(script.lines[0].first, "is a talk with a chatbot, not a script."))
            source.scripts = [other for other in source.scripts if other is not script]


def _read_rows(source: Source, text: str, *, whole: bool) -> None:
    pairs: list[tuple[str, str, int]] = []  # rows that are one line or one exchange each make one script

    def close() -> None:
        if pairs:
            source.scripts.append(script_of(pairs, ""))
            pairs.clear()

    for number, row, why in _whole(text) if whole else _rows(text):
        if why:
            source.unread.append(Unread(number, why))
            close()
        elif row is _EMPTY:
            close()
        elif isinstance(row, dict) and row and set(row) <= {"0", "1"} and all(isinstance(v, str) for v in row.values()):
            pairs += [(key, row[key], number) for key in sorted(row)]
        elif (line := _line(row)) and "\n" not in line[1]:
            pairs += [(*line, number)] if line[0] not in _UNSPOKEN else []
        else:
            close()
            scripts = _scripts(row, number, "")
            source.scripts += scripts
            if not scripts:
                source.unread.append(Unread(number, "holds no dialogue under text, content, lines or messages."))
    close()


def _rows(text: str) -> Iterator[tuple[int, Any, str]]:
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if not line.strip():
            yield number, _EMPTY, ""
            continue
        try:
            yield number, json.loads(line), ""
        except (ValueError, RecursionError):
            yield number, None, "is no JSON."


def _whole(text: str) -> Iterator[tuple[int, Any, str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        yield 0, None, "is no JSON."
        return
    if isinstance(found, list) and not all(isinstance(row, str) for row in found):
        yield from ((number, row, "") for number, row in enumerate(found, 1))
    else:
        yield 1, found, ""


def _line(entry: Any) -> tuple[str, str] | None:
    """The speaker and the words of an entry that is one line of a script."""
    if not isinstance(entry, dict):
        return None
    speaker = next((entry[key] for key in _SPEAKER_FIELDS if isinstance(entry.get(key), str | int)), None)
    words = next((entry[key] for key in _WORD_FIELDS if isinstance(entry.get(key), str)), None)
    return None if speaker is None or words is None else (str(speaker).strip().casefold(), words)


def _scripts(row: Any, number: int, title: str) -> list[Script]:
    """The scripts of one row; none where its shape is not known."""
    if isinstance(row, str):
        return read_script(row, title, number).scripts
    if isinstance(row, list):
        return _of_list(row, number, title)
    if not isinstance(row, dict):
        return []
    own = row.get("title")
    title = (tidy(own) if isinstance(own, str) else "") or title
    for name in _LIST_FIELDS:
        if isinstance(row.get(name), list):
            return _of_list(row[name], number, title)
    for name in _TEXT_FIELDS:
        if isinstance(row.get(name), str):
            return read_script(row[name], title, number).scripts
    digits = [key for key in row if key.isdecimal() and isinstance(row[key], str)]
    if len(digits) > 1:
        return _of_list([row[key] for key in sorted(digits, key=int)], number, title)
    return []


def _of_list(entries: list[Any], number: int, title: str) -> list[Script]:
    if all(isinstance(entry, str) for entry in entries):
        labelled = read_script("\n".join(entry.replace("\n", " ") for entry in entries), title, number).scripts
        if sum(len(script.lines) for script in labelled) * 2 >= len(entries):
            return labelled
        return [script_of([(str(at % 2), entry, number) for at, entry in enumerate(entries)], title)]
    lines = [_line(entry) for entry in entries]
    turns = [(*line, number) for line in lines if line and line[0] not in _UNSPOKEN]
    return [script_of(turns, title)] if turns and all(lines) else []
