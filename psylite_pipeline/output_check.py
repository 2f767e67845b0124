"""The last look at a model's words before a person reads them: what must never be said is held back.

Only words that may be growing into a forbidden phrase wait, so harmless text streams as it comes. A phrase that is
found waits for the end of its sentence (what follows may excuse it), at most `WINDOW` characters, and then stops the
reply. The rules are data: knowledge/risk/output, in the lexicon's phrase language.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import ascii_letters

from psylite_pipeline.beginnings import Beginnings
from psylite_pipeline.decision import Risk
from psylite_pipeline.errors import KnowledgeError, ModelError, PsyLiteError
from psylite_pipeline.metrics import NO_METRICS, Metrics
from psylite_pipeline.pieces import Chunk, Thought, Waiting, Words
from psylite_pipeline.risk.rules.files import read_rulebook
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.risk.rules.phrases import Phrase
from psylite_pipeline.risk.rules.rulebook import Rule

log = logging.getLogger(__name__)

WINDOW = 60
"""Most characters that wait for the end of a sentence in which something was found."""

FAILED = "failure.check"
"""In place of a rule's id: the check itself failed."""

_SLICE = 400
_LONGEST, _KEPT = 260, 160  # a sentence longer than the first is read on from its last part
_END = re.compile(r"[。！？?\n\r;；]+|!+(?![a-zA-Z])|\.(?=\s)")
_ENDED = re.compile(r"[。！？!?.\n\r;；][\s”’\"』」）)*_]*\Z")
_UNIT = re.compile(r"(?<=[0-9])(?=(?:mg|g|ml)(?![a-z0-9]))", re.IGNORECASE)
_ENDS_ON = "。！？!?\n\r;；."


class Unfit(PsyLiteError):
    """The model said what must not be said. `rule` is the id of the rule that found it, or FAILED."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class OutputCheck:
    """The rules. Immutable; safe to share between threads. `watch` gives the state of one reply."""

    def __init__(self, lexicon: Lexicon, phrases: Iterable[Phrase]) -> None:
        self._lexicon = lexicon
        self._beginnings = Beginnings(phrases)

    @classmethod
    def load(cls, folder: Path) -> OutputCheck:
        """The rules in the TOML files of `folder`. Raises KnowledgeError naming the file, the rule and the field."""
        book, spellings = read_rulebook(folder)
        for rule in book.rules:
            if rule.level not in (Risk.CONCERN, Risk.HIGH):
                raise KnowledgeError(f"{folder.name}: rule {rule.id}, field level: must be concern or high")
        return cls(Lexicon(book, spellings), [phrase for rule in book.rules for phrase in rule.match])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the files."""
        return self._lexicon.rules

    def found(self, text: str, *, support: bool) -> str:
        """The id of a rule that forbids `text`, or `""`. Rules of level concern speak only under `support`."""
        least = Risk.CONCERN if support else Risk.HIGH
        return next((finding.rule for finding in self._lexicon.findings(_spaced(text)) if finding.level >= least), "")

    def look(self, text: str) -> tuple[bool, int]:
        """Whether `text` may hold a forbidden phrase, and how many letters at its end may be the beginning of one."""
        text = _spaced(text)
        folded = self._lexicon.fold(text)
        possible, waiting = self._beginnings.look(folded)
        word = _last_word(text).lower()
        if word and word != _last_word(folded):  # "you d" reads "you would", until it goes on: "you died"
            unread = f"{self._lexicon.fold(text[: -len(word)])} {word}"
            waiting = max(waiting, self._beginnings.look(unread)[1])
        return possible, waiting

    def guard(self, pieces: Iterator[Chunk], *, support: bool, metrics: Metrics = NO_METRICS) -> Iterator[Chunk]:
        """The same pieces, some a little later. Raises Unfit in place of the words that are not fit, after closing
        `pieces`, and whatever `pieces` raises, after what was held back has been judged. `metrics` count a failure of
        the check itself."""
        watches = {kind: Watch(self, support=support, metrics=metrics) for kind in (Words, Thought)}
        last: type[Words] | type[Thought] = Words
        try:
            try:
                for piece in pieces:
                    if isinstance(piece, Waiting):
                        yield piece
                        continue
                    if not isinstance(piece, last):
                        yield from _told(last, watches[last], None)
                        last = type(piece)
                    yield from _told(last, watches[last], piece.text)
            except ModelError:
                yield from _told(last, watches[last], None)
                raise
            yield from _told(last, watches[last], None)
        finally:
            if close := getattr(pieces, "close", None):
                close()


class Watch:
    """One stream of words under the check. Once `hit` names a rule nothing more is shown.

    A failure of the check itself holds everything back under `support` and lets everything pass elsewhere.
    """

    def __init__(self, check: OutputCheck, *, support: bool, metrics: Metrics = NO_METRICS) -> None:
        self._check = check
        self._metrics = metrics
        self._support = support
        self._seen = ""  # the present sentence, as far as it has come; what is held back is its end
        self._held = ""
        self._shown: list[str] = []
        self._off = False
        self.hit = ""

    def feed(self, text: str) -> str:
        """What may be shown now that `text` has come."""
        for at in range(0, len(text), _SLICE):
            part = text[at : at + _SLICE]
            self._held += part
            self._attempt(part)
        return self._taken()

    def rest(self) -> str:
        """What was held back, because the stream ends or turns to something else here."""
        self._attempt(None)
        return self._taken()

    def _taken(self) -> str:
        shown = "".join(self._shown)
        self._shown.clear()
        return shown

    def _attempt(self, part: str | None) -> None:
        if self.hit:
            return
        try:
            if self._off:
                self._release()
            elif part is None:
                self._last()
            else:
                self._step(part)
        except Exception as error:  # noqa: BLE001  a fault here must neither silence a reply nor let danger through
            log.error("The output check failed (%s).", type(error).__name__)
            self._metrics.failed("output_check", type(error).__name__)
            if self._support:
                self.hit = FAILED
            else:
                self._off = True
                self._release()

    def _step(self, part: str) -> None:
        at = max(len(self._seen) - 3, 0)
        self._seen += part
        possible, pending = self._check.look(self._seen)
        while end := _sentence_end(self._seen, at):
            if possible and self._judged(self._seen[:end]):
                return
            self._release(len(self._seen) - end)
            self._seen, at = self._seen[end:], 0
        if possible and (rule := self._check.found(self._seen, support=self._support)):
            if len(self._held) > WINDOW or _ENDED.search(self._seen):
                self.hit = rule
            return
        self._release(min(_from_end(self._held, pending), WINDOW) if pending else 0)
        if len(self._seen) > _LONGEST:
            cut = len(self._seen) - _KEPT
            comma = max(self._seen.rfind(mark, cut, -_KEPT // 2) for mark in "，, ")
            self._seen = self._seen[max(cut, comma) :]

    def _last(self) -> None:
        if self._held and not self._judged(self._seen):
            self._release()

    def _judged(self, sentence: str) -> str:
        self.hit = self._check.found(sentence, support=self._support)
        return self.hit

    def _release(self, keep: int = 0) -> None:
        at = max(len(self._held) - keep, 0)
        if at:
            self._shown.append(self._held[:at])
            self._held = self._held[at:]


def _spaced(text: str) -> str:
    """10mg as two words, which it is."""
    return _UNIT.sub(" ", text)


def _last_word(text: str) -> str:
    """The English letters at the end of `text`."""
    return text[len(text.rstrip(ascii_letters)) :]


def _sentence_end(text: str, at: int) -> int:
    """Where the first sentence that ends at or after `at` is over and another has begun; 0 if that is not so yet."""
    for found in _END.finditer(text, at):
        end = found.end()
        while end < len(text) and text[end] in _ENDS_ON:
            end += 1
        return end if end < len(text) else 0
    return 0


def _from_end(text: str, letters: int) -> int:
    """How many characters at the end of `text` hold so many letters."""
    for back, char in enumerate(reversed(text), 1):
        letters -= char.isalnum()
        if letters <= 0:
            return back
    return len(text)


def _told(kind: type[Words] | type[Thought], watch: Watch, text: str | None) -> Iterator[Words | Thought]:
    shown = watch.rest() if text is None else watch.feed(text)
    if shown:
        yield kind(shown)
    if watch.hit:
        raise Unfit(watch.hit)
