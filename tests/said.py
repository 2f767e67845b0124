"""The real words, as tests look for them in answers."""

from __future__ import annotations

from scripted import texts

REPLIES, PROMPTS = texts()


def notice(name: str, lang: str = "zh-Hans", region: str = "auto") -> str:
    return REPLIES.notice(name, lang=lang, region=region)


def line(lang: str = "zh-Hans", region: str = "auto") -> str:
    return REPLIES.support_line(lang=lang, region=region)
