"""Where a person says they are, and which helplines that chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

from psylite_pipeline.replies import Replies

FOLDER = Path(__file__).parent.parent / "knowledge" / "replies"
REPLIES = Replies.load(FOLDER)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("I'm in Australia, those numbers don't work", "AU"),
        ("what number do I call in Australia", "AU"),
        ("who can I call in Singapore?", "SG"),
        ("we're in Leeds", "GB"),
        ("I live with my mum in Dublin", "IE"),
        ("I live in the U.S.", "US"),
        ("I’m at uni in Glasgow", "GB"),
        ("I'm in Northern Ireland", "GB"),
        ("I'm in Mumbai", "IN"),
        ("我在印度读书", "IN"),
        ("im in NEW ZEALAND", "INTL"),
        ("here in Ireland nobody cares", "IE"),
        ("I'm currently living in New York", "US"),
        ("I want to die. I am in Berlin.", "EU"),
        ("我在加拿大", "CA"),
        ("我人在香港", "HK"),
        ("我而家喺香港", "HK"),
        ("我住在悉尼，想死", "AU"),
        ("我在 Sydney", "AU"),
        ("我现在在英国读书", "GB"),
        ("我在英国很难过", "GB"),
        ("我們在台灣", "TW"),
        ("我一个人住在墨尔本", "AU"),
        ("我在日本", "INTL"),
        ("我在国外", "INTL"),
        ("我在德国的家里", "EU"),
        ("I'm in Beijing", "CN"),
        ("我住在中国香港，我不想活了", "HK"),
        ("我在中國台灣", "TW"),
        ("I don't know if it matters but I live in Ireland", "IE"),
        ("i'm in perth australia", "AU"),
        ("in perth, australia", "AU"),
        ("in durban, south africa", "INTL"),
        ("wellington, nz", "INTL"),
        ("from birmingham uk", "GB"),
        ("from toronto", "CA"),
        ("from leeds", "GB"),
        ("Ireland", "IE"),
        ("加拿大", "CA"),
    ],
)
def test_a_place_named_as_ones_own_is_heard(text: str, region: str) -> None:
    assert REPLIES.region_of([text]) == region


@pytest.mark.parametrize(
    "text",
    [
        "I was in Australia once",
        "i'm in love, Paris is wonderful",
        "i'm in bed watching Chicago",
        "from London with love",
        "fuck america",
        "leaving ireland",
        "加拿大的枫叶很红",
        "I used to live in Canada",
        "I want to live in Canada",
        "I'm moving to Canada",
        "I'm from Australia",
        "if I'm in Canada",
        "I feel like I'm in India",
        "I'm in love with Canada",
        "my sister who is in Canada",
        "she's in Glasgow",
        "I'm in Usher Hall",
        "I'm in pain",
        "我在澳洲待过",
        "我以前在法国",
        "我在法国的时候",
        "我在加拿大的朋友",
        "要是我在日本",
        "我在美国人的公司",
        "我妈在美国",
        "我想去美国",
        "我不在中国",
        "我在家",
        "我在英国有个朋友，我不想活了",
        "我在加拿大还有个姐姐",
        "我在新加坡航空工作",
        "when I'm in Canada",
        "",
    ],
)
def test_a_place_told_of_in_passing_is_not(text: str) -> None:
    assert REPLIES.region_of([text]) == ""


def test_the_place_holds_for_the_talk_and_the_last_one_named_counts() -> None:
    assert REPLIES.region_of(["I'm in Australia", "I want to die", "yes"]) == "AU"
    assert REPLIES.region_of(["I'm in Australia", "now I'm in Dublin", "yes"]) == "IE"
    assert REPLIES.region_of(["hello"] * 100) == ""


def test_a_long_text_costs_little() -> None:
    assert REPLIES.region_of(["I'm in " * 50_000]) == ""
    assert REPLIES.region_of(["我在" * 50_000]) == ""
