"""The rule judge: reads a turn against the phrases under knowledge/risk/lexicon and says what it found, and why.

It needs no model and no network, so it decides when everything else is broken. A rule finds phrases; idioms and the
rule's own exceptions mask some of them; frames (negation, past, somebody else, fiction) change what the rest mean.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from psylite_pipeline.decision import Told
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.risk.normalise import CLAUSE_ENDS, SENTENCE_ENDS, Folder, Spellings, default_folder
from psylite_pipeline.risk.reading import LACKS, Finding, Question, Reading
from psylite_pipeline.risk.rules.cover import Span
from psylite_pipeline.risk.rules.files import read_rulebook
from psylite_pipeline.risk.rules.matches import KEPT_SPANS, Matches
from psylite_pipeline.risk.rules.patterns import Patterns
from psylite_pipeline.risk.rules.rulebook import HEAVY_SIGNS, Rule, Rulebook
from psylite_pipeline.text import LAUGHTER, amount_said

MAX_ANSWER = 60
"""Longer turns (folded characters) are no answers."""

MAX_ERRAND = 32
"""Turns that say more (`text.amount_said`) may say more than that."""

MAX_MOOD = 40
"""In longer turns (folded characters) a mood may be more than a passing one."""

MARKERS = frozenset({
    "another in danger", "answers nothing", "asked of either", "asked of harm", "asked of you",
    "asked_danger", "denial", "denial opens", "doubted", "everyday request", "first_person", "harm in it",
    "more than an errand", "named not", "other_person", "passing mood", "plain errand", "question", "somebody else",
    "tells of another", "tells of oneself", "told explained", "told not", "told over", "urged call",
})  # fmt: skip
"""The markers that are asked for below, besides those of each thing told. Without one of them a yes to the direct
question, or a denial, would silently count for nothing."""

#: What the assistant asks for, so that a yes tells it, or an answer in a few words that names it.
ASKED_FOR = (Told.HELP, Told.MEANS, Told.COMPANY, Told.ALONE, Told.SOON, *LACKS)

_CLAUSE = re.compile(f"[^{CLAUSE_ENDS}]+")
_SENTENCE = re.compile(f"[^{SENTENCE_ENDS}]+")
_QUESTION_SIDE = 60

# What an answer says that answers nothing.
_NOTHING = ("marker answers nothing", "marker told explained", "marker told over")
# What is told with what.
_ALSO = {Told.BRINK: Told.MEANS, Told.SILENT: Told.CUT_OFF}


class Lexicon:
    """All rules, frozen into one automaton. Safe to share between threads once built. Reading a text never raises."""

    def __init__(self, book: Rulebook, spellings: Spellings, folder: Folder | None = None) -> None:
        self._book = book
        self._spellings = spellings
        self._folder = folder or default_folder()
        self._patterns = Patterns()
        self._groups: dict[str, int] = {}
        for name, phrases in book.groups():
            number = self._groups.setdefault(name, len(self._groups))
            for phrase in phrases:
                self._patterns.add(number, phrase)
        self._patterns.freeze()
        self._rules = {self._groups[f"rule {rule.id}"]: rule for rule in book.rules}
        self._markers = {
            word: {self._groups.get(f"marker {word} {one}", -1): one for one in Told}
            for word in ("told", "asks", "named")
        }
        self._whole = {one: book.whole[one] for one in Told if one in book.whole}

    @classmethod
    def load(cls, folder: Path) -> Lexicon:
        """The lexicon in the TOML files of `folder`. Raises KnowledgeError naming the file, the rule and the field."""
        book, spellings = read_rulebook(folder)
        if amiss := book.amiss(MARKERS):
            raise KnowledgeError(f"{folder}: {amiss}")
        return cls(book, spellings)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the files."""
        return self._book.rules

    def fold(self, text: str) -> str:
        """`text` as the rules see it: folded, with disguised words written plainly."""
        return self._spellings.apply(self._folder.fold(text))

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What the rules say about a text, most serious first; one finding a rule."""
        return self._findings(self._matches(text))

    def read(self, text: str) -> Reading:
        """All that the rules make of a turn of the person."""
        said = self._matches(text)
        answer = len(said.text) <= MAX_ANSWER
        bare = _bare(LAUGHTER.sub("", said.text)) if answer else ""
        more = bare in self._book.whole.get("one more", ())
        told = self._told(said)
        of_another = bool(said.cover("marker tells of another")) and not said.cover("marker tells of oneself")
        return Reading(
            self._findings(said),
            told,
            self._undenied(said),
            yes=answer and any(clause.strip() in self._book.yes for clause in _CLAUSE.findall(said.text)),
            opens_yes=answer and _bare(self.fold(text.strip().split(" ", 1)[0])) in self._book.yes,
            called=_bare(said.text) in self._book.whole.get("called", ()),
            answers_nothing=more or (answer and (Told.SAFE in told or any(map(said.cover, _NOTHING)))),
            errand=amount_said(said.text) <= MAX_ERRAND
            and bool(said.cover("marker plain errand"))
            and not said.cover("marker more than an errand"),
            of_a_joke=more or bare in self._book.whole.get("of a joke", ()),
            passing=len(said.text) <= MAX_MOOD and self._passing(said),
            everyday=bool(said.cover("marker everyday request")) and not said.cover("marker harm in it"),
            of_another=of_another,
            names_another=answer and bool(said.cover("marker another in danger")),
            about_another=bool(said.cover("marker other_person")) and not said.cover("marker first_person"),
            named=self._there(said, "named") if answer else frozenset(),
        )

    def question(self, text: str) -> Question:
        """What of the assistant's words matters to the answer."""
        if not text:
            return Question()
        asked = self._matches(text)
        of_danger = self._asks_about_danger(asked)
        side = len(asked.text) - _QUESTION_SIDE
        return Question(
            of_danger,
            self._about(asked.text) if of_danger else "oneself",
            urges_call=bool(asked.cover("marker urged call")),
            asks=frozenset(one for one in ASKED_FOR if asked.cover(f"marker asked {one}").after(side)),
        )

    def _about(self, asked: str) -> Literal["oneself", "another", "either", "harm"]:
        """Whose danger the last sentence of a folded text asks about."""
        sentences = [one for one in _SENTENCE.findall(asked) if one.strip()]
        last = Matches(sentences[-1] if sentences else "", self._patterns, self._groups)
        if last.cover("marker asked of either"):
            return "either"
        if last.cover("marker asked of harm"):
            return "harm"
        another = last.cover("marker somebody else") and not last.cover("marker asked of you")
        return "another" if another else "oneself"

    def _matches(self, text: str) -> Matches:
        return Matches(self.fold(text), self._patterns, self._groups)

    def _findings(self, said: Matches) -> tuple[Finding, ...]:
        spoke = (
            said.judge(self._rules[n], n, self._book.frames) for n in sorted(said.found.keys() & self._rules.keys())
        )
        return tuple(sorted((one for one in spoke if one is not None), key=lambda finding: -finding.level))

    def _asks_about_danger(self, said: Matches) -> bool:
        folded = said.text
        asked = said.cover("marker asked_danger")
        questions = said.cover("marker question")
        for start, end in asked.after(0, most=KEPT_SPANS):
            first, last = said.sentence(start, end)
            if last < len(folded) and folded[last] == "?":
                return True
            if folded[last + 1 :].lstrip(SENTENCE_ENDS + " ").startswith(self._book.asks_back):
                return True
            if questions.within(max(first, start - _QUESTION_SIDE), min(last, end + _QUESTION_SIDE)):
                return True
        return False

    def _told(self, said: Matches) -> frozenset[Told]:
        found = self._there(said, "told")
        found |= {also for one, also in _ALSO.items() if one in found}
        asks = {one for one in self._marked(said, "asks") if said.cover(f"marker asks {one}")}
        if asks - {Told.THANKS}:  # "nobody answered" is no word of who is there
            found -= {Told.HELP, Told.COMES, Told.FETCHED, Told.ALONE}
        found |= asks
        answer = _bare(said.text)
        return frozenset(found | {one for one, whole in self._whole.items() if answer in whole})

    def _marked(self, said: Matches, word: str) -> list[Told]:
        """Those that a marker, `word` and the name, is found for, masked or not."""
        return [one for number, one in self._markers[word].items() if number in said.found]

    def _there(self, said: Matches, word: str) -> frozenset[Told]:
        """Those whose markers, `word` and the name, say that it is there: nothing before it in its clause doubts it."""
        missing = [said.cover("marker told not")]
        if word == "named":
            missing.append(said.cover("marker named not"))
        clauses = [clause.start() for clause in _CLAUSE.finditer(said.text)]

        def here(span: Span) -> bool:
            clause = max((at for at in clauses if at <= span[0]), default=0)
            return not any(one.within(clause, span[0]) for one in missing)

        spans = {one: said.cover(f"marker {word} {one}").after(0, KEPT_SPANS) for one in self._marked(said, word)}
        return frozenset(one for one, there in spans.items() if any(map(here, there)))

    def _passing(self, said: Matches) -> bool:
        """Whether a mood is named that passes, and nothing else is found in the turn that weighs or may mean more."""
        moods = said.cover("marker passing mood").after(0, most=KEPT_SPANS)
        if not moods:
            return False
        left = list(said.text)
        for start, end in moods:
            left[start:end] = "," * (end - start)
        rest = Matches("".join(left), self._patterns, self._groups)
        weighs = any(one.level or one.sign in HEAVY_SIGNS for one in self._findings(rest))
        return not weighs and not rest.cover("marker more than an errand")

    def _undenied(self, said: Matches) -> str | None:
        folded = said.text
        clauses = [(clause.group().strip(), *clause.span()) for clause in _CLAUSE.finditer(folded)]
        if not clauses:
            return None
        first, at, _ = clauses[0]
        begin = folded.index(first, at)
        opens = [span for span in said.cover("marker denial opens").after(begin) if span[0] == begin]
        if first not in self._book.no and not opens:
            return None
        if (begin, begin + len(first)) in opens:
            clauses = clauses[1:]
        denials, doubts = said.cover("marker denial"), said.cover("marker doubted")
        left = [text for text, *span in clauses if doubts.within(*span) or not denials.within(*span)]
        return ",".join(clause for clause in left if clause not in self._book.no)


def _bare(folded: str) -> str:
    return folded.strip(SENTENCE_ENDS + " ,")
