"""Fold the ways of writing one thing into one: width, case, script, stray marks, spaced letters, disguised words.

Everything here takes linear time, keeps no state and never raises, whatever characters it is given.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

import ahocorasick

from psylite_pipeline.text import HAN, ends_of, simplified

MAX_CHARS = 100_000
"""Longer texts are read as their first and last half of this many characters. One of so many takes about 0.9 s of
processor, of nothing but grave phrases 4 s; of four times as many 3 and 14 s, past the filter's deadline (2026-11)."""

SENTENCE_ENDS = "。?"
"""What `fold` writes at the end of a sentence: `?` for a question, `。` for any other."""

CLAUSE_ENDS = SENTENCE_ENDS + ","

_GAP = rf"[^\w{HAN}]"
# One character at a time with something in between, three or more of them: 我 想 死, 我，想，死, k.m.s
_SPACED_HAN = re.compile(f"(?<![{HAN}])[{HAN}](?:(?:{_GAP}|_){{1,3}}+[{HAN}]){{2,}}+")
_SPACED_LATIN = re.compile(rf"(?<![a-z0-9])[a-z0-9](?:(?:{_GAP}|_){{1,2}}+[a-z](?![a-z0-9])){{2,}}+")
_NOT_WORD = re.compile(r"[\W_]+")
_APOSTROPHE = re.compile(r"(?<=[a-z])'(?=[a-z])")
_HAN_NOISE = re.compile(rf"(?<=[{HAN}])[ \t*_~|\\/+^#&@=<>`·•\-]++(?=[{HAN}])")
_HAN_SPACE = re.compile(rf" +(?=[{HAN}])|(?<=[{HAN}]) +")
_LONG_RUN = re.compile(rf"([a-z{HAN}])\1{{2,}}+")
_SOFT = re.compile(r"\.{2,}+|。{2,}+|[,、:()\[\]{}—\u2013]")
_HARD = re.compile(r"!(?![a-z])|[;\n\r]|\.(?![a-z0-9])|(?<![a-z0-9])\.")
_SPACES = re.compile(r"[ \t\f\v]+")
_COMMAS = re.compile(r" *,[ ,]*")
_ENDS = re.compile(r"[ ,]*([。?])[ ,。?]*")
_TOKEN = re.compile(r"[a-z0-9@$!|*+]+")
_DISGUISE = re.compile(r"[0-9@$!|*+]")
_LEET = str.maketrans("013457@$!|+", "oieastasiit")

# Letters that look Latin and are not, after compatibility folding.
_LOOKALIKES = dict(
    zip(
        "аеорсухівкмтнѕјԁɡɪıʟʏʀɴᴀʙᴄᴅᴇꜰɢʜᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢαεικνορτυχ",
        "aeopcyxibkmthsjdgiilyrnabcdefghjkmopstuvwzaeiknoptyx",
        strict=True,
    )
)
_OTHER = {"著": "着", "妳": "你", "祢": "你", "“": "", "”": "", "‘": "'", "’": "'", "＇": "'", "´": "'", '"': "",
          "「": "", "」": "", "『": "", "』": "", "【": ",", "】": ",", "\u3000": " ", "\xa0": " ", "\u2028": "\n",
          "\u2029": "\n", "\x85": "\n", "\t": " ", "\n": "\n", "\r": "\n", "|": "|"}  # fmt: skip
_DROPPED = frozenset({"Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn"})


def _folded(code: int) -> str:
    char = chr(code)
    known = _OTHER.get(char)
    if known is None:
        known = _LOOKALIKES.get(char)
    if known is not None:
        return known
    if 0x1F1E6 <= code <= 0x1F1FF:  # regional indicators, used as letters
        return chr(ord("a") + code - 0x1F1E6)
    for first in (0x1F130, 0x1F150, 0x1F170):  # squared and circled capitals
        if first <= code < first + 26:
            return chr(ord("a") + code - first)
    if unicodedata.category(char) in _DROPPED:
        return ""
    return " " if char.isspace() else char


class _Folding(dict[int, str]):
    """The table for `str.translate`, filled as characters turn up: those of the plane that scripts in use are on."""

    def __missing__(self, code: int) -> str:
        folded = _folded(code)
        if code <= 0xFFFF:  # a storm of all others would stay in memory for good
            self[code] = folded
        return folded


class Folder:
    """Folds texts; remembers what became of each character."""

    def __init__(self) -> None:
        self._folding = _Folding()

    def fold(self, text: str) -> str:
        """`text` in one spelling: lower-case letters, simplified characters, digits, emoji, single spaces, `,` between
        clauses, `。` or `?` between sentences. Any string is accepted."""
        return _tidy(self._letters(ends_of(text, MAX_CHARS))).strip(" ,")

    def fold_pieces(self, pieces: Collection[str]) -> list[str]:
        """Each of many short pieces of texts folded. Blanks and commas at their edges stay: there more may stand."""
        lines = self._letters("\n".join(pieces)).split("\n")
        return list(map(_tidy, lines if len(lines) == len(pieces) else map(self._letters, pieces)))

    def _letters(self, text: str) -> str:
        """Every character in one spelling. Line breaks stay, and nothing changes across them."""
        # Marks go before decomposition: sorting a storm of them takes quadratic time.
        text = text.translate(self._folding)
        if text.isascii():
            return text.lower()
        text = unicodedata.normalize("NFKD", text).casefold().translate(self._folding)
        return simplified(text).translate(self._folding)


def _tidy(text: str) -> str:
    """Join what was pulled apart and write every clause and sentence end in one way."""
    if text.isalnum():  # nothing to join and no ends
        return _LONG_RUN.sub(_shortened, text)
    text = _SPACED_HAN.sub(_joined, text)
    text = _SPACED_LATIN.sub(_joined, text)
    text = _APOSTROPHE.sub("", text)
    text = _HAN_NOISE.sub("", text)
    text = _LONG_RUN.sub(_shortened, text)
    text = _SOFT.sub(",", text)
    text = _HARD.sub("。", text)
    text = _SPACES.sub(" ", text)
    text = _HAN_SPACE.sub("", text)
    return one_end(text)


def one_end(text: str) -> str:
    """A tidy `text`, or what was joined of such, with one mark where a clause or sentence ends, and no blanks there."""
    return _ENDS.sub(r"\1", _COMMAS.sub(",", text))


def _joined(found: re.Match[str]) -> str:
    return _NOT_WORD.sub("", found.group())


def _shortened(found: re.Match[str]) -> str:
    # killl -> kill, suiciiide -> suicide, 哈哈哈哈 -> 哈哈
    char = found.group(1)
    return char if char.isascii() and char not in "lsoe" else char * 2


@lru_cache(maxsize=1)
def default_folder() -> Folder:
    """The shared folder: it is immutable, and its tables cost 25 ms."""
    return Folder()


def normalise(text: str) -> str:
    """`text` folded by the shared folder. Never raises."""
    return default_folder().fold(text)


def is_word(char: str) -> bool:
    """Whether `char` continues an English word or a number."""
    return "a" <= char <= "z" or "0" <= char <= "9"


class Spellings:
    """Rewrites disguised words to plain ones: net slang, pinyin, contractions, letters replaced by digits or stars.

    `rewrites` maps a folded spelling to what it stands for; Latin spellings of several words are also known
    without their spaces. `kept` are folded words inside which nothing is rewritten. `watched` are plain words to
    look for behind digits and stars.
    """

    def __init__(self, rewrites: Mapping[str, str], kept: Iterable[str], watched: Iterable[str]) -> None:
        self._watched = frozenset(watched)
        self._automaton = ahocorasick.Automaton()
        for word in kept:
            self._automaton.add_word(word, (len(word), None))
        for written, meant in rewrites.items():
            self._automaton.add_word(written, (len(written), meant))
            squeezed = written.replace(" ", "")
            if len(squeezed) >= 7 and squeezed not in rewrites:
                self._automaton.add_word(squeezed, (len(squeezed), meant))
        if len(self._automaton):
            self._automaton.make_automaton()

    def apply(self, text: str) -> str:
        """`text`, which must be folded, with disguised words written plainly."""
        if self._watched and _DISGUISE.search(text):
            text = _TOKEN.sub(self._plain, text)
        if not len(self._automaton):
            return text
        found: list[tuple[int, int, str | None]] = []
        for last, (length, meant) in self._automaton.iter(text):
            start, end = last - length + 1, last + 1
            if start and is_word(text[start]) and is_word(text[start - 1]):
                continue
            if end < len(text) and is_word(text[last]) and is_word(text[end]):
                continue
            found.append((start, -end, meant))
        if not found:
            return text
        pieces: list[str] = []
        at = 0
        for start, minus_end, meant in sorted(found, key=lambda hit: hit[:2]):
            if start < at:
                continue
            pieces += (text[at:start], text[start:-minus_end] if meant is None else meant)
            at = -minus_end
        pieces.append(text[at:])
        return _HAN_SPACE.sub("", "".join(pieces))

    def _plain(self, found: re.Match[str]) -> str:
        token = found.group()
        if token.isalpha() or token.isdigit():
            return token
        for candidate in (token, token.rstrip("!|*+")):
            plain = candidate.translate(_LEET)
            if plain in self._watched:
                return plain
            if "*" in plain and plain.strip("*"):
                for word in self._watched:
                    if len(word) == len(plain) and all(a in ("*", b) for a, b in zip(plain, word, strict=True)):
                        return word
        return token
