"""An admin's own scripts made into snippets: read, split, checked, and written where the shelf finds them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.embedding import Embedder
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import write_whole
from psylite_pipeline.humour import wording
from psylite_pipeline.humour.corpus import MAX_FILE_BYTES, MAX_LINES_CHARACTERS, Snippet
from psylite_pipeline.humour.scripts import Line, Script
from psylite_pipeline.humour.sources import files_in, read_source
from psylite_pipeline.humour.splitting import LONGEST, SHORTEST, size, split
from psylite_pipeline.humour.themes import Themes
from psylite_pipeline.humour.unfit import unfit
from psylite_pipeline.language import language_of
from psylite_pipeline.risk.assess import Rules
from psylite_pipeline.text import HAN

Outcome = Literal["kept", "split", "refused"]

#: Share of letters in common from which a bit is no new one. Versions of one joke share more, different ones under .1.
NEAR = 0.5

#: So often the report says of one file line by line that something is refused for one reason.
MOST_ALIKE = 20

#: What the lexicon may not see in a joke, besides danger.
_SIGNS = frozenset({"grief", "illness", "trauma"})
_ALIKE = "as good as "
_LOST_MARK = re.compile(rf"(?<=[，。！？!?,])[AB](?=[{HAN}])")
_INNER_NAME = re.compile(rf"^([{HAN}]{{2,5}})(?<![说问道喊])[:：](?=.)", re.MULTILINE)
_MARKS = {"zh": ("甲：", "乙："), "en": ("A: ", "B: ")}
_HEADER = """\
# Made by `psylite index --add` from {source}.
# Written anew whenever that folder is added again. To change something by hand, move this file to a folder of your own
# (PSYLITE_SNIPPETS_DIR) and edit it there.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of some lines of a file. `first` is 0 where it is the whole file. `what` is the snippet's id and
    title, or the reason. `inner` are lines of the script, from 1, where the file holds a whole script in one line."""

    path: Path
    first: int
    last: int
    outcome: Outcome
    what: str
    inner: tuple[int, int] | None = None

    @property
    def place(self) -> str:
        """`file:first-last`, and behind a row of JSON the lines of its script: `file:3, lines 12-17`."""
        lines = f"{self.first}-{self.last}" if self.last > self.first else str(self.first)
        name = _printable(self.path)
        place = f"{name}:{lines}" if self.first else name
        return f"{place}, lines {self.inner[0]}-{self.inner[1]}" if self.inner else place

    @property
    def reason(self) -> str:
        """`what` without its particulars."""
        return f"{_ALIKE}one there is already" if self.what.startswith(_ALIKE) else self.what.partition(" (")[0]


@dataclass(slots=True)
class Report:
    """What was done with a folder. `written` are the files that changed; `files` is how many were read."""

    files: int = 0
    snippets: list[Snippet] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        """How many entries have this outcome."""
        return sum(entry.outcome == outcome for entry in self.entries)

    def sentences(self) -> Iterator[str]:
        """A line for each entry. What is refused again and again in one file for one reason is summed up at the end."""
        counts: Counter[tuple[Path, str]] = Counter()
        for entry in self.entries:
            counts[entry.path, entry.reason] += entry.outcome == "refused"
            if entry.outcome != "refused" or counts[entry.path, entry.reason] <= MOST_ALIKE:
                yield f"{entry.place}  {entry.outcome}: {entry.what}"
        for (path, reason), count in counts.items():
            if count > MOST_ALIKE:
                yield f"{_printable(path)}  refused: {count - MOST_ALIKE:,} more for the same reason ({reason})"


class Importer:
    """Reads scripts; `target` is the folder that snippets are written to."""

    def __init__(
        self, target: Path, *, rules: Rules, themes: Themes, embedder: Embedder | None, known: Iterable[Snippet] = ()
    ) -> None:
        """`known` are the snippets that there are already, those of an earlier import of the same folder included.
        `embedder` finds where the topic shifts in long scripts."""
        self._target = target
        self._rules = rules
        self._themes = themes
        self._embedder = embedder
        self._known = tuple(known)

    def add(self, source: Path, *, dry_run: bool = False, progress: Callable[[int, int], None] | None = None) -> Report:
        """Make snippets of the files in `source` and write them, unless `dry_run`. The same files give the same result;
        what an earlier import of `source` gave and this one does not is gone. Raises KnowledgeError, EncoderError."""
        if not source.exists():
            raise KnowledgeError(f"{source}: there is no such folder or file. Correct the path.")
        source = source.resolve()
        stem = _stem(source)
        before = _ids(self._parts(stem))
        seen = _Seen(one for one in self._known if one.id not in before)
        report = Report()
        paths = [path for path in files_in(source) if self._target.resolve() not in path.parents]
        for number, path in enumerate(paths, 1):
            self._read(path, seen, report)
            if progress:
                progress(number, len(paths))
        if not dry_run:
            report.written = self._write(stem, source, report.snippets)
        return report

    def _read(self, path: Path, seen: _Seen, report: Report) -> None:
        found = read_source(path)
        report.files += 1
        report.entries += [Entry(path, one.line, one.line, "refused", one.why) for one in found.unread]
        for script in found.scripts:
            pieces = split(script, self._embedder)
            bits = sum(not piece.why for piece in pieces)
            if len(pieces) > 1:
                first, last = script.lines[0].first, script.lines[-1].last
                what = f"{len(script.lines)} lines in {bits} {'bit' if bits == 1 else 'bits'}"
                report.entries.append(Entry(path, first, last, "split", what))
            for number, piece in enumerate(pieces, 1):
                lines = script.lines[piece.start : piece.end]
                if not lines:
                    continue
                said = "\n".join(line.text for line in lines)
                made = piece.why or seen.before.get(said) or self._made(script, lines, number * (len(pieces) > 1), seen)
                seen.before[said] = made if isinstance(made, str) else f"{_ALIKE}{made.id}"
                outcome: Outcome = "refused" if isinstance(made, str) else "kept"
                what = made if isinstance(made, str) else f"{made.id} {made.title}"
                one_row = len(script.lines) > 1 and script.lines[0].first == script.lines[-1].last
                inner = (piece.start + 1, piece.end) if one_row and len(pieces) > 1 else None
                report.entries.append(Entry(path, lines[0].first, lines[-1].last, outcome, what, inner))
                if not isinstance(made, str):
                    report.snippets.append(made)

    def _made(self, script: Script, lines: Sequence[Line], number: int, seen: _Seen) -> Snippet | str:
        """The snippet of some lines, or why they give none."""
        said = "\n".join(line.text for line in lines)
        language = {"zh-Hans": "zh", "zh-Hant": "zh", "en": "en"}.get(language_of(said), "")
        if not language:
            return "neither Chinese nor English"
        total = size(lines)
        if total < SHORTEST:
            return f"too short ({total} characters; {SHORTEST} at least)"
        if total > LONGEST:
            return f"too long ({total} characters; {LONGEST} at most)"
        if 10 * max(len(line.text) for line in lines) > 7 * total:
            return "one speech with hardly an answer"
        if theme := self._themes.found(said):
            return f"forbidden theme ({theme})"
        if what := unfit(said):
            return f"holds what nobody should be shown ({what})"
        if alarm := self._alarming(said):
            return f"the lexicon finds it alarming ({alarm})"
        names = _INNER_NAME.findall(said)
        if _LOST_MARK.search(said) or len(set(names)) < len(names):
            return "a speaker's mark inside the lines"
        if said.count("“") != said.count("”"):
            return "a quotation is not whole"
        first = lines[0].speaker
        marks = _MARKS[language]
        tidy = wording.chinese_punctuation if language == "zh" else str
        text = "\n".join(f"{marks[line.speaker != first]}{tidy(line.text)}" for line in lines)
        if len(text) > MAX_LINES_CHARACTERS:
            return "too long"
        made = Snippet(
            id=f"own-{language}-{hashlib.sha256(wording.bare(said).encode()).hexdigest()[:16]}",
            title=self._title(script.title, lines[0].text, number),
            language=language,
            mood="playful",
            topics=wording.topics(said),
            lines=text,
        )
        other = seen.like(made)
        return f"{_ALIKE}{other}" if other else made

    def _alarming(self, said: str) -> str:
        """The rule that speaks against the words, all together or line by line."""
        for text in (said, *said.split("\n")):
            for finding in self._rules.read(text):
                if finding.level > Risk.NONE or finding.kind is Kind.HARMFUL_REQUEST or finding.sign in _SIGNS:
                    return finding.rule
        return ""

    def _title(self, title: str, opening: str, number: int) -> str:
        """The script's own with the bit's number, or without one how the bit opens."""
        title = wording.title_of(title)
        if title and not self._themes.found(title) and not self._rules.read(title):
            return f"{title}（{number}）" if number else title
        return wording.opening_of(opening) or "…"

    # -- files

    def _parts(self, stem: str) -> list[Path]:
        return sorted(
            path for path in self._target.glob(f"{stem}*.toml") if re.fullmatch(r"(-\d+)?", path.stem[len(stem) :])
        )

    def _write(self, stem: str, source: Path, snippets: Sequence[Snippet]) -> list[Path]:
        """Write each changed part whole, then remove what is left of an earlier import."""
        texts: list[str] = []
        for snippet in snippets:
            text = _toml(snippet)
            if not texts or len(texts[-1].encode()) + len(text.encode()) > MAX_FILE_BYTES // 2:
                texts.append(_HEADER.format(source=json.dumps(source.name, ensure_ascii=False)))
            texts[-1] += text
        wanted = {self._target / f"{stem}{f'-{n}' if n > 1 else ''}.toml": text for n, text in enumerate(texts, 1)}
        changed: list[Path] = []
        try:
            if wanted:
                self._target.mkdir(parents=True, exist_ok=True)
            for path, text in wanted.items():
                data = text.encode()
                if not path.is_file() or path.read_bytes() != data:
                    write_whole(path, data)
                    changed.append(path)
            for path in self._parts(stem):
                if path not in wanted:
                    path.unlink()
                    changed.append(path)
        except OSError as error:
            raise KnowledgeError(
                f"{self._target}: cannot be written ({error.strerror or type(error).__name__}). "
                "Make the folder writable, or set PSYLITE_DATA_DIR to one that is."
            ) from None
        return changed


class _Seen:
    """Remembers what there is, to know a bit again that differs by a few words."""

    def __init__(self, known: Iterable[Snippet]) -> None:
        self.before: dict[str, str] = {}
        """Why lines, word for word, that were looked at already would be refused now."""
        self._by_run: dict[int, list[int]] = {}
        self._samples: list[tuple[str, frozenset[int]]] = []
        self._ids: set[str] = set()
        for one in known:
            self._add(one.id, wording.shingles(_said(one)))

    def like(self, made: Snippet) -> str:
        """The id of a snippet that is as good as the same; `""` where there is none, and then `made` is remembered."""
        if made.id in self._ids:
            return made.id
        sample = wording.shingles(_said(made))
        shared: dict[int, int] = {}
        for run in sample:
            for number in self._by_run.get(run, ()):
                shared[number] = shared.get(number, 0) + 1
        for number in sorted(shared):
            name, other = self._samples[number]
            if shared[number] >= NEAR * max(4, min(len(sample), len(other))):
                return name
        self._add(made.id, sample)
        return ""

    def _add(self, name: str, sample: frozenset[int]) -> None:
        self._ids.add(name)
        for run in sample:
            self._by_run.setdefault(run, []).append(len(self._samples))
        self._samples.append((name, sample))


def _said(snippet: Snippet) -> str:
    return "\n".join(re.sub(r"^(?:[甲乙]：|[AB]: )", "", line) for line in snippet.lines.split("\n"))


def _printable(path: Path) -> str:
    """One line, whatever the name holds."""
    return "".join(char if char.isprintable() else "\ufffd" for char in str(path))


def _stem(source: Path) -> str:
    """A file name for what is imported from `source`: its name as far as it is plain, and a number for its place."""
    plain = re.sub(r"[^a-z0-9]+", "-", source.name.lower()).strip("-")[:40] or "own"
    return f"{plain}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:8]}"


def _ids(paths: Iterable[Path]) -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        try:
            entries = tomllib.loads(path.read_text(encoding="utf-8")).get("snippet", [])
        except (OSError, ValueError):
            continue
        found |= {str(entry.get("id")) for entry in entries if isinstance(entry, dict)}
    return frozenset(found)


def _toml(snippet: Snippet) -> str:
    lines = snippet.lines.replace("\\", "\\\\").replace('"""', '""\\"')
    fields = {"id": snippet.id, "title": snippet.title, "language": snippet.language, "mood": snippet.mood}
    head = "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
    topics = json.dumps(list(snippet.topics), ensure_ascii=False)
    return f'\n[[snippet]]\n{head}\ntopics = {topics}\nlines = """\n{lines}\n"""\n'
