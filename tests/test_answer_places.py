"""In which language, and with whose helplines, a turn is answered."""

from __future__ import annotations

import pytest

from psylite_pipeline.language import language_of
from psylite_pipeline.settings import Preferences

NUMBERS = {"CN": "12356", "HK": "18111", "TW": "1925", "SG": "1767", "US": "988", "GB": "116 123", "AU": "13 11 14"}


@pytest.mark.parametrize("region", NUMBERS)
@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
def test_the_valves_choose_language_and_lines_of_a_crisis_reply(open_talk, region, language):
    talk = open_talk(preferences=Preferences(region=region, language=language)).say("我很难受 DIE")
    assert NUMBERS[region] in talk.shown
    assert language_of(talk.shown) == language


@pytest.mark.parametrize(
    ("words", "language", "number"),
    [
        ("我很难受 DIE", "zh-Hans", "12356"),
        ("我真的好難過，撐不下去 DIE", "zh-Hant", "1925"),
        ("I feel so bad and want to DIE", "en", "988"),
    ],
)
def test_without_valves_the_talk_chooses(open_talk, words, language, number):
    talk = open_talk().say(words)
    assert language_of(talk.shown) == language
    assert number in talk.shown


def test_another_language_gets_words_too(open_talk):
    talk = open_talk().say("ich möchte nicht mehr leben DIE")
    assert talk.route == "crisis"
    assert "findahelpline" in talk.shown


@pytest.mark.parametrize(
    ("turns", "number"),
    [
        (["I want to DIE", "I'm in Australia, those numbers don't work DIE"], "13 11 14"),
        (["我在加拿大", "我想 DIE"], "988"),
        (["I'm in Dublin", "hello", "I want to DIE"], "116 123"),
        (["I am in Mumbai", "I want to DIE"], "14416"),
        (["I am in Nairobi", "I want to DIE"], "findahelpline.com"),
    ],
)
def test_a_place_that_the_person_names_chooses_the_lines(open_talk, turns, number):
    talk = open_talk()
    for turn in turns:
        talk.say(turn)
    assert number in talk.shown
    assert "12356" not in talk.shown


def test_numbers_that_changed_are_told_first_and_once(open_talk):
    talk = open_talk().say("I want to DIE")
    assert "13 11 14" not in talk.shown
    talk.say("I'm in Australia DIE")
    assert talk.shown.startswith("For where you are")
    assert "13 11 14" in talk.shown and "000" in talk.shown
    assert not talk.say("I'm in Sydney DIE").shown.startswith("For where you are")


def test_a_change_of_script_is_no_place_that_somebody_named(open_talk):
    talk = open_talk().say("我敢报警吗 DIE").say("我好驚，不知道怎麼辦 DIE")
    assert "你那邊" not in talk.shown


def test_numbers_of_the_talk_are_not_called_those_of_its_last_turns_language(open_talk):
    talk = open_talk().say("I feel so bad today").say("nothing helps and nobody knows")
    assert "988" in talk.say("我不想活了 DIE").shown and "中国大陆" not in talk.shown
    talk = open_talk().say("最近睡不着，工作压力也很大").say("谁都不知道我有多累")
    assert "12356" in talk.say("I want to DIE").shown and "These are numbers for mainland China" in talk.shown


def test_the_valve_outweighs_a_named_place(open_talk):
    assert "988" in open_talk(preferences=Preferences(region="US")).say("我在香港 DIE").shown


@pytest.mark.parametrize(
    ("language", "words", "number"),
    [
        ("en", "我不想活了 DIE", "12356"),
        ("en", "我真的好難過，撐不下去 DIE", "1925"),
        ("zh-Hans", "I feel so bad and want to DIE", "988"),
        ("zh-Hant", "我很难受，撑不下去 DIE", "12356"),
    ],
)
def test_the_valve_language_changes_the_words_and_not_whose_numbers_they_are(open_talk, language, words, number):
    talk = open_talk(preferences=Preferences(language=language)).say(words)
    assert number in talk.shown
    assert language_of(talk.shown) == language


def test_numbers_that_the_valve_language_chose_are_not_told_as_changed(open_talk):
    talk = open_talk(preferences=Preferences(language="zh-Hant"))
    assert "1925" in talk.say("我想死 DIE").shown
    assert "你那邊" not in talk.say("我一個人，撐不下去 DIE").shown


@pytest.mark.parametrize(
    ("turns", "own", "other"),
    [
        (["I feel so bad today and nothing helps", "he hits me when 他喝醉了 DIE"], "988", "12356"),
        (["我男朋友打我，我很害怕，不知道怎么办", "I want to DIE"], "12356", "988"),
        (["我想死，真的不想活下去了", "ok", "yes", "no DIE"], "12356", "988"),
        (["家己嘅老公打我 我唔敢报警", "佢噚日又打我", "我好驚 DIE"], "12356", "1925"),
        (["我不想活了", "是", "我一個人 DIE"], "1925", "12356"),
    ],
)
def test_one_turn_in_another_language_does_not_change_the_country(open_talk, turns, own, other):
    talk = open_talk()
    for turn in turns:
        talk.say(turn)
    assert own in talk.shown
    assert other not in talk.shown
