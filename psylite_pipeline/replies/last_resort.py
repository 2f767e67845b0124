"""What is said when even the reply files cannot be read. Code, so that no broken file can take it away."""

from __future__ import annotations

from psylite_pipeline.replies.notices import Notice

# Before and after the numbers.
_FRAMES = {
    "zh-Hans": (
        "我在听。我是一个 AI，这会儿能说的不多，但不想让你一个人扛。",
        "也请叫一个信得过的人到你身边。\n\n现在有人能陪着你吗？",
    ),
    "zh-Hant": (
        "我在聽。我是一個 AI，現在能說的不多，但不想讓你一個人撐著。",
        "也請找一個信得過的人來陪你。\n\n現在有人可以陪你嗎？",
    ),
    "en": (
        "I'm listening. I'm an AI and there isn't much I can say just now, "
        "but I don't want you to be alone with this. ",
        "Please get someone you trust to come.\n\nIs there anyone who can be with you now?",
    ),
}

_ANYWHERE = {
    "zh-Hans": (
        "难受得撑不住时，请打 12356（全国心理援助热线）；有生命危险，马上拨 120（急救）或 110（报警）。"
        "不在中国大陆，可以在 findahelpline.com 找到当地的热线，危急时拨当地的急救电话。"
    ),
    "zh-Hant": (
        "難受到快撐不下去時，台灣請打 1925（安心專線，24 小時），香港請打 18111（情緒通，24 小時）；"
        "有生命危險，台灣馬上打 119 或 110，香港打 999。其他地方可以在 findahelpline.com 查到當地的專線。"
    ),
    "en": (
        "If it gets too much, call or text 988 (US and Canada) or call 116 123 (UK and Ireland); "
        "findahelpline.com lists lines for other countries. If a life is in danger, call your local emergency number "
        "(911 in the US and Canada, 999 in the UK, 112 in the EU). "
    ),
}
# By region: line, ambulance, police where that is another number. As in helplines.toml, where the sources stand.
_NUMBERS = {
    "CN": ("12356", "120", "110"),
    "HK": ("18111", "999", ""),
    "TW": ("1925", "119", "110"),
    "SG": ("1767", "995", "999"),
    "US": ("988", "911", ""),
    "CA": ("988", "911", ""),
    "GB": ("116 123", "999", ""),
    "IE": ("116 123", "112", ""),
    "AU": ("13 11 14", "000", ""),
    "IN": ("14416", "112", ""),
    "EU": ("", "112", ""),
}
# By language: with a line, with none; with one emergency number, two, none.
_SENTENCES = {
    "zh-Hans": (
        "难受得撑不住时，请打 {}，或者在 findahelpline.com 找到别处的热线；",
        "难受得撑不住时，可以在 findahelpline.com 找到当地的热线；",
        "有生命危险，马上拨 {}。",
        "有生命危险，马上拨 {}（急救）或 {}（报警）。",
        "有生命危险，马上拨当地的急救或报警电话。",
    ),
    "zh-Hant": (
        "難受到快撐不下去時，請打 {}，或在 findahelpline.com 查其他地方的專線；",
        "難受到快撐不下去時，可以在 findahelpline.com 查到當地的專線；",
        "有生命危險，馬上打 {}。",
        "有生命危險，馬上打 {}（救護車）或 {}（報警）。",
        "有生命危險，馬上打當地的急救或報警電話。",
    ),
    "en": (
        "If it gets too much, call {} (findahelpline.com lists lines for other places). ",
        "If it gets too much, findahelpline.com lists a line for your country. ",
        "If a life is in danger, call {}. ",
        "If a life is in danger, call {} (ambulance) or {} (police). ",
        "If a life is in danger, call your local emergency number. ",
    ),
}

_REFUSAL = {
    "zh": "这件事我不能帮，因为可能会有人因此受伤。如果背后有让你难受或生气的事，愿意的话可以跟我说说。",
    "en": "I can't help with this, because somebody could get hurt. If something painful lies behind it, tell me.",
}


def last_resort(lang: str, region: str) -> str:
    """A short, humane text with numbers to call: those of `region`; of "auto" (`Voice.region` is "auto.zh-Hans", say,
    where nobody named a place) those where most read `lang`. Any `lang` and `region` will do; never raises.

    A language that could not be told ("") is answered in Chinese and in English.
    """
    if not lang:
        chinese = "zh-Hant" if region in {"HK", "TW"} else "zh-Hans"
        return last_resort(chinese, region) + "\n\n" + last_resort("en", region)
    lang = lang if lang in _FRAMES else "en"
    head, tail = _FRAMES[lang]
    return head + (_ANYWHERE[lang] if not region or region.startswith("auto") else _numbers(lang, region)) + tail


def last_refusal(lang: str) -> str:
    """The no to a harmful request. Any `lang` will do."""
    return _REFUSAL["en" if lang in {"en", "other"} else "zh"]


def last_notice(name: str) -> str:
    """A Notice in both languages; "" for one that only stands under an answer. Any `name` will do."""
    return next((notice.last for notice in Notice if notice == name), Notice.MODEL_AWAY.last)


def _numbers(lang: str, region: str) -> str:
    line, ambulance, police = _NUMBERS.get(region, ("", "", ""))
    with_line, without, one, two, none = _SENTENCES[lang]
    danger = two.format(ambulance, police) if police else one.format(ambulance) if ambulance else none
    return (with_line.format(line) if line else without) + danger
