"""Three short crosstalk scripts, and an importer for any script."""

from __future__ import annotations

from pathlib import Path

from scripted import KeywordRules

from psylite_pipeline.humour.corpus import Snippet
from psylite_pipeline.humour.importer import Importer
from psylite_pipeline.humour.themes import Themes
from psylite_pipeline.humour.unfit import UnfitWords
from psylite_pipeline.settings import bundled

THEMES = Themes.load(bundled("knowledge") / "crosstalk")
UNFIT = UnfitWords.load(bundled("knowledge") / "risk" / "screening")

WATER = [
    "我家那饮水机最近添了个毛病。",
    "饮水机能有什么毛病？",
    "一到半夜它就打嗝，咕咚一声，全家都醒。",
    "那您给它拍拍后背。",
    "拍了，它倒好，连着打了三个。",
    "得，您这饮水机是吃撑了！",
]
LAMP = [
    "我昨天买了一盏声控灯，装在厨房里。",
    "声控灯多方便呀。",
    "方便什么，我得一边切菜一边给它鼓掌。",
    "切个菜您还得捧场。",
    "邻居敲门问我：老张，你家天天看演唱会哪？",
    "您家这灯可真爱听好话！",
]
KITE = [
    "My kite has started to take me for walks on Sundays.",
    "Surely you take the kite out?",
    "I hold the string, but the kite picks the park.",
    "And who decides when you go home?",
    "The kite does. It sits in a tree until I give in.",
    "Goodness, that kite has you well trained!",
]


def labelled(lines: list[str], first: str = "甲：", second: str = "乙：", end: str = "\n") -> str:
    return end.join(f"{(first, second)[at % 2]}{line}" for at, line in enumerate(lines)) + end


def importer_of(tmp_path: Path, **parts) -> Importer:
    given = {"rules": KeywordRules(), "themes": THEMES, "unfit": UNFIT, "embedder": None, "known": (), **parts}
    return Importer(tmp_path / "own", **given)


def imported(tmp_path: Path, content: str | bytes, name: str = "script.txt", **parts):
    folder = tmp_path / "mine"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return importer_of(tmp_path, **parts).add(folder)


def said(snippet: Snippet) -> list[str]:
    return [line[2:].strip() for line in snippet.lines.split("\n")]


TWO_BITS = f"{labelled(WATER)}\n{labelled(LAMP)}\n甲：散了。\n"


def long_script() -> str:
    between = ["后来呢？", "他又去了，", "为什么呀？", "他也不知道，", "那怎么办？", "接着找呗，"]
    return labelled([*between, *WATER, *between, *LAMP, *between])
