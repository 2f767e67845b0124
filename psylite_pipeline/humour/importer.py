"""An admin's own scripts made into snippets: read, split, screened, and written where the shelf finds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from psylite_pipeline.embedding import Embedder
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.humour.corpus import Snippet
from psylite_pipeline.humour.screening import ALIKE, Screening
from psylite_pipeline.humour.scripts import Line, Script
from psylite_pipeline.humour.snippet_files import SnippetFiles
from psylite_pipeline.humour.sources import closed, files_in, read_source
from psylite_pipeline.humour.splitting import split
from psylite_pipeline.humour.themes import Themes
from psylite_pipeline.humour.unfit import UnfitWords
from psylite_pipeline.risk.parts import Rules
from psylite_pipeline.text import printable

Outcome = Literal["kept", "split", "refused"]
Progress = Callable[[int, int, int], None]

#: So often the report says of one file line by line that something is kept, or refused for one reason.
MOST_ALIKE = 20


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
        name = printable(str(self.path))
        place = f"{name}:{lines}" if self.first else name
        return f"{place}, lines {self.inner[0]}-{self.inner[1]}" if self.inner else place

    @property
    def reason(self) -> str:
        """`what` without its particulars."""
        return f"{ALIKE}one there is already" if self.what.startswith(ALIKE) else self.what.partition(" (")[0]


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
        """A line for each entry. What is kept in one file again and again, or refused for one reason, is summed up at
        the end."""
        counts: Counter[tuple[Path, Outcome, str]] = Counter()
        for entry in self.entries:
            key = entry.path, entry.outcome, entry.reason if entry.outcome == "refused" else ""
            counts[key] += 1
            if entry.outcome == "split" or counts[key] <= MOST_ALIKE:
                yield printable(f"{entry.place}  {entry.outcome}: {entry.what}")
        for (path, outcome, reason), count in counts.items():
            if outcome != "split" and count > MOST_ALIKE:
                why = f" for the same reason ({reason})" if reason else ""
                yield f"{printable(str(path))}  {outcome}: {count - MOST_ALIKE:,} more{why}"


class Importer:
    """Reads scripts; `target` is the folder that snippets are written to."""

    def __init__(
        self,
        target: Path,
        *,
        rules: Rules,
        themes: Themes,
        unfit: UnfitWords,
        embedder: Embedder | None,
        known: Iterable[Snippet] = (),
    ) -> None:
        """`known` are the snippets that there are already, those of an earlier import of the same folder included.
        `embedder` finds where the topic shifts in long scripts."""
        self._target = target
        self._rules = rules
        self._themes = themes
        self._unfit = unfit
        self._embedder = embedder
        self._known = tuple(known)
        self.writing = False
        """Whether all is read and `add` has begun to write."""

    def add(self, source: Path, *, dry_run: bool = False, progress: Progress = lambda *_: None) -> Report:
        """Make snippets of the files in `source` and write them, unless `dry_run`. The same files give the same result;
        what an earlier import of `source` gave and this one does not is gone. `progress` hears after each script
        which file it is in, of how many, and how many snippets are kept. Raises KnowledgeError, EncoderError."""
        if not source.exists():
            raise KnowledgeError(f"{source}: there is no such folder or file. Correct the path.")
        source = source.resolve()
        files = SnippetFiles(self._target, source)
        before = files.ids()
        known = (one for one in self._known if one.id not in before)
        screening = Screening(self._rules, self._themes, self._unfit, known)
        report = Report()
        paths = [path for path in files_in(source) if self._target.resolve() not in path.parents]
        for number, path in enumerate(paths, 1):
            if why := closed(path, source):
                report.entries.append(Entry(path, 0, 0, "refused", why))
                continue
            for script in self._scripts(path, report):
                self._take(path, script, screening, report)
                progress(number, len(paths), len(report.snippets))
        if not dry_run:
            self.writing = True
            report.written = files.write(report.snippets)
        return report

    def _scripts(self, path: Path, report: Report) -> list[Script]:
        found = read_source(path)
        report.files += 1
        report.entries += [Entry(path, one.line, one.last or one.line, "refused", one.why) for one in found.unread]
        return found.scripts

    def _take(self, path: Path, script: Script, screening: Screening, report: Report) -> None:
        """Split one script, and report what became of it and of each bit."""
        pieces = split(script, self._embedder)
        parted = len(pieces) > 1
        if parted:
            bits = sum(not piece.why for piece in pieces)
            what = f"{len(script.lines)} lines in {bits} {'bit' if bits == 1 else 'bits'}"
            report.entries.append(Entry(path, script.lines[0].first, script.lines[-1].last, "split", what))
        one_row = len(script.lines) > 1 and script.lines[0].first == script.lines[-1].last
        for number, piece in enumerate(pieces, 1):
            lines = script.lines[piece.start : piece.end]
            if not lines:
                continue
            made = screening.snippet(lines, title=script.title, number=number if parted else 0, why=piece.why)
            inner = (piece.start + 1, piece.end) if one_row and parted else None
            kept = isinstance(made, Snippet)
            what = f"{made.id} {made.title}{_joined(lines)}" if kept else made
            outcome: Outcome = "kept" if kept else "refused"
            report.entries.append(Entry(path, lines[0].first, lines[-1].last, outcome, what, inner))
            if kept:
                report.snippets.append(made)


def _joined(lines: Iterable[Line]) -> str:
    """What the report says of lines without a speaker that stand in the bit, and that perhaps nobody says."""
    numbers = dict.fromkeys(number for line in lines for number in line.joined)
    said = ", ".join(map(str, numbers))
    return f" (joined, though it names no speaker: line {said})" if said else ""
