"""The phrase language of the lexicon: what a phrase stands for, and where the automaton finds it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psylite_pipeline.risk.rules.cover import Cover
from psylite_pipeline.risk.rules.patterns import Patterns
from psylite_pipeline.risk.rules.phrases import WRITTEN_OUT, Phrase, PhraseError, expand, parse, split

LISTS = {"药": ["安眠药", "药"], "kin": ["mom", "dad"], "想": ["想", "要", ""]}


@pytest.mark.parametrize(
    ("phrase", "literals"),
    [
        ("想死", ["想死"]),
        ("  想死 ", ["想死"]),
        ("(想|要|)死", ["想死", "要死", "死"]),
        ("吃<药>", ["吃安眠药", "吃药"]),
        ("吃(了|)<药>", ["吃了安眠药", "吃了药", "吃安眠药", "吃药"]),
        ("(a(b|c)d|e)f", ["abdf", "acdf", "ef"]),
        ("(a|(b|(c|d)))", ["a", "b", "c", "d"]),
        ("(my <kin>|she) left", ["my mom left", "my dad left", "she left"]),
        ("i (want |)to go", ["i want to go", "i to go"]),
        ("i (really (want |need )|)go", ["i really want go", "i really need go", "i go"]),
        ("a < b", ["a < b"]),
        ("(a|a)", ["a"]),
    ],
)
def test_what_a_phrase_stands_for(phrase: str, literals: list[str]) -> None:
    assert list(expand(phrase, LISTS)) == literals


@pytest.mark.parametrize(
    ("phrase", "says"),
    [
        ("(a|b", "a bracket is not closed"),
        ("a …8 b", "a gap stands where there can be none: in a list, or in a whole answer"),
        ("((a|b)", "a bracket is not closed"),
        ("a)b", "')' stands outside brackets"),
        ("a|b", "'|' stands outside brackets"),
        ("吃<糖>", "there is no word list <糖>"),
        ("(a|)(b|)", "a part of the phrase is or may be empty"),
        ("", "a part of the phrase is or may be empty"),
        ("".join(["(0|1|2|3|4|5|6|7|8|9)"] * 4) + "(a|b|c|d|e|f|g|)", "stands for more than 60000 literals"),
        ("".join(["(0|1|2|3|4|5|6|7|8|9)"] * 5), "stands for more than 60000 literals"),
        ("x(a" + "(0|1|2|3|4|5|6|7|8|9)" * 5 + ")", "stands for more than 60000 literals"),
    ],
)
def test_a_phrase_that_cannot_be_read_says_why(phrase: str, says: str) -> None:
    with pytest.raises(PhraseError) as caught:
        expand(phrase, LISTS)
    assert str(caught.value) == says


def test_a_gap_parts_a_phrase_and_may_have_a_length_of_its_own() -> None:
    assert parse("我 … 死", LISTS, gap=8) == parse("我…8 死", LISTS, gap=1)
    assert parse("我…3死 … 了", LISTS, gap=8).gaps == (0, 3, 8)
    assert parse("我…3死", LISTS, gap=8).parts == (("我",), ("死",))
    with pytest.raises(PhraseError):
        parse("我 … ", LISTS, gap=8)


def test_a_long_product_becomes_parts_that_must_touch() -> None:
    signs = [chr(0x4E00 + number) for number in range(WRITTEN_OUT)]
    many, optional = f"({'|'.join(signs)})", f"({'|'.join(signs)}|)"
    phrase = parse(f"我{many}死{many}", LISTS, gap=5)
    assert len(phrase.parts) > 1 and set(phrase.gaps) == {0}
    assert found(f"我{signs[3]}死{signs[59]}", f"我{many}死{many}") == [(0, 4)]
    assert found(f"我{signs[3]},死{signs[59]}", f"我{many}死{many}") == []
    assert found("我", f"我{optional}{optional}") == [(0, 1)], "what may be empty at the end is not needed"
    assert found(f"我{signs[0]}{signs[1]}死", f"我{optional}{optional}死") == [(0, 4)]
    assert found("我死", f"我{optional}{optional}死") == [(0, 2)]


def patterns(*phrases: str, gap: int = 10) -> Patterns:
    made = Patterns()
    for group, phrase in enumerate(phrases):
        made.add(group, parse(phrase, LISTS, gap))
    made.freeze()
    return made


def found(text: str, *phrases: str, gap: int = 10) -> list[tuple[int, int]]:
    """Where the first of the phrases is found."""
    return patterns(*phrases, gap=gap).find(text).get(0, [])


@pytest.mark.parametrize(
    ("text", "phrase", "spans"),
    [
        ("我想死了", "想死", [(1, 3)]),
        ("想死想死", "想死", [(0, 2), (2, 4)]),
        ("i want to die", "die", [(10, 13)]),
        ("diet soldier died", "die", []),
        ("die.", "die", [(0, 3)]),
        ("我今天想死", "我 … 死", [(0, 5)]),
        ("我一二三死", "我…3死", [(0, 5)]),
        ("我一二三四死", "我…3死", []),
        ("我累。想死", "我 … 死", []),
        ("死我", "我 … 死", []),
        ("我一死二了", "我…2死…2了", [(0, 5)]),
        ("死死", "死 … 死", [(0, 2)]),
        ("死", "死 … 死", []),
    ],
)
def test_where_a_phrase_is_found(text: str, phrase: str, spans: list[tuple[int, int]]) -> None:
    assert found(text, phrase) == spans


@pytest.mark.parametrize("gap", ["", " … "])
def test_a_phrase_is_found_from_each_of_its_beginnings(gap: str) -> None:
    signs = "|".join(chr(0x4E00 + number) for number in range(WRITTEN_OUT + 1))
    assert set(found("我想一丁了", f"(我|)想({signs}){gap}({signs})了")) == {(0, 5), (1, 5)}
    assert set(found("i want to go now", f"(i |)want to{gap or ' '}(go|{signs}) now")) == {(0, 16), (2, 16)}


@pytest.mark.parametrize("text", ["my friends loss", "friends loss", "my friend loss"])
def test_a_long_product_is_cut_at_the_edge_of_a_word(text: str) -> None:
    many = "|".join(f"cousin{number}" for number in range(WRITTEN_OUT))
    phrase = f"(my |)(friend|{many})(s|) loss"
    assert set(found(text, phrase)) == {(at, len(text)) for at in (0, 3) if text[at:].startswith("friend") or not at}


WORDS = st.sampled_from(["", "a", "b", "ab", "a ", " b", "ab ", "我", "想", "我想"])


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=3), st.data())
def test_what_is_cut_in_parts_is_found_where_it_would_be_written_out(choices: list[list[str]], data: st.DataObject):
    """Nine more choices at each place, which no text holds, make the phrase too long to be written out."""
    text = data.draw(WORDS) + "".join(data.draw(st.sampled_from(choice)) for choice in choices) + "死"
    short, long = ([[*choice, *more] for choice in choices] for more in ([], [chr(0x5000 + one) for one in range(9)]))
    made = Patterns()
    made.add(0, Phrase((expand("".join(f"({'|'.join(choice)})" for choice in short) + "死", {}),), (0,)))
    try:
        made.add(1, parse("".join(f"({'|'.join(choice)})" for choice in long) + "死", {}, 5))
    except PhraseError:  # too many literals inside one word
        return
    made.freeze()
    spans = made.find(text * 2)
    assert set(spans.get(0, [])) == set(spans.get(1, []))


def test_one_literal_fills_every_group_that_names_it() -> None:
    made = patterns("死", "死", "(死|亡)", "我 … 死")
    assert made.find("我死") == {
        0: [(1, 2)], 1: [(1, 2)], 2: [(1, 2)], 3: [(0, 2)],
    }  # fmt: skip
    twice = Patterns()
    for _ in range(2):
        twice.add(7, parse("死", LISTS, 5))
    twice.freeze()
    assert twice.find("死") == {7: [(0, 1)]}


def test_phrases_that_begin_alike_are_each_found() -> None:
    made = patterns("我 … 想 … 死", "我 … 想", "我 … 想…1死", "(我|他) … 想 … 死", "我 … 想 … 活")
    assert made.find("我真想去死") == {0: [(0, 5)], 1: [(0, 3)], 2: [(0, 5)], 3: [(0, 5)]}
    assert made.find("他真想要去死") == {3: [(0, 6)]}
    assert made.find("我想要去死,也想活")[0] == [(0, 5)] and 2 not in made.find("我想要去死")
    assert made.find("想我死") == {}


def test_the_nearest_beginning_counts_however_often_it_was_said_before() -> None:
    assert found("我" * 30 + "一二死", "我…2死")[-1][1] == 33
    assert found("我一二三四五六七八九十我死", "我…2死")[-1] == (11, 13)


def test_spans_that_lie_before_after_within_and_around() -> None:
    cover = Cover([(2, 4), (6, 9), (6, 7)])
    assert cover.within(2, 4) and cover.within(0, 5) and cover.within(5, 7)
    assert not cover.within(3, 6) and not cover.within(2, 3) and not cover.within(9, 20)
    assert cover.before(6) == [(2, 4)]
    assert cover.before(2) == []
    assert cover.before(20, most=1) == cover.before(20)[:1]
    assert len(cover.before(20, most=2)) == 2
    assert cover.after(3) == [(6, 7), (6, 9)]
    assert cover.after(0, most=1) == [(2, 4)]
    assert cover.after(2)[0] == (2, 4)
    assert cover.contains((6, 8)) and cover.contains((2, 4)) and not cover.contains((3, 5))
    assert not Cover(()) and cover


@given(st.text("ab(|)<>… 药", max_size=12))
def test_any_phrase_is_read_or_refused(phrase: str) -> None:
    assert "".join(split(phrase)) == phrase
    try:
        read = parse(phrase, LISTS, 5)
    except PhraseError:
        return
    assert all(literal.strip() for part in (read.parts[0], read.parts[-1]) for literal in part)
    assert len(read.gaps) == len(read.parts)
