"""A model's reasoning apart from its words, where it writes both into one stream.

`<think>` … `</think>` part the two, but some chat templates put the opening tag into the prompt: then the stream begins
with reasoning, and only `</think>` says so, when it is too late. No earlier answer may tell (nobody's reply may depend
on somebody else's), so the beginning of each reply does. Under SUPPORT it waits until a sentence has spoken to the
person, as an answer there does, for `LONGEST_HEAD` characters at most, and what by then speaks of "the user" is never
shown. Elsewhere only what begins in the very words of reasoning is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from psylite_pipeline.errors import ModelError
from psylite_pipeline.pieces import Chunk, Thought, Words

LONGEST_HEAD = 160
"""Characters of a reply under SUPPORT that wait at most for a sentence that speaks to the person: chosen, two or three
sentences. Of the 24,494 answers in the talks of evals/ and knowledge/risk/turns half wait for 42 characters or fewer,
95 of 100 for 100 or fewer; 39 go on until the limit, and three speak as if of a user."""

_LONGEST_OPENING = 40
_TAGS = ("<think>", "</think>")
_ANY_TAG = re.compile("</?think>")

# Whom reasoning speaks of. An answer does, too, to whoever works with users and told of them.
_IN_THIRD_PERSON = re.compile(r"\busers?\b|用户|用戶|使用者|求助者|来访者|來訪者|咨询者|諮詢者", re.IGNORECASE)
# What reasoning says and an answer to a person in need does not, which may need to make sure that "you" are safe.
_OF_A_PLAN = re.compile(
    r"\b(?:I|we) (?:should|must|(?:need|have) to) (?:respond|reply|craft|assess|validate|de-escalate|avoid|provide"
    r"|keep|start by|make sure|be careful)\b(?=.{12})(?![^.!?\n]{0,12}\byou\b)"
    r"|\blet(?:'s| me) (?:craft|draft|start by|analy[sz]e|break|think about (?:how|what) (?:to|I)\b)"
    r"|\bsystem prompt\b|\brisk (?:level|assessment)\b|\bsuicidal ideation\b|^\s*(?:analysis|reasoning)\s*:"
    "|我(?:需要|应该|應該|必须|必須|要|得)先?(?:回应|回應|回复|回覆|共情|安抚|安撫|评估|評估|确保|確保|避免)(?=.{6})(?![^。！？!?\n]{0,6}[你您妳])"
    "|系统提示|系統提示|风险等级|風險等級|风险评估|風險評估|^\\s*(?:思考|分析)[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_TO_THE_PERSON = re.compile(r"(?:[你您妳]|\byou)[^。！？?!.\n]*[。！？?!.\n]", re.IGNORECASE)

_OPENING = re.compile(
    r"(?:(?:okay|ok|alright|hmm+|well|so|now|first|嗯+|好的?|首先|那么|那麼)[\s,，.。…:：]*){0,3}"
    r"(?:th(?:e|is) user(?:'s| (?:is|says|said|asks?|asked|wants?|has|seems|wrote|writes|just|mentions?|mentioned)\b)"
    "|(?:[这這][个個位])?(?:用户|用戶|使用者)(?:说|說|问|問|提到|想|正在|现在|現在|在|似乎|看起来|看起來|希望|要|让|讓|的问题|的問題))"
)
_FIRST = (
    *("the user", "this user", "okay", "ok", "alright", "hmm", "well", "so", "now", "first"),
    *["嗯", "好", "首先", "那么", "那麼", "这个用户", "这位用户", "這個使用者", "這位使用者", "用户", "用戶", "使用者"],
)


def split_thoughts(pieces: Iterator[Chunk], *, support: bool, said: Iterable[str] = ()) -> Iterator[Chunk]:
    """Turn reasoning inside the words into thoughts; tags may be cut anywhere between pieces, and the opening one may
    be missing. `said`: the person's own turns. Raises what `pieces` raises, after what was held back.

    What began like reasoning and never ended is not shown under `support`; elsewhere it was perhaps the answer, and
    follows as words."""
    theirs = support and any(map(_IN_THIRD_PERSON.search, said))
    parting = _Parting(partial(_reads_at_risk, theirs=theirs) if support else _reads)
    presumed: list[str] = []
    try:
        for piece in pieces:
            if isinstance(piece, Words):
                found = list(parting.feed(piece.text))
                if parting.presumed and not support:
                    presumed += [one.text for one in found]
                yield from found
                continue
            if isinstance(piece, Thought):  # this server parts the two itself
                yield from parting.settle()
            yield piece
    except ModelError:
        yield from parting.rest()
        raise
    last = list(parting.rest())
    yield from last
    if parting.presumed and not support:
        yield Words("".join([*presumed, *(one.text for one in last)]))


def parted(text: str) -> tuple[str, str]:
    """Words and thoughts of a whole text that may hold `<think>` … `</think>`, or only the closing tag."""
    parting = _Parting(lambda head: False)
    pieces = [*parting.feed(text), *parting.rest()]
    words, thoughts = ("".join(one.text for one in pieces if isinstance(one, kind)) for kind in (Words, Thought))
    return words.strip(), thoughts.strip()


class _Parting:
    """One reply as it comes. `reads` tells of its beginning whether it is reasoning; None: not clear yet."""

    def __init__(self, reads: Callable[[str], bool | None]) -> None:
        self._reads = reads
        self._held = ""
        self._thinking: bool | None = None
        self.presumed = False
        """Whether it is taken for reasoning by its words alone: no tag has come."""

    def feed(self, text: str) -> Iterator[Words | Thought]:
        self._held += text
        if self._thinking is None:
            if tag := _ANY_TAG.search(self._held):
                self._thinking = tag.group() == _TAGS[True]
            elif not _tail_of(self._held, _TAGS[True]):
                self._thinking = self._reads(self._held)
                self.presumed = bool(self._thinking)
        while self._held and self._thinking is not None:
            tag = _TAGS[self._thinking]
            ready, found, rest = self._held.partition(tag)
            if not found:
                at = len(self._held) - _tail_of(self._held, tag)
                ready, rest = self._held[:at], self._held[at:]
            self._held = rest
            if ready:
                yield Thought(ready) if self._thinking else Words(ready)
            if not found:
                break
            self._thinking, self.presumed = not self._thinking, False

    def settle(self) -> Iterator[Words | Thought]:
        """Take what comes for words, unless it was clear already what it is."""
        if self._thinking is None:
            self._thinking = False
            yield from self.feed("")

    def rest(self) -> Iterator[Words | Thought]:
        """What was held back, because the reply is over."""
        if self._held:
            yield Thought(self._held) if self._thinking else Words(self._held)


def _reads_at_risk(head: str, *, theirs: bool) -> bool | None:
    """`theirs`: the words by which reasoning names the person are words of the person's own talk."""
    if _OF_A_PLAN.search(head) or (_IN_THIRD_PERSON.search(head) and not theirs):
        return True
    return False if _TO_THE_PERSON.search(head) or len(head.strip()) > LONGEST_HEAD else None


def _reads(head: str) -> bool | None:
    bare = head.lstrip().lower()
    if _OPENING.match(bare):
        return True
    may = len(bare) < _LONGEST_OPENING and any(one.startswith(bare) or bare.startswith(one) for one in _FIRST)
    return None if may else False


def _tail_of(text: str, tag: str) -> int:
    """How many characters at the end of `text` could be the beginning of `tag`."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0)
