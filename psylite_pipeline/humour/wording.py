"""Small questions about the words of a dialogue: what it is about, how alike two are, how it is punctuated."""

from __future__ import annotations

import re
import zlib
from collections import Counter

from psylite_pipeline.text import HAN

_HAN_RUN = re.compile(f"[{HAN}]+")
_LATIN_WORD = re.compile(r"[a-z][a-z']{3,}")
_OPENING = re.compile(r".{4,}?(?=[，。！？；：,!?;:…]|\.(?:\s|$)|$)")

# Characters of function words, of talk and of counting: a pair with one of them names no thing.
_EMPTY = frozenset(
    "的了着过地得是在有和跟与或就都也还又再才只不没别很太真更最挺吧吗呢啊呀哪嘛哎嗨哦嗯唉哈嘿哟呦咳喂哇啦嘞噢您你我他她它们咱自己"
    "这那哪谁什么怎几多少些个一二三四五六七八九十百千万两半第每各某此其之以为因所而且但可能会要想该应得把被让给叫使对向从到往于比"
    "如像似来去上下里外前后中间时候天年月日号点分回次遍种样儿子头说道讲问答看听见知觉认做干弄搞打拿放走跑起出进开关好坏大小多"
    "高低长新旧早晚今明昨现然后先已经正刚曾将吃喝呗行成算完用带找全"
)
_SMALL_WORDS = """
about above after again always another anything around away because been before being better both cannot come
comes could didn't doesn't doing don't done down each either else even ever every everything exactly from gets
getting give gives goes going gone good have having here hers himself inside into isn't it's itself just keep kept
know knows last later least less like little long look looks made make makes many maybe mean means more most much
must myself never next nobody nothing okay once only other over people perhaps please quite rather really right
said same says seen shall should since some someone something still such sure take takes tell tells than thank
thanks that that's their them then there there's these they thing things think this those though thought through
time times today told tomorrow tonight took turn under until upon very want wants well went were we're what what's
when where which while whole will with without won't would year years yesterday yours you're yourself
"""
_SMALL = frozenset(_SMALL_WORDS.split())


def content(text: str) -> frozenset[str]:
    """The pairs of Chinese characters and the English words in `text` that may name something."""
    pairs = (run[at : at + 2] for run in _HAN_RUN.findall(text) for at in range(len(run) - 1))
    found = {pair for pair in pairs if not _EMPTY & set(pair)}
    return frozenset(found | {word for word in _latin_words(text) if word not in _SMALL})


def topics(text: str, most: int = 3) -> tuple[str, ...]:
    """What `text` says at least twice and may be its topic: longest and most often first, none inside another."""
    counts: Counter[str] = Counter()
    for run in _HAN_RUN.findall(text):
        for size in (2, 3, 4):
            counts.update(gram for at in range(len(run) - size + 1) if not _EMPTY & set(gram := run[at : at + size]))
    counts.update(word for word in _latin_words(text) if word not in _SMALL)
    repeated = [(word, count) for word, count in counts.items() if count > 1 and "'" not in word]
    # A longer word that stands as often as a part of it is the word meant.
    whole = [
        (word, count)
        for word, count in repeated
        if not any(word != other and word in other and count <= often for other, often in repeated)
    ]
    chosen: list[str] = []
    for word, _ in sorted(whole, key=lambda pair: (-pair[1], -len(pair[0]), pair[0])):
        if not any(word in other or other in word for other in chosen):
            chosen.append(word)
    return tuple(chosen[:most])


def _latin_words(text: str) -> list[str]:
    return _LATIN_WORD.findall(text.replace("’", "'").casefold())


def bare(text: str) -> str:
    """`text` without anything but letters and digits, in small letters."""
    return re.sub(r"[\W_]+", "", text).casefold()


def shingles(text: str) -> frozenset[int]:
    """A sample (one in four, always the same) of the runs of letters in `text`, as numbers."""
    letters = bare(text)
    size = 5 if _HAN_RUN.search(letters) else 14
    runs = {zlib.crc32(letters[at : at + size].encode()) for at in range(max(1, len(letters) - size + 1))}
    return frozenset(run for run in runs if run % 4 == 0)


_WIDE = str.maketrans({",": "，", "?": "？", "!": "！", ":": "：", ";": "；"})


def chinese_punctuation(text: str) -> str:
    """Half-width marks beside Chinese characters made full-width, and doubled full stops single."""
    text = re.sub(rf"(?<=[{HAN}”’》）？！…])[,?!:;]+|[,?!:;]+(?=[{HAN}])", lambda m: m.group().translate(_WIDE), text)
    text = re.sub(rf"(?<=[{HAN}”’》])\.(?![\w.])", "。", text)
    text = re.sub(r"\.{3,}|。{2,}|…{1,6}", "……", text)
    return re.sub(r"([。！？，；])[。，；.]+", r"\1", text)


def title_of(text: str, most: int = 40) -> str:
    """A title without brackets, marks of Markdown and superfluous space."""
    return re.sub(r"\s+", " ", re.sub(r"[《》#*_`]+", " ", text)).strip()[:most].strip()


def opening_of(text: str) -> str:
    """A title made of how `text` begins: its first clause, at most 20 Chinese characters or 40 others, whole words."""
    match = _OPENING.match(text)
    clause = title_of(match.group() if match else text, 80)
    most = 20 if _HAN_RUN.search(clause) else 40
    if len(clause) > most:
        clause = clause[: most + 1].rpartition(" ")[0] or clause[:most]
    return clause
