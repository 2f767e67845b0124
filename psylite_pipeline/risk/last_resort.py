"""A handful of words held in code, for the case that every lexicon file is broken. Blunt on purpose: it over-alarms."""

from __future__ import annotations

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.risk.reading import Finding, Question, Reading

_WORDS = (
    "自杀", "自殺", "自残", "自殘", "轻生", "輕生", "想死", "去死", "不想活", "活不下去", "割腕", "跳楼", "跳樓",
    "上吊", "安眠药", "安眠藥", "遗书", "遺書", "结束生命", "結束生命", "杀了他", "殺了他",
    "suicid", "kill myself", "end my life", "want to die", "hurt myself", "cut myself", "overdose", "kill him",
)  # fmt: skip

_YES = frozenset({"是", "是的", "有", "嗯", "想过", "对", "yes", "yeah", "yep", "i do", "i am", "i have"})


class LastResortLexicon:
    """Reads like Lexicon, knows only plain words and one level. No denial is trusted, and every danger is one's own."""

    def findings(self, text: str) -> tuple[Finding, ...]:
        """One at level high when any of the words stands in the text."""
        lowered = text.casefold()
        hit = any(word in lowered for word in _WORDS)
        return (Finding("last-resort.word", Risk.HIGH, Kind.SELF_HARM, ""),) if hit else ()

    def read(self, text: str) -> Reading:
        """Its words, and whether it is a bare yes."""
        return Reading(self.findings(text), yes=text.strip(" 。.!！,，").casefold() in _YES)

    def question(self, text: str) -> Question:
        """Whether the assistant spoke of danger at all."""
        return Question(of_danger=bool(self.findings(text)))
