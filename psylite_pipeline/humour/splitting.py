"""Long scripts cut into bits that stand by themselves: where one may begin, where it may end, and what lies between.

Rules of thumb, worked out on real scripts: a bit begins where somebody brings something up, not with a reaction to what
was said before; it ends after a turn that closes, not on a question that wants an answer; and it begins and ends where
the topic shifts. What fits nowhere is left out: a joke without its beginning is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from psylite_pipeline.embedding import Embedder
from psylite_pipeline.humour.scripts import Line, Script
from psylite_pipeline.humour.wording import content

#: Lines of one bit.
FEWEST, MOST = 4, 12

#: Characters of one bit, with the marks of the speakers.
SHORTEST, LONGEST = 60, 900

#: What a bit of a long script must score (`_Marks` says what scores): as a whole, its beginning, and its end. Set by
#: reading, and on our own snippets joined in tens and split again with the bundled encoder (figures: docs/humour.md).
BAR, BAR_OPENING, BAR_CLOSING = 7.5, 2.0, 1.5

_BACK = re.compile(
    r"[“”\"'‘’…—\-，、。.\s]*(?:"
    r"对|是(?!不是|谁|这么)|可不|那|这(?!几|两|些|个(?:月|周|礼拜)|人|年头|一)|他|她|它|所以|因为|但|可|不(?!瞒|知)|后来|然后|"
    r"接着|结果|没|哪|怎|为什|为啥|为何|为了|什|啥|谁|[嗨咳啊哦噢嗯恩哎唉行好得去嘿呵哈喂唔呦哟哇呸切嗬哼喔呃额诶欸]|停|又|也|"
    r"还(?!记得)|就|于是|最后|完事|第|一来|二来|另|其|此|说(?!起|到|实话|真的)|当然|废话|有(?!一|个|人|回|次|天|件)|要不|要是|"
    r"难道|原来|比如|完了|除了|首先|干|多|真|只|都|再|到|给|把|让|叫|换|问|答|算|同|以|之|反|何|然|而|且|或|如果|果然|要(?!说)|别|等|"
    r"你(?!知道|听说|说|们|家|爸|妈|看|平时|最近|喜欢|猜|会|认识|记得|有没有|爱|见过)|您(?!知道|听说|说|们|家|看|贵|平时|最近|喜欢|猜)|"
    r"(?:yes|no|yeah|yep|nope|right|but|so|and|then|because|well|he|she|it|they|that|this|these|those|why|what|how|who|"
    r"where|really|oh|okay|ok|exactly|of course|which|or|maybe|also|neither|me too|sure|fine|true|i see|his|her)\b)",
    re.I,
)
_INTRO = re.compile(
    r"(?:要说(?!实)|说起|说实话|不瞒|最近|现在|如今|小时候|当年|想当年|以前|昨[天晚儿]|今[天儿早晚]|前[天几两些]|"
    r"上(?:次|回|周|个)|有(?:一|个|人|回|次|天|件)|听说|据说|俗话|都说|咱们?家|我(?:跟|和|告诉|有|家|们家|爸|妈|最近|昨|今|前|上[次回周个]|这(?:个)?人|发现|认识|儿子|女|"
    r"老[婆公伴]|媳|刚|小时)|你(?:知道|听说|们家|家|爸|妈|平时|最近|喜欢|猜|会|认识|还记得|有没有)|您(?:知道|听说|们家|家|贵|平时|最近|喜欢|猜)|"
    r"还记得|"
    r"(?:my|i|i'm|i've|yesterday|last|the other|you know|did you|have you|do you|today|when i|there's|once|let me|"
    r"speaking of|guess|we|our|every)\b)",
    re.I,
)
_SELF = re.compile(r"我|头一?回|at |in |on |the ", re.I)
_ASKS = re.compile(
    r".{0,12}(?:怎么|为什么|为啥|什么|哪|谁|几|多少|然后|后来|接着|结果|你说|您说|何|如何)[^。！!]{0,12}[?？呢呀啊哪吗]*[?？]?$|"
    r".{0,10}[?？哪呢]$|.{0,4}(?:请[讲说赐]|快说|说说|讲讲)|"
    r"(?:why|what|how|who|where|when|and|then|so|really|such as|like)\b.{0,40}\?$",
    re.I,
)
_CLOSES = re.compile(
    r"像话|去你的|没听说|好嘛|瞎说|胡说|胡扯|乱七八糟|什么(?:话|玩意|毛病|呀这|逻辑)|废话|行了|得了|别(?:说|提|闹|吹|逗|挨)|缺德|"
    r"服了|我(?:走|不听|还是)|敢情|合着|闹了半天|这(?:叫什么|不是.{1,8}吗)|.{0,2}[嗨咳嘿]|"
    r"so that|i give up|never mind|goodness|fair enough|in that case|that explains",
    re.I,
)
_GOES_ON = re.compile(r".{0,2}(?:看来|好比|那就)")
_PATTER = re.compile(
    r"大家好|大家(?:新年|过年|晚上|下午|上午)|各位|观众|朋友们|同志们|同学们|相声|鞠躬|掌声|台上|台下|上台|登台|演员|表演|演出|"
    r"捧哏|逗哏|搭档|说一段|祝(?:大家|您|愿)|谢谢|再见|拜年|主持|节目|老师[、，]?同学|元旦快乐|我校|广告|"
    r"ladies and gentlemen|good evening|thank you|audience|applause",
    re.I,
)
_EARLIER = re.compile(r"刚才|刚[说讲]|这么半天|前面[说讲]|又来了|as i said|a moment ago|just now|again\?", re.I)
_ENDED = re.compile(r"[。！!.…”\"'’？?~～）)]$")
_CUT_OFF = re.compile(r"[，,、：:；;—\-]$|…$|\.\.$")
_ABSENT = re.compile(r"[他她它]|\b(?:he|she|it|they)\b", re.I)


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines `start` to `end` (exclusive) of a script. `why` is empty for a bit, else what is wrong with them."""

    start: int
    end: int
    why: str = ""


def split(script: Script, embedder: Embedder | None) -> list[Piece]:
    """The bits of a script and what is left between them, in order; every line is in one piece.

    `embedder` tells where the topic shifts; without one hardly anything of a long script is kept. Raises EncoderError.
    """
    lines = script.lines
    pieces: list[Piece] = []
    for start, end in _chunks(lines):
        pieces += _of_chunk(script, start, end, embedder)
    return pieces


def _chunks(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Where empty lines part a script into pieces of a bit's length, those; else the whole script."""
    starts = [0, *(at for at, line in enumerate(lines) if line.blank and at), len(lines)]
    chunks = list(pairwise(starts))
    fitting = sum(FEWEST <= end - start <= MOST for start, end in chunks)
    return chunks if 2 * fitting >= len(chunks) else [(0, len(lines))]


def _of_chunk(script: Script, start: int, end: int, embedder: Embedder | None) -> list[Piece]:
    lines = script.lines
    speakers = len({line.speaker for line in lines[start:end]})
    if speakers == 1:
        return [Piece(start, end, "only one speaker")]
    if end - start < FEWEST:
        return [Piece(start, end, f"fewer than {FEWEST} lines")]
    if script.whole and end - start <= MOST and speakers == 2 and size(lines[start:end]) <= LONGEST:
        return [Piece(start, end)]
    marks = _Marks(lines[start:end], embedder)
    pieces: list[Piece] = []
    at = start
    for first, last in marks.best():
        if start + first > at:
            pieces.append(Piece(at, start + first, _left_out(lines[at : start + first])))
        pieces.append(Piece(start + first, start + last))
        at = start + last
    if at < end:
        pieces.append(Piece(at, end, _left_out(lines[at:end])))
    return pieces


def _left_out(lines: Sequence[Line]) -> str:
    if len({line.speaker for line in lines}) > 2:
        return "more than two speakers"
    if any(size([line]) > LONGEST // 2 for line in lines):
        return "speeches too long for a bit"
    return "no beginning and end between which it stands by itself"


def size(lines: Sequence[Line]) -> int:
    """Characters that the lines take, with a mark of two and a line end each."""
    return sum(len(line.text) + 3 for line in lines)


class _Marks:
    """Scores of beginnings and ends in one stretch of lines."""

    def __init__(self, lines: Sequence[Line], embedder: Embedder | None) -> None:
        self._lines = lines
        self._shift = _shifts(lines, embedder)
        self._words = [content(line.text) for line in lines]
        self._opens = [self._opening(at) for at in range(len(lines))]

    def best(self) -> list[tuple[int, int]]:
        """The stretches, none overlapping, that score most above the bar together."""
        count = len(self._lines)
        sums = [0.0] * (count + 1)
        back: list[int] = [-1] * (count + 1)
        for end in range(1, count + 1):
            sums[end] = sums[end - 1]
            for start in range(max(0, end - MOST), end - FEWEST + 1):
                worth = self._score(start, end)
                if worth > BAR and sums[start] + worth - BAR + 0.5 > sums[end]:
                    sums[end], back[end] = sums[start] + worth - BAR + 0.5, start
        found: list[tuple[int, int]] = []
        end = count
        while end > 0:
            if back[end] >= 0:
                found.append((back[end], end))
                end = back[end]
            else:
                end -= 1
        return found[::-1]

    def _score(self, start: int, end: int) -> float:
        lines = self._lines[start:end]
        total = size(lines)
        if not SHORTEST <= total <= LONGEST or len({line.speaker for line in lines}) != 2:
            return float("-inf")
        opening, closing = self._opens[start], self._closing(end)
        begins, ends = opening + self._shift[start], closing + self._shift[end]
        if end < len(self._lines):
            ends += 0.5 * max(-1.0, min(2.0, self._opens[end]))
        if opening < 1.0 or begins < BAR_OPENING or closing < 0.5 or ends < BAR_CLOSING:
            return float("-inf")
        score = begins + ends + self._linked(start, end)
        score += 0.5 if 6 <= len(lines) <= 10 else 0.0
        score += 0.5 if total >= 100 else 0.0
        score -= 1.0 if max(len(line.text) for line in lines) > LONGEST // 6 else 0.0
        score -= 2.0 if any(_EARLIER.search(line.text) for line in lines) else 0.0
        return score - 1.5 * sum(1 for line in lines if _PATTER.search(line.text))

    def _linked(self, start: int, end: int) -> float:
        """For words that the first line brings up and the bit keeps to; against those that bind it to its surroundings:
        words from before that the first line does not name, and words of its end that are talked of further."""
        words = self._words
        first, rest = words[start], frozenset().union(*words[start + 1 : end])
        before = frozenset().union(*words[max(0, start - 8) : start])
        after = frozenset().union(*words[end : end + 3])
        kept_to = min(1.5, 0.75 * len(first & rest))
        bound_back = min(2.5, 0.5 * len((rest & before) - first) + 0.75 * len(first & before))
        bound_on = min(2.0, 0.5 * len(frozenset().union(*words[end - 2 : end]) & after))
        return kept_to - bound_back - bound_on

    def _opening(self, at: int) -> float:
        text = self._lines[at].text
        score = 1.0 if len(text) >= 10 else 0.0 if len(text) >= 7 else -1.5
        if _BACK.match(text) or text[0] in '“"‘「':
            score -= 2.5
        if _INTRO.match(text):
            score += 1.5
        elif _SELF.match(text):
            score += 0.5
        if _ABSENT.search(text[:12]):
            score -= 1.0
        if _CUT_OFF.search(text):
            score -= 0.5
        follows = self._lines[at + 1].text if at + 1 < len(self._lines) else ""
        if follows and len(follows) <= 16 and _ASKS.match(follows):
            score += 1.0  # a set-up: something brought up, and the other asks
        return score + (1.0 if self._lines[at].blank or at == 0 else 0.0)

    def _closing(self, end: int) -> float:
        text = self._lines[end - 1].text
        goes_on = text.endswith(("?", "？")) or bool(_GOES_ON.match(text))
        closes = not goes_on and bool(_CLOSES.match(text) or _CLOSES.search(text[-8:]))
        score = 1.5 if closes else 0.0
        if _ASKS.match(text) and not closes:
            score -= 3.0
        if goes_on:
            score -= 1.0
        score += 1.0 if text.endswith(("!", "！")) else 0.5 if _ENDED.search(text) else 0.0
        if _CUT_OFF.search(text):
            score -= 3.0
        before = self._lines[end - 2].text if end > 1 else ""
        if before.endswith(("?", "？")):
            score += 0.5  # an answer: here a turn may lie
        if len(text) <= 18 and len(before) > len(text):
            score += 0.5  # a short word after a longer one: the partner's reaction to the turn
        return score + (1.0 if end == len(self._lines) or self._lines[end].blank else 0.0)


def _shifts(lines: Sequence[Line], embedder: Embedder | None) -> list[float]:
    """How much the topic shifts before each line and after the last, from -1 to 2: low likeness of the three lines
    before to the three after, in standard deviations of the script."""
    count = len(lines)
    if embedder is None or count < 2:
        return [0.0] * (count + 1)
    vectors = embedder.encode([line.text for line in lines])
    alike = []
    for at in range(1, count):
        before, after = vectors[max(0, at - 3) : at].sum(axis=0), vectors[at : at + 3].sum(axis=0)
        alike.append(float(before @ after) / float(np.linalg.norm(before) * np.linalg.norm(after) + 1e-9))
    spread = float(np.std(alike)) or 1.0
    middle = float(np.mean(alike))
    return [1.0, *(max(-1.0, min(2.0, (middle - one) / spread)) for one in alike), 1.0]
