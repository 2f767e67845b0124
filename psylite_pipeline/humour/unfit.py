"""What a bit may not carry, joke or not: ways to reach somebody, and talk of doing without one's medicine."""

from __future__ import annotations

import re

_WEB = re.compile(
    r"https?://|(?<![a-z0-9])www\."
    r"|[a-z0-9-]{2,}\.(?:com|net|org|info|example|shop|app|io|cn|co\.[a-z]{2})(?![a-z0-9])",
    re.I,
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w")
# Seven digits in groups of which one has three or more; written together only what begins like a number to dial. Years,
# dates and thousands are none.
_PHONE = re.compile(
    r"(?<![\d.,])(?!(?:19|20)\d\d\b|[1-9]\d{0,2}(?: \d{3})+(?!\d))(?=[\d\s().-]*\d{3})"
    r"(?=(?:[\s().-]*\d){7})\+?\(?\d+(?:[\s().-]{1,2}\d+)+(?![\d,])"
    r"|(?<!\d)(?:\+\d{7,15}|1[3-9]\d{9}|0\d{8,10})(?!\d)"
    r"|(?:电话|電話|热线|熱線|拨打|撥打|微信|QQ|\bvx|\bcall|\bring|\bdial)\D{0,6}\d{5,}",
    re.I,
)
_MEDICINE_EN = (
    r"(?:insulin|anti-?depressants?|medicines?|medication|meds|lithium|prozac|sertraline|pills|chemo\w*|inhaler|statins?"
    r"|antibiotics?|warfarin|blood thinners|prescriptions?)"
)
_MEDICINE_ZH = r"(?:药(?![店房铺膳材罐箱]|不对)|藥(?![店房鋪膳材罐箱]|不對)|胰岛素|胰島素|化疗|化療|透析)"
_WITHOUT_MEDICINE = re.compile(
    rf"\b(?:stop(?:s|ped|ping)?|quit|(?:come|came|get|got|go|went|are|am|i'?m) off|skip(?:ped)?|"
    rf"thr(?:ow|ew) (?:away|out)|flush(?:ed)?|(?:do not|don['’]?t|doesn['’]?t|no) (?:need|longer need)|instead of)\b"
    rf"[^.!?\n]{{0,30}}\b{_MEDICINE_EN}\b"
    rf"|\b{_MEDICINE_EN}\b[^.!?\n]{{0,20}}\b(?:in the bin|down the (?:toilet|drain))\b"
    rf"|(?:停|断|斷|不吃|别吃|別吃|不用吃|甭吃|扔|戒)(?:了|掉|下|)[^，。！？,.!?\n]{{0,4}}{_MEDICINE_ZH}"
    rf"|{_MEDICINE_ZH}[^，。！？,.!?\n]{{0,4}}(?:停了|停掉|断了|斷了|扔了|不吃了|别吃了|別吃了|不用吃|甭吃)",
    re.I,
)


def unfit(text: str) -> str:
    """What `text` carries that nobody should be shown; `""` where there is nothing."""
    for what, pattern in (
        ("a web address", _WEB),
        ("an e-mail address", _MAIL),
        ("a telephone number", _PHONE),
        ("doing without medicine", _WITHOUT_MEDICINE),
    ):
        if pattern.search(text):
            return what
    return ""
