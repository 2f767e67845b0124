"""Dialogue scripts from untidy text: which layout, who says what on which line."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """What one speaker says at a time. `first` and `last` are line numbers of the file, from 1; `blank` says that an
    empty line stands before it; `joined` are lines without a speaker from the first behind the end of a sentence on:
    perhaps nobody says them."""

    speaker: str
    text: str
    first: int
    last: int
    blank: bool = False
    joined: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A dialogue without a break in it. `whole` says that it begins and ends where its author meant it to, not
    behind narration or at words that are missing."""

    title: str
    lines: tuple[Line, ...]
    whole: bool = True


# -- who speaks

_KNOWN = re.compile(
    r"[甲乙丙丁戊男女]|[A-Fa-f]|\d|[逗捧]哏?|演员[甲乙ABab12]|person ?[ab12]|speaker ?[ab12]|user|assistant", re.I
)
_ABOUT = re.compile(
    r"时间|地点|人物|作者|编剧|创作|演员表?|表演者?|演出|来源|出处|背景|布景|道具|角色|备注|注|说明|场景|类型|字数|"
    r"time|place|setting|cast|characters?|author|written by|source|notes?|scene|date",
    re.I,
)
_TITLE = re.compile(r"题目|标题|剧名|名称|篇名|title|name", re.I)
_NO_NAME = re.compile(r"[说道问答想写叫喊讲曰念唱骂是叹]$|^(?:https?|ftp|第.*)$", re.I)
_BULLET = re.compile(r"^(?:(?:[-*+>•·●○]|\d{1,3}[.)、．])\s*)+(?=\S)")
_INSIDE = r"(?<=[A-Za-zÀ-ÿ])['’-](?=[A-Za-zÀ-ÿ])"  # O'Neil, Smith-Jones
_NAME = (
    r"(?:(?i:mrs?|ms|dr|st|prof)\. ?)?"
    rf"(?:[^\s:：﹕∶，。！？；、,.!?;()（）\[\]【】〔〕*_#\"“”'‘’<>《》=|/\\-]|{_INSIDE}){{1,12}}"
    rf"(?:[ ][A-Za-z](?:[\w.]|{_INSIDE}){{0,14}})?"
)
_LABEL = re.compile(
    rf"(?:\*\*|__|\*)?(?:[【\[〔]\s*)?(?P<name>{_NAME})(?:\s*[】\]〕])?(?:\*\*|__|\*)?"
    r"\s*(?:[（(\[][^）)\]]{0,30}[）)\]])?\s*[:：﹕∶]+(?:\*\*|__|\*)?\s*(?P<rest>.*)"
)
_BRACKETED = re.compile(
    r"(?:\*\*)?[【\[〔]\s*(?P<name>[甲乙丙丁男女A-F\d]|逗哏|捧哏)\s*[】\]〕](?:\*\*)?\s*(?P<rest>.*)"
)
_SPACED = re.compile(r"(?P<name>[甲乙丙丁])[\s、]+(?P<rest>\S.*)")
_TABBED = re.compile(rf"(?P<name>{_NAME})\t\s*(?P<rest>\S.*)")
_CELLS = re.compile(rf"\|\s*\**(?P<name>{_NAME})\**\s*\|\s*(?P<rest>[^|]*?)\s*\|?")
_CAPITALS = r"[A-ZÀ-Þ](?:[A-ZÀ-Þ]|['’&-](?=[A-ZÀ-Þ]))+"
_DASHED = re.compile(rf"(?P<name>[甲乙丙丁A-F]|逗哏|捧哏|{_CAPITALS})\s*(?:\s[-–—]|——)\s+(?P<rest>\S.*)")
# As plays are printed: ALGERNON. [Sits down.] Did you hear?
_PRINTED = re.compile(
    rf"(?P<name>(?:(?:MRS?|MS|DR|ST)\. )?{_CAPITALS}(?: {_CAPITALS}){{0,3}})\."
    r"\s*(?:[\[(][^\])]{0,60}[\])]\.?)?\s+(?P<rest>\S.*)"
)
_ALONE = re.compile(r"(?:\*\*)?(?P<name>[甲乙丙丁A-F]|逗哏|捧哏|[A-Z][A-Z .]{2,20})(?:\*\*)?(?P<rest>)")
_LAYOUTS = (_LABEL, _BRACKETED, _DASHED, _SPACED, _TABBED, _CELLS, _PRINTED, _ALONE)

# -- what is not said

_STAGE = re.compile(r"[（(][^（）()]{0,60}[）)]|[\[【〔][^\[\]【】〔〕]{0,60}[\]】〕]")
_WHISPERED = re.compile(r"^\*(?![A-Z\s*])[^*]{1,40}\*")  # *sighs*, where a speech begins
_RULE = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?")  # of a Markdown table, below the names of its columns
# Of the layout alone, as a page is saved. Any other tag stays, so that what reads the words finds it.
_TAG = re.compile(
    r"</?(?:[biupq]|em|strong|small|big|sub|sup|font|center|br|hr|div|span|h[1-6]|[uod]l|li|d[dt]|t[rdh]|table|tbody|thead|pre|"
    r"blockquote|body|html)(?:\s[^<>]{0,80})?/?>",
    re.I,
)
_ENDED = re.compile(r"[。！？!?.…~～][”’\"'』」）)]*$")
_HEADING = re.compile(r"#{1,6}\s+(?P<title>.+?)\s*#*|(?P<book>《.{1,40}》.{0,10})")
_SCENE = re.compile(
    r"[-*_=—~＝－·]{3,}|第\s*[\d一二三四五六七八九十百]+\s*[场幕节段回集章].{0,30}|(?:scene|act|part)\b.{0,40}|"
    r"场景.{0,30}|[一二三四五六七八九十]{1,3}[、.．].{0,24}|[(（][一二三四五六七八九十\d]{1,3}[)）]|\d{1,3}[.、．]?",
    re.I,
)
_DROPPED = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LINE_END = re.compile(r"\r\n|\n|\r|\u2028|\x0b|\x0c|\x85")


@dataclass(frozen=True, slots=True)
class Read:
    """The scripts in a text, and the lines of it (first and last, from 1) that no speaker says: narration, or a layout
    that is not known. Titles, stage directions and scene marks are none of them."""

    scripts: list[Script]
    unread: list[tuple[int, int]]


def read_script(text: str, title: str, number: int | None = None) -> Read:
    """The scripts in a text; headings, scene marks and narration part them. `title` is used where the text has none.

    `number` is the line that all of it stands on, where it was one field of a line of JSON.
    """
    reader = _Reader(title, number)
    for at, line in enumerate(_LINE_END.split(text), 1):
        reader.take(at, tidy(line))
    return Read(reader.scripts(), reader.unread)


def script_of(turns: list[tuple[str, str, int]], title: str) -> Script:
    """A script from (speaker, text, line number)."""
    lines: list[Line] = []
    for speaker, text, number in turns:
        _add(lines, Line(speaker, spoken(text), number, number))
    return Script(title, tuple(lines))


def spoken(text: str) -> str:
    """What is said aloud: without stage directions, tags of the layout, emphasis and line breaks."""
    text = re.sub(r"\*\*|__|`", "", _STAGE.sub("", _STAGE.sub("", tidy(text)))).strip()
    text = re.sub(r"\*([^*\s][^*]*)\*", r"\1", _WHISPERED.sub("", text, count=1))
    return re.sub(r"\s+", " ", text).lstrip(" ，。、,.;；:：").rstrip()


def tidy(line: str) -> str:
    """A line without tags of the layout, marks that nobody sees, and what no file can hold."""
    line = _TAG.sub("", html.unescape(line))
    return _DROPPED.sub("", line).encode("utf-8", "ignore").decode("utf-8").strip()


class _Reader:
    """Takes the lines of one text; which labels are speakers is only known at the end."""

    def __init__(self, title: str, number: int | None) -> None:
        self._title = title
        self._number = number
        self._lines: list[tuple[int, str]] = []
        self.unread: list[tuple[int, int]] = []

    def take(self, at: int, line: str) -> None:
        if _RULE.fullmatch(line):
            self._lines = self._lines[:-1]
            return
        self._lines.append((at, line))

    def scripts(self) -> list[Script]:
        speakers = self._speakers()
        self._unfold(speakers)
        self._found: list[Script] = []
        self._open: list[Line] = []
        self._torn = False
        self._waiting = ""  # a speaker whose words stand on the next line
        blank = False
        for place, (at, line) in enumerate(self._lines):
            number = self._number or at
            if not line:
                blank = True
                continue
            name, rest = _label(line)
            if name in speakers:
                if self._waiting:  # somebody was announced and said nothing: here is a hole
                    self._close(torn=True)
                self._waiting = name
                self._say(rest, number, blank)
            elif name and _ABOUT.fullmatch(name):
                self._close()
            elif name and _TITLE.fullmatch(name):
                self._close(rest)
            elif match := _HEADING.fullmatch(line):
                heading = (match["title"] or match["book"]).strip()
                self._close("" if _SCENE.fullmatch(heading) else heading)
            elif _SCENE.fullmatch(line) and not (self._waiting and not blank):
                self._close()
            elif not spoken(line):
                continue
            elif self._waiting:
                self._say(line, number, blank)
            elif self._open and not blank:
                last = self._open[-1]
                joined = (number,) if last.joined or _ENDED.search(last.text) else ()
                _add(self._open, Line(last.speaker, spoken(line), number, number, joined=joined))
            else:  # narration, or the title of what follows
                following = next((text for _, text in self._lines[place + 1 :] if text), "")
                goes_on = bool(self.unread) and at - self.unread[-1][1] <= 1
                ends = tuple("。！!，,？?" if goes_on else "。！!，,")
                if len(line) <= 40 and _label(following)[0] in speakers and not line.endswith(ends):
                    self._close(spoken(line))
                else:  # the bit before ended at an empty line; what follows may lean on what is not read
                    behind = bool(self._open)
                    self._close()
                    self._torn = behind or self._torn
                    self.unread.append((self.unread.pop()[0] if goes_on else at, at))
            blank = False
        self._close()
        return self._found

    def _speakers(self) -> set[str]:
        """The labels that name a speaker: the usual ones, those that stand twice, and in a script short ones too."""
        counts = Counter(name for _, line in self._lines if (name := _label(line)[0]))
        names = {name for name in counts if not _ABOUT.fullmatch(name) and not _TITLE.fullmatch(name)}
        sure = {name for name in names if _KNOWN.fullmatch(name) or (counts[name] > 1 and not _NO_NAME.search(name))}
        labelled = sum(counts[name] for name in sure)
        if labelled < 4 or 2 * labelled < sum(1 for _, line in self._lines if line):
            return sure
        return sure | {name for name in names if len(name) <= 4 and not _NO_NAME.search(name)}

    def _unfold(self, speakers: set[str]) -> None:
        """Part lines in which a second speaker begins behind the end of a sentence."""
        marks = [re.escape(name) for name in speakers if _KNOWN.fullmatch(name)]
        if marks:
            inner = re.compile(rf"(?<=[。！？!?…”])\s*(?=(?:{'|'.join(marks)})\s*[:：])", re.I)
            self._lines = [(at, part) for at, line in self._lines for part in (inner.split(line) if line else [line])]

    def _say(self, text: str, number: int, blank: bool) -> None:
        text = spoken(text)
        if text:
            _add(self._open, Line(self._waiting, text, number, number, blank))
            self._waiting = ""

    def _close(self, title: str = "", *, torn: bool = False) -> None:
        if self._open:
            self._found.append(Script(self._title, tuple(self._open), not (torn or self._torn)))
            self._torn = torn
        self._open, self._waiting = [], ""
        self._title = title or self._title


def _label(line: str) -> tuple[str, str]:
    """The name that a line begins with and the rest of it; `("", line)` where it begins with none."""
    line = _BULLET.sub("", line) if not re.match(r"\d\s*[:：]", line) else line
    match = next((found for layout in _LAYOUTS if (found := layout.fullmatch(line))), None)
    if match is None or match["rest"].startswith("//"):
        return "", line
    return unicodedata.normalize("NFKC", match["name"]).casefold(), match["rest"]


def _add(lines: list[Line], line: Line) -> None:
    """Append, joining what one speaker says in several lines without an empty one between."""
    if not line.text:
        return
    if lines and lines[-1].speaker == line.speaker and not line.blank:
        before = lines[-1]
        gap = " " if before.text[-1].isascii() and line.text[0].isascii() else ""
        text, joined = f"{before.text}{gap}{line.text}", (*before.joined, *line.joined)
        line = Line(before.speaker, text, before.first, line.last, before.blank, joined)
        lines.pop()
    lines.append(line)
