"""Which lines of a script make a snippet: an exchange, whole, harmless, and unlike those there are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.humour import wording
from psylite_pipeline.humour.corpus import MAX_LINES_CHARACTERS, Snippet
from psylite_pipeline.humour.scripts import Line
from psylite_pipeline.humour.splitting import LONGEST, SHORTEST, size
from psylite_pipeline.humour.themes import Themes
from psylite_pipeline.humour.unfit import UnfitWords
from psylite_pipeline.language import language_of
from psylite_pipeline.risk.parts import Rules
from psylite_pipeline.text import HAN

#: Share of letters in common from which a bit is no new one. Versions of one joke share more, different ones under .1.
NEAR = 0.5

#: Share of the characters from which one speech leaves hardly an answer: chosen, not measured.
ONE_SPEECH = 0.7

#: How a reason begins that names the snippet which is as good as the same.
ALIKE = "as good as "

#: What the lexicon may not see in a joke, besides danger.
_SIGNS = frozenset({"grief", "illness", "trauma"})
_LOST_MARK = re.compile(rf"(?<=[，。！？!?,])[AB](?=[{HAN}])")  # both of them: one alone is an answer to a question
_INNER_NAME = re.compile(rf"^([{HAN}]{{2,5}})(?<![说问道喊])[:：](?=.)", re.MULTILINE)
_MARKS = {"zh": ("甲：", "乙："), "en": ("A: ", "B: ")}
_LANGUAGES = {"zh-Hans": "zh", "zh-Hant": "zh", "en": "en"}


class Screening:
    """Screens the bits of one import. Remembers them, so that none is made twice."""

    def __init__(self, rules: Rules, themes: Themes, unfit: UnfitWords, known: Iterable[Snippet]) -> None:
        """`known` are the snippets that there are already."""
        self._rules = rules
        self._themes = themes
        self._unfit = unfit
        self._known = _NearDuplicates(known)
        self._refusals: dict[str, str] = {}
        """Why lines, word for word, that were looked at already would be refused now."""

    def snippet(self, lines: Sequence[Line], *, title: str, number: int, why: str = "") -> Snippet | str:
        """What `lines` make, or why they make nothing: `why`, where that is known. `title` is the script's, `number`
        the bit's in it, 0 where it is the whole."""
        said = "\n".join(line.text for line in lines)
        made = why or self._refusals.get(said) or self._made(lines, said, title, number)
        self._refusals[said] = made if isinstance(made, str) else f"{ALIKE}{made.id}"
        return made

    def _made(self, lines: Sequence[Line], said: str, title: str, number: int) -> Snippet | str:
        language = _LANGUAGES.get(language_of(said), "")
        if why := self._refusal(lines, said) if language else "neither Chinese nor English":
            return why
        marks = _MARKS[language]
        tidy = wording.chinese_punctuation if language == "zh" else str
        text = "\n".join(f"{marks[line.speaker != lines[0].speaker]}{tidy(line.text)}" for line in lines)
        if len(text) > MAX_LINES_CHARACTERS:
            return "too long"
        made = Snippet(
            id=f"own-{language}-{hashlib.sha256(wording.bare(said).encode()).hexdigest()[:16]}",
            title=self._title(title, lines[0].text, number),
            language=language,
            mood="playful",
            topics=wording.topics(said),
            lines=text,
        )
        other = self._known.like(made)
        return f"{ALIKE}{other}" if other else made

    def _refusal(self, lines: Sequence[Line], said: str) -> str:
        """Why no snippet may be made of the lines; `""` where one may."""
        total = size(lines)
        if total < SHORTEST:
            return f"too short ({total} characters; {SHORTEST} at least)"
        if total > LONGEST:
            return f"too long ({total} characters; {LONGEST} at most)"
        if max(len(line.text) for line in lines) > ONE_SPEECH * total:
            return "one speech with hardly an answer"
        if theme := self._themes.found(said):
            return f"forbidden theme ({theme})"
        if what := self._unfit.found(said):
            return f"holds what nobody should be shown ({what})"
        if alarm := self._alarming(said):
            return f"the lexicon finds it alarming ({alarm})"
        names = _INNER_NAME.findall(said)
        if {"A", "B"} <= set(_LOST_MARK.findall(said)) or len(set(names)) < len(names):
            return "a speaker's mark inside the lines"
        if said.count("“") != said.count("”"):
            return "a quotation is not whole"
        return ""

    def _alarming(self, said: str) -> str:
        """The rule that speaks against the words, all together or line by line."""
        for text in (said, *said.split("\n")):
            for finding in self._rules.findings(text):
                if finding.level > Risk.NONE or finding.kind is Kind.HARMFUL_REQUEST or finding.sign in _SIGNS:
                    return finding.rule
        return ""

    def _title(self, title: str, opening: str, number: int) -> str:
        """The script's own with the bit's number, or without one how the bit opens."""
        title = wording.title_of(title)
        if title and not (self._themes.found(title) or self._rules.findings(title) or self._unfit.found(title)):
            return f"{title}（{number}）" if number else title
        return wording.opening_of(opening) or "…"


class _NearDuplicates:
    """Remembers what there is, to know a bit again that differs by a few words."""

    def __init__(self, known: Iterable[Snippet]) -> None:
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
