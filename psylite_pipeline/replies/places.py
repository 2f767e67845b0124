"""Where a person says they are, as far as it decides which helplines they are told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

#: Of a longer turn only so much is read.
_READ = 1_000
#: Only this many of the latest turns are read: the cost of a turn must not grow with the talk.
LOOK_BACK = 40

# Present tense and the person themselves: "I was in …", "I want to live in …", "she is in …" do not say where they are.
_STILL = (
    "(?: (?:now|currently|here|just|only|actually|still|both|all|living|staying|studying|working|based|alone|stuck"
    "|at (?:school|uni|home|work)))*"
)
_WITH_WHOM = (
    "(?: (?:with|my|his|her|our|a|an|the|mum|mom|dad|parents|family|husband|wife|flat|alone|school|college|uni))"
)
_ENGLISH = (
    rf"\b(?:i'?m|i am|we'?re|we are){_STILL} (?:in|near)(?: the)? "
    rf"|\b(?:i|we){_STILL} (?:live|stay|study|work){_WITH_WHOM}{{0,4}}? in(?: the)? "
    r"|\b(?:number|line|hotline|helpline)s?(?: (?:do|can|should|could|to|i|we|call|ring|are|is|there|that|works?)){0,5}"
    r" (?:in|for)(?: the)? "
    r"|\bwho (?:do|can|should|could) (?:i|we)(?: (?:call|ring|phone|text|contact|talk to)){0,2} (?:in|for)(?: the)? "
    r"|\bhere in(?: the)? "
)
_HAN = (
    "(?:我|我们|我們|俺|咱|我家|我人|我自己|我一个人|我一個人)(?:现在|現在|目前|而家|如今|一家|一家人|也|就|正|还|還|是|都|人|一直|长期|長期)*"
    "(?:在|住在|住喺|住|喺|生活在|待在|呆在|定居在|身在) ?(?:中[国國](?=香港|台[湾灣]|臺灣|澳[门門]))?"
)
# What stands between the beginning of the clause and the place when it is told of as past, wished, or supposed.
_NOT_NOW = re.compile(
    r"\b(?:if|when|whenever|once)\s*$|\b(?:imagine|pretend|dream(?:t|ed)?|wish|like)\b"
    "|如果|要是|假如|梦|夢|想象|想像|希望|以前|去年|前年|曾|当时|當時|小时候|小時候|那时|那時|当年|當年|不在|不住|等我"
)
# What makes the name a part of another one, or of something past, right after it.
_OTHER = (
    r"(?!(?:人|籍|餐|菜|料理|店|公司|企|文|语|語|史|银行|銀行|航空|大使|领事|領事|(?:也|还|還)?有(?:个|個|位|一|几|幾|些|好多|很多|亲|親|朋友|同学|同學)|的(?!家|房|宿舍|医院|醫院|学校|學校|出租))"
    r"|[^，。！？、；,.!?;\n]{0,6}(?:[待呆住读讀学學去作活留上玩][过過]|[时時]候|那年|那几年|那幾年|出生|[长長]大))"
)
# A country after a town that is not listed, and a turn that is a place and no more ("in Durban, South Africa").
_TOWN = r"(?!(?:love|bed|pain|debt|trouble|tears|touch|need|hell|therapy)\b)[^\W\d_][\w'-]+,? "
_ALONE = r"^ *(?:(?:in|from) (?:" + _TOWN + r")?|[^\W\d_][\w'-]+, |)"
_ENDS = r"(?= *(?:$|[,.!?;\n]))"
_CLAUSE_ENDS = re.compile(r"[，。！？；,.!?;\n]")


class Places:
    """The names of countries and cities, by region. Holds no state."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self._regions = {_folded(name): region for region, own in names.items() for name in own}
        # Longest first, so that "Northern Ireland" is not "Ireland". Latin names end where the word ends.
        listed = sorted(self._regions, key=len, reverse=True)
        choices = "|".join(re.escape(name) + (r"(?!\w)" if name.isascii() else "") for name in listed)
        said = rf"(?:{_ENGLISH}|{_HAN})({choices}){_OTHER}|(?:(?:{_ENGLISH}){_TOWN}|{_ALONE})({choices}){_ENDS}"
        self._said = re.compile(said) if listed else None

    def region_of(self, said: Sequence[str]) -> str:
        """The region of the last place that the person named as where they are; "" where they named none."""
        for text in reversed(said[-LOOK_BACK:]):
            if self._said is None:
                break
            text = _folded(text[:_READ])
            found = [match for match in self._said.finditer(text) if not _NOT_NOW.search(_before(text, match.start()))]
            if found:
                return self._regions[found[-1].group(1) or found[-1].group(2)]
        return ""


def _before(text: str, at: int) -> str:
    """What stands in the same clause before `at`."""
    return _CLAUSE_ENDS.split(text[max(0, at - 60) : at])[-1]


def _folded(text: str) -> str:
    """Lower case, one kind of apostrophe, no dots within "U.K.", single blanks."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("u.s.a.", "usa")
    return re.sub(r"[ \t]+", " ", text.replace("u.k.", "uk").replace("u.s.", "us"))
