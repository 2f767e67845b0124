"""Which language a person writes: "zh-Hans", "zh-Hant", "en", "other", or "" where nothing tells."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from psylite_pipeline.text import HAN, ends_of

# Of a longer text only head and tail are read: a hundred thousand pasted characters cost no more than these.
_READ = 8_000

# Of a talk so many of the latest turns are read, and of each at most so many words tell what most of it is written in.
_TURNS = 40
_MOST_OF_A_TURN = 50

# English words that people put into talks in any language: so many or fewer do not change it. Chosen.
_ASIDE = 3

_HAN = re.compile(rf"[{HAN}\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff]")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+(?:['’][A-Za-z\u00c0-\u024f]+)*")
_NOT_ENGLISH_LETTER = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")

# Letters that only one of the two national character sets has. Words of both (后, 里, 面) tell nothing.
_ALL_HAN = "".join(map(chr, range(0x4E00, 0x9FA6)))
_IN_GB = frozenset(_ALL_HAN.encode("gb2312", "ignore").decode("gb2312"))
_IN_BIG5 = frozenset(_ALL_HAN.encode("big5", "ignore").decode("big5"))
# Rare in mainland text and yet outside its oldest set: net slang and given names must not make a text traditional.
_NEUTRAL = frozenset("囧喆堃嘚瞓镕珺昇淼犇赟叕垚昶煊翀璟祎喵氵囍槑烎呲")
_SIMPLIFIED = _IN_GB - _IN_BIG5 - _NEUTRAL
_TRADITIONAL = (_IN_BIG5 - _IN_GB - _NEUTRAL) | frozenset("嘅喺咁冇咗哋啲嚟嘢瞓於爲裏")
# Letters of Cantonese, which is written beside simplified ones, too.
_CANTONESE = frozenset("嘅喺咁冇咗哋啲嚟嘢瞓佢唔噚")
# 唔 alone is a sigh in Taiwan.
_SAID_IN_CANTONESE = re.compile(f"[{''.join(_CANTONESE - {'唔'})}]|唔(?=[想係系好知到使識该該洗要可敢])")

_ENGLISH_WORDS = """
a about after again all alone always am an and any anymore anyone are aren't as ask at away be because been
before being but by call can can't cannot cant could dead death did didn't die died do does doesn't don't dont
down dying each else enough even ever every everyone everything feel for from get give go going gonna good had
has hate have haven't he hello help her here hey hi him his how hurt i i'll i'm i've if im in into is isn't it
it's its ive just kill know last let life like live lol lost love make maybe me more much my myself need never
no nobody not nothing now of off ok okay on one only or other our out over people please really right said say
she should so some someone something sorry still stop such suicide take talk tell than thank thanks that that's
the their them then there these they thing think this those time tired to today tomorrow tonight too up us very
wanna want was wasn't way we well went were what what's when where which who why will wish with without won't
work would yeah year yes yesterday you you're your yourself
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
# Small words that are not English, of the languages most often met in Latin letters.
_FOREIGN_WORDS = """
aber adiós ako aku alguien als anche ang auch aujourd'hui avec ayuda ayúdame bin bir bonjour buồn bạn c'est
cansada cansado che chết ciao como con cosa così czy das de del dem den der des die dir dla doch don dood du dö
e een eine einen el ella ellos essa esse est estoy está et eu fare fatto für ganz gracias gusto hab habe hallo
hasta helfen het hilfe hindi hola ich ihr ik il ingin inte ist istiyorum j'ai ja jag jak je jest jestem kann
kein keine khong không ko komm können la las le leben les lo los mais mamatay mati me mein meine mi mich mir mit
moi mon mori morir morire morto mourir muero muito muy muốn mă na nada nao ne nicht nie niente niet nunca nur
não och oder olá où para pas perché por porque pourquoi qu que quero quería quiero qué ragazzi saya sehr sein si
sich sie siento sinto sola sono soy sterben su suis sur também te tidak todo toi très tu tudo tôi un una und une
uno unser va ve vida vie vill vivir vivre você voglio vous vreau warum weil wenn wie wil will wir wo ya yang yo
yêu zu çok é és être ölmek żyć
"""
_FOREIGN = frozenset(_FOREIGN_WORDS.split()) - _ENGLISH
# English words that other languages have too: they say nothing beside a foreign one.
_SHARED = frozenset(
    {"a", "as", "come", "die", "do", "he", "in", "last", "me", "mine", "no", "on", "so", "some", "was", "will"}
)
_SYLLABLE = (
    "(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])"
    "(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|uo|ui|ue|a|o|e|i|u|v)"
)
_PINYIN = re.compile(rf"(?:{_SYLLABLE}|a|ai|an|ao|e|en|er){{1,4}}")
# Pinyin words that are not English: two of them among nothing but pinyin make it Chinese, in a short text one.
_PINYIN_WORDS = """
bu buxiang de guo hao haolei hen huo jiu jiuming kuai le lei leile mei meiyou nan nanshou ni nimen qu ren shi
shuo si ta tai tamen weishenme wo women xiang xiangsi yao yi yige yigeren you zai zenme zhe zhen zhidao zisha
"""
_PINYIN_TELLS = frozenset(_PINYIN_WORDS.split()) - frozenset({"you", "women", "de", "si"})


def language_of(text: str) -> str:
    """The language of one text, in time that does not grow past a few thousand characters. Never raises.

    Chinese mixed with English is Chinese; Chinese without a telling character is simplified; short Latin ("ok", "kms")
    is English unless its words are another language's; digits, signs and emoji alone give "".
    """
    text = _readable(text)
    han = len(_HAN.findall(text))
    kana = _KANA.findall(text)
    hangul = len(_HANGUL.findall(text))
    words = [word.lower().replace("’", "'") for word in _LATIN_WORD.findall(text)]
    foreign = sum(char.isalpha() for char in text) - han - len(kana) - hangul - sum(map(_letters, words))
    # The numbers are chosen. Of the 94,658 labelled turns of knowledge/risk/turns and evals/judgement (2026-11-27) half
    # or twice as much changes the language of one (5), five (6) and none (2).
    # の alone is common in Chinese adornment.
    if (kana and set(kana) != {"の"} and 5 * len(kana) > han) or hangul > han:
        return "other"
    if han and 6 * han >= len(words) and foreign <= 2 * han:
        return _script(text)
    if foreign > sum(map(_letters, words)):
        return "other"
    if words:
        return _latin(words)
    return "other" if kana or hangul or foreign > 0 else ""


def language_of_talk(texts: Sequence[str]) -> str:
    """The language to answer in: that of the latest telling text of a person, which a few English words ("ok", "kms")
    amid another language are not; the script is judged over all of them, since a short line such as "我不想活了" is
    written the same in both."""
    latest = ""
    for text in reversed(texts[-_TURNS:]):
        if (language := language_of(text)) and (language != "en" or len(_LATIN_WORD.findall(text)) > _ASIDE):
            latest = language
            break
        latest = latest or language
    if latest not in ("zh-Hans", "zh-Hant"):
        return latest
    return _script_of_talk("".join(_readable(text) for text in texts[-_TURNS:]))


def main_language(said: Sequence[str]) -> str:
    """The language that most of the talk is written in, "" where nothing tells: so its helplines stay when one turn is
    mixed or in another. A Chinese character counts as much as a word, a pasted page no more than a few lines."""
    weights: Counter[str] = Counter()
    chinese: list[str] = []
    for whole in said[-_TURNS:]:
        text = whole[: 8 * _MOST_OF_A_TURN]
        if not (language := language_of(text)):
            continue
        han, words = (min(len(found), _MOST_OF_A_TURN) for found in (_HAN.findall(text), _LATIN_WORD.findall(text)))
        if language.startswith("zh"):
            chinese.append(text)
            weights["zh"] += han or words  # pinyin
            weights["en"] += words if han else 0
        else:
            weights[language] += words or len(text)
    ((main, _),) = weights.most_common(1) or [("", 0)]
    if main != "zh":
        return main
    return _script_of_talk("".join(chinese))


def is_cantonese(said: Sequence[str]) -> bool:
    """Whether one of the latest texts is written in Cantonese."""
    return any(_SAID_IN_CANTONESE.search(_readable(text)) for text in said[-_TURNS:])


def tells_script(said: Sequence[str]) -> bool:
    """Whether a character in the latest texts is simplified or traditional; short ones may be alike in both."""
    return any(char in _SIMPLIFIED or char in _TRADITIONAL for text in said[-_TURNS:] for char in _readable(text))


def _readable(text: str) -> str:
    if not isinstance(text, str):
        return ""
    return _ADDRESS.sub(" ", unicodedata.normalize("NFKC", ends_of(text, _READ, " ")))


def _letters(word: str) -> int:
    return sum(char.isalpha() for char in word)


def _script(text: str) -> str:
    simplified = sum(map(_SIMPLIFIED.__contains__, text))
    traditional = sum(map(_TRADITIONAL.__contains__, text))
    return "zh-Hant" if traditional > simplified else "zh-Hans"


def _script_of_talk(written: str) -> str:
    """The script of a whole talk: whoever writes Cantonese or a few old letters among simplified ones lives
    where simplified ones are written. Three to one is chosen: half of it changes three of those 94,658
    turns, twice as much eight, all but one Cantonese."""
    simplified = sum(map(_SIMPLIFIED.__contains__, written))
    traditional = sum(map((_TRADITIONAL - _CANTONESE).__contains__, written))
    if simplified > 0 and traditional <= 3 * simplified:
        return "zh-Hans"
    return "zh-Hant" if _SAID_IN_CANTONESE.search(written) else _script(written)


def _latin(words: list[str]) -> str:
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _FOREIGN or bool(_NOT_ENGLISH_LETTER.search(word)) for word in words)
    if all(_PINYIN.fullmatch(word) for word in words):
        tells = sum(word in _PINYIN_TELLS for word in words)
        if tells >= 2 or (tells and len(words) <= 3 and not english and len("".join(words)) >= 5):
            return "zh-Hans"
    if foreign and foreign > english - sum(word in _SHARED for word in words):
        return "other"
    # Five words without one small English word are hardly English; fewer may be a cry ("kms").
    return "en" if english or len(words) <= 4 else "other"
