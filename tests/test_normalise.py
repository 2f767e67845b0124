"""Folding: one spelling for one thing, for any string at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from psylite_pipeline.risk.normalise import MAX_CHARS, Spellings, default_folder, normalise


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("ＨＥＬＬＯ　Ｗｏｒｌｄ", "hello world"),
        ("我們不想說話", "我们不想说话"),
        ("活著", "活着"),
        ("我\u200b想\u2060吃\ufeff面", "我想吃面"),
        ("c\u0301\u0302\u0303afe\u0301", "cafe"),
        ("一 个 人", "一个人"),
        ("一.个.人", "一个人"),
        ("一，个，人", "一个人"),
        ("一*个*人走", "一个人走"),
        ("l-o-v-e", "love"),
        ("l o v e", "love"),
        ("don't", "dont"),
        ("don’t", "dont"),
        ("so niiiice", "so nice"),
        ("哈哈哈哈哈", "哈哈"),
        ("好的。明天见！", "好的。明天见。"),
        ("吃了吗？吃了", "吃了吗?吃了"),
        ("这个，那个", "这个,那个"),
        ("mail me at a.b", "mail me at a.b"),
        ("𝐡𝐞𝐥𝐥𝐨", "hello"),
        ("hеllо", "hello"),  # two letters are Cyrillic
        ("🇭🇮", "hi"),
        ("", ""),
        ("\ud800\0\x07", ""),
    ],
)
def test_folds(written: str, folded: str) -> None:
    assert normalise(written) == folded


def test_sentences_stay_apart() -> None:
    assert normalise("我不想。死机了") == "我不想。死机了"
    assert normalise("I do not want to. Die cast models are fun.").count("。") == 2


def test_folding_twice_changes_nothing() -> None:
    for text in ("我，想，吃。面！", "W.h.a.t is THIS??", "繁體 字 & more…", "some , more;c"):
        once = normalise(text)
        assert normalise(once) == once


@given(st.lists(st.text(max_size=8)))
@example(["繁體", "\u0301e", "a\nb", "𨋢", "I.", ""])
def test_many_pieces_are_folded_as_each_by_itself_save_for_their_edges(texts: list[str]) -> None:
    assert [piece.strip(" ,") for piece in default_folder().fold_pieces(texts)] == list(map(normalise, texts))


def test_a_rare_character_is_folded_alone_as_among_others() -> None:
    assert normalise("𨋢困住人") == f"{normalise('𨋢')}困住人", "a phrase of the lexicon is cut into pieces and folded"


def test_overlong_text_keeps_head_and_tail() -> None:
    read = normalise("头" + "x y " * MAX_CHARS + "尾")
    assert len(read) < 2 * MAX_CHARS
    assert read.startswith("头")
    assert read.endswith("尾")


@pytest.mark.parametrize(
    "text",
    ["a" + "\u0301\u0315" * 50_000, "我 " * 50_000, ". " * 50_000, "a," * 50_000, "\ud800" * 100_000, "，" * 100_000],
)
def test_no_text_is_slow(text: str) -> None:
    started = time.thread_time()
    normalise(text)
    assert time.thread_time() - started < 3  # a quadratic step would take minutes


def test_spellings_rewrite_whole_words_and_keep_what_is_kept() -> None:
    spellings = Spellings({"绿茶子": "茶子", "gr8": "great", "see u later": "see you later"}, ["绿茶子味"], ["cake"])
    assert spellings.apply("喝绿茶子") == "喝茶子"
    assert spellings.apply("绿茶子味瓜子") == "绿茶子味瓜子"
    assert spellings.apply("gr8 gr80") == "great gr80"
    assert spellings.apply("seeulater") == "see you later"
    assert spellings.apply("c@ke c4ke c*ke 42") == "cake cake cake 42"
