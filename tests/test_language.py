"""Which language a person writes: the words said in a crisis depend on it."""

from __future__ import annotations

import time

import pytest

from psylite_pipeline.language import is_cantonese, language_of, language_of_talk


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("这样活着好累", "zh-Hans"),
        ("我不想活了", "zh-Hans"),  # no telling letter: simplified
        ("今天 so tired，不想 work 了", "zh-Hans"),
        ("好想kms啊", "zh-Hans"),
        ("我の天啊", "zh-Hans"),
        ("囧", "zh-Hans"),
        ("wo bu xiang huo le", "zh-Hans"),
        ("wo xiang si", "zh-Hans"),
        ("zisha", "zh-Hans"),
        ("這樣活著好累", "zh-Hant"),
        ("妳還好嗎", "zh-Hant"),
        ("我唔想再咁落去喇", "zh-Hant"),
        ("我 really 撐不下去了", "zh-Hant"),
        ("I want to die", "en"),
        ("gonna end it all tonight", "en"),
        ("kms", "en"),
        ("ok", "en"),
        ("LOL!!", "en"),
        ("ｋｍｓ", "en"),
        ("I can’t do this anymore", "en"),
        ("suicide hotline", "en"),
        ("you can go to women he said", "en"),
        ("Zoé and I had lunch, it was good", "en"),
        ("How do you say 你好 when you meet a friend at work for the first time?", "en"),
        ("quiero morir", "other"),
        ("me siento sola", "other"),
        ("no quiero vivir más", "other"),
        ("je veux mourir", "other"),
        ("J'ai envie de mourir", "other"),
        ("Ich kann nicht mehr", "other"),
        ("ich will sterben", "other"),
        ("voglio morire", "other"),
        ("quero morrer", "other"),
        ("tôi muốn chết", "other"),
        ("aku ingin mati", "other"),
        ("Hola", "other"),
        ("死にたい", "other"),
        ("自殺したい", "other"),
        ("助けて", "other"),
        ("죽고 싶어", "other"),
        ("Хочу умереть", "other"),
        ("أريد أن أموت", "other"),
        ("ฉันอยากตาย", "other"),
        ("मैं मरना चाहता हूँ", "other"),
        ("", ""),
        ("   \n", ""),
        ("12356", ""),
        ("😭😭 !!!", ""),
        ("https://example.org/help", ""),
    ],
)
def test_a_text_is_told(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "odd", ["\x00", "\ud800", "\u200b" * 50, "１２３", "ß", "¿?", "の", "A" * 200_000, "死" * 200_000]
)
def test_odd_text_never_raises(odd: str) -> None:
    assert language_of(odd) in {"zh-Hans", "zh-Hant", "en", "other", ""}


def test_a_huge_paste_costs_no_more_than_its_ends() -> None:
    start = time.thread_time()
    assert language_of("我觉得 I am 很累。" * 50_000) == "zh-Hans"
    assert time.thread_time() - start < 0.2


def test_the_script_of_a_talk_outlives_a_line_written_the_same_in_both() -> None:
    assert language_of_talk(["這樣好累", "嗯", "我不想活了"]) == "zh-Hant"
    assert language_of_talk(["这样好累", "我不想活了"]) == "zh-Hans"
    assert language_of_talk(["阿嬷出院", "伊講伊欲轉去"]) == "zh-Hans"  # as the numbers: see main_language


def test_a_talk_follows_the_latest_language() -> None:
    assert language_of_talk(["這樣好累", "I want to die", "..."]) == "en"
    assert language_of_talk(["hello there", "我不想活了"]) == "zh-Hans"
    assert language_of_talk([]) == ""


@pytest.mark.parametrize("answer", ["ok", "yes", "lol", "hahaha", "kms", "thank you", "no thanks"])
def test_a_few_english_words_do_not_change_the_language_of_a_talk(answer: str) -> None:
    assert language_of_talk(["今天好累啊", answer]) == "zh-Hans"
    assert language_of_talk(["quiero morir", answer]) == "other"
    assert language_of_talk([answer, "..."]) == "en"
    assert language_of_talk(["hello", answer]) == "en"


def test_cantonese_without_a_telling_letter_is_answered_in_traditional_ones() -> None:
    assert language_of_talk(["我唔想做人喇"]) == "zh-Hant"
    assert language_of_talk(["我唔想做人喇", "没有人，这里只有我"]) == "zh-Hans"


def test_cantonese_is_told_from_a_sigh() -> None:
    assert is_cantonese(["你好", "我唔想做人喇"])
    assert is_cantonese(["佢走咗"])
    assert not is_cantonese(["唔，我不知道", "這樣好累"])
