"""Which numbers are told where, and in which words."""

from __future__ import annotations

import re
from itertools import product

import pytest
from dialogue import Chat

from psylite_pipeline.decision import Kind, Route
from psylite_pipeline.replies import PLACES, Replies

STAGED = ("zh-Hans", "zh-Hant", "en")


def test_every_helpline_has_a_source(replies: Replies) -> None:
    for row in replies.helplines.rows:
        assert row.source.strip() and row.checked.strip(), row.id
        assert re.fullmatch(r"(\d{4}(-\d{2}(-\d{2})?)?)?", row.source_date), row.id


def test_china_is_told_the_truth_about_hours(replies: Replies) -> None:
    line = replies.support_line(lang="zh-Hans", region="auto")
    assert "12356" in line and "18 小时" in line
    assert "010-82951332" in line and "120" in line and "110" in line


@pytest.mark.parametrize(
    ("lang", "region", "numbers"),
    [
        ("zh-Hant", "auto", ["1925", "18111", "119", "999"]),
        ("en", "auto", ["988", "116 123", "findahelpline.com", "911"]),
        ("other", "auto", ["988", "findahelpline.com", "112"]),
        ("zh-Hans", "US", ["988", "911"]),
        ("en", "CN", ["12356", "120"]),
        ("zh-Hant", "TW", ["1925", "119"]),
        ("zh-Hant", "HK", ["18111", "2896 0000", "999"]),
        ("en", "SG", ["1767", "995"]),
        ("en", "AU", ["13 11 14", "000"]),
        ("en", "IE", ["116 123", "112"]),
        ("en", "IN", ["14416", "112"]),
        ("zh-Hans", "IN", ["14416", "112"]),
        ("en", "INTL", ["findahelpline.com", "112"]),
        ("en", "nowhere", ["988"]),
    ],
)
def test_a_region_gets_its_own_lines(replies: Replies, lang: str, region: str, numbers: list[str]) -> None:
    line = replies.support_line(lang=lang, region=region)
    assert [number for number in numbers if number not in line] == []


@pytest.mark.parametrize(
    ("lang", "region", "adults", "children"),
    [
        ("zh-Hans", "auto", ["12338", "12356"], ["12355"]),
        ("zh-Hant", "auto", ["113", "2343 2255"], ["113"]),
        ("en", "auto", ["1-800-799-7233", "0808 2000 247", "findahelpline"], ["1-800-422-4453", "0800 1111"]),
        ("en", "US", ["1-800-799-7233"], ["1-800-422-4453"]),
        ("en", "CA", ["sheltersafe.ca"], ["1-800-668-6868"]),
        ("en", "GB", ["0808 2000 247", "0808 500 2222"], ["0800 1111"]),
        ("en", "IE", ["1800 341 900"], ["1800 66 66 66"]),
        ("en", "AU", ["1800 737 732"], ["1800 55 1800"]),
        ("zh-Hant", "IN", ["181", "14416"], ["1098"]),
        ("en", "SG", ["1800-777-0000"], ["1800-777-0000"]),
        ("zh-Hant", "HK", ["2343 2255"], ["2343 2255"]),
        ("zh-Hans", "EU", ["116 016", "findahelpline"], ["116 111"]),
        ("en", "INTL", ["findahelpline"], ["findahelpline"]),
    ],
)
def test_violence_and_children_have_lines_of_their_own(
    replies: Replies, lang: str, region: str, adults: list[str], children: list[str]
) -> None:
    for slot, numbers in (("abuse_line", adults), ("child_line", children)):
        filled = replies.helplines.fill(f"{{{slot}}}", region=region, lang=lang)
        assert [number for number in numbers if number not in filled] == [], filled
    assert adults[0] in replies.support_line(lang=lang, region=region, kind=Kind.ABUSE)


@pytest.mark.parametrize("region", PLACES)
def test_nobody_is_told_to_ring_a_website(replies: Replies, region: str) -> None:
    """An address stands in brackets or after "at", as the place where the number is found."""
    for lang, slot in product(STAGED, ("line", "short", "abuse_line", "child_line")):
        filled = replies.helplines.fill(f"{{{slot}}}", region=region, lang=lang)
        outside = re.sub(r"\([^()]*\)|（[^（）]*）", "", filled)
        assert not re.search(r"\.(?:com|ca)\b", outside), filled


@pytest.mark.parametrize("lang", STAGED)
def test_a_directory_is_described_once_and_is_no_number(replies: Replies, lang: str) -> None:
    told = replies.helplines.fill("{line}. {child_line}. {emergency}. {line}.", region="INTL", lang=lang)
    first, child, _, again = told.split(". ")
    assert told.count("findahelpline.com") == 1
    assert child == again.rstrip(".") and first.startswith(child)


@pytest.mark.parametrize(
    ("lang", "region", "said"),
    [
        ("zh-Hans", "auto", "打 110（报警）或 12110（不能出声时发短信，号码后加区号末三位），受伤打 120"),
        ("zh-Hant", "TW", "打 110，受伤打 119"),
        ("en", "SG", "打 999，受伤打 995"),
        ("zh-Hant", "HK", "打 999，受伤打同一支電話"),
    ],
)
def test_the_police_number_is_told_once(replies: Replies, lang: str, region: str, said: str) -> None:
    told = replies.helplines.fill("打 {police}，受伤打 {emergency}", region=region, lang=lang)
    assert told.replace(" ", "") == said.replace(" ", "")


def test_the_short_numbers_fit_into_a_sentence(replies: Replies) -> None:
    for region, lang in product(PLACES, STAGED):
        short = replies.helplines.fill("{short}", region=region, lang=lang)
        assert len(short.split() if lang == "en" else short) <= (12 if lang == "en" else 50), short


def test_whoever_writes_cantonese_hears_of_hong_kong_first(chat: Chat) -> None:
    chat.user("我唔想再咁落去喇，想死")
    assert chat.route is Route.CRISIS
    assert chat.shown.index("18111") < chat.shown.index("1925")
    chat.messages.clear()
    chat.user("我不想再這樣下去了，想死")
    assert chat.shown.index("1925") < chat.shown.index("18111")
