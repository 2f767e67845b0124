"""A handful of words held in code, for the case that every lexicon file is broken. Blunt on purpose: it over-alarms."""

from __future__ import annotations

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.risk.reading import Finding, Question, Reading

_WORDS = (
    "自杀", "自殺", "自残", "自殘", "轻生", "輕生", "想死", "去死", "不想活", "活不下去", "割腕", "跳楼", "跳樓",
    "上吊", "安眠药", "安眠藥", "遗书", "遺書", "结束生命", "結束生命", "杀了他", "殺了他",
    "suicid", "kill myself", "end my life", "want to die", "hurt myself", "cut myself", "overdose", "kill him",
    "死にたい", "死にたくなる", "死にたくなっ", "生きていたくない", "生きたくない",
    "죽고 싶", "죽고싶", "살고 싶지 않", "살고싶지 않", "자살",
    "quiero morir", "quiero matar", "matarme", "no quiero vivir", "quero morrer", "me matar", "quero mais viver",
    "veux mourir", "envie de mourir", "me tuer", "plus vivre", "will sterben", "umbringen", "suizid", "selbstmord",
    "nicht mehr leben", "wäre tot", "tot sein", "voglio morire", "uccider", "ammazzarmi", "non voglio più vivere",
    "хочу умереть", "самоубий", "суицид", "покончить с собой", "не хочу жить", "не хочу больше жить",
    "أريد أن أموت", "اريد ان اموت", "لا أريد أن أعيش", "انتحر", "أنتحر", "انتحار",
    "मरना चाहत", "मुझे मरना", "जीना नहीं चाहत", "आत्महत्या", "marna chaht",
    "ingin mati", "mau mati", "mau hidup lagi", "ingin hidup lagi", "bunuh diri",
    "muốn chết", "muốn sống nữa", "tự tử", "tự sát", "อยากตาย", "ฆ่าตัวตาย", "ไม่อยากมีชีวิต",
)  # fmt: skip

_VIOLENCE = (
    "打我了", "又打我", "在打我", "老打我", "总打我", "總打我", "要打死我", "杀了我", "殺了我", "掐我", "家暴",
    "强奸", "強姦", "强暴", "強暴",
    "hits me", "hitting me", "hit me again", "beats me", "beat me up", "beating me", "raped me", "choked me", "kill me",
)  # fmt: skip

_YES = frozenset({"是", "是的", "有", "嗯", "想过", "对", "yes", "yeah", "yep", "i do", "i am", "i have"})


class LastResortLexicon:
    """Reads like Lexicon, knows only plain words and one level. No denial and no doubt is
    trusted, and every danger is one's own."""

    def findings(self, text: str) -> tuple[Finding, ...]:
        """One at level high when any of the words stands in the text: of dying, else of violence."""
        lowered = text.casefold()
        for words, kind in ((_WORDS, Kind.SELF_HARM), (_VIOLENCE, Kind.ABUSE)):
            if any(word in lowered for word in words):
                return (Finding("last-resort.word", Risk.HIGH, kind, "", sure=True),)
        return ()

    def read(self, text: str) -> Reading:
        """Its words, and whether it is a bare yes."""
        return Reading(self.findings(text), yes=text.strip(" 。.!！,，").casefold() in _YES)

    def question(self, text: str) -> Question:
        """Whether the assistant spoke of danger at all."""
        return Question(of_danger=bool(self.findings(text)))
