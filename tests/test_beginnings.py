"""What waits for the rest of a forbidden phrase, and what need not: hardly a word of one is shown."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from unfit_words import CHECK

from psylite_pipeline.beginnings import Beginnings
from psylite_pipeline.output_check import WINDOW, Watch
from psylite_pipeline.risk.rules.phrases import Phrase, parse
from psylite_pipeline.risk.rules.rulebook import Rule

SECRET = Beginnings([parse("我 …6 (保守秘密|保密)", {}, 6), parse("promise …12 not to tell", {}, 12)])
PLAIN_WORDS = frozenset("我你您这那是有会也就都还要能可以")


@pytest.mark.parametrize(
    ("text", "waiting"),
    [
        ("我", ""),
        ("我想问问", ""),  # any gap may end in anything
        ("我想保", "我想保"),  # what has been shown is shown: of these only the last is there to wait
        ("我想保守", "我想保守"),
        ("我想保护", ""),
        ("我想问问你今天怎么保", ""),  # further than the gap goes
        ("我想好了。保", ""),  # another sentence
        ("promise", ""),
        ("promise me", ""),
        ("promise me not", "promise me not"),
        ("promise me nothing", ""),
    ],
)
def test_only_what_may_become_a_phrase_waits(text: str, waiting: str) -> None:
    assert SECRET.look(text) == (False, len(waiting.replace(" ", "")))


@pytest.mark.parametrize("text", ["我保密", "我一定保守秘密", "promise them not to tell"])
def test_a_whole_phrase_is_a_possible_one_and_waits_at_the_end(text: str) -> None:
    assert SECRET.look(text) == (True, len(text.replace(" ", "")))
    assert SECRET.look(f"{text},今天") == (True, 0)


@pytest.mark.parametrize(
    "text",
    [
        "我想问问近来怎么样？",
        "从几时开始的？",
        "要吃点热的，写几行字也好。",
        "我听见了，这是难的事，我会听着。",
    ],
)
def test_common_words_do_not_wait_at_all(text: str) -> None:
    watch = Watch(CHECK, support=True)
    assert [watch.feed(letter) for letter in text] == list(text)


def spoken(phrase: Phrase, draw: random.Random) -> tuple[str, list[bool]]:
    """One way to say a phrase, something in its gaps; and of each letter whether it belongs to the phrase."""
    text, belongs = "", []
    for gap, part in zip(phrase.gaps, phrase.parts, strict=True):
        literal = draw.choice(part)
        english = literal.isascii()
        filler = " quietly"[: gap - 1] if english else "慢慢那个"[: draw.randint(0, gap)]
        if not text or not gap:
            filler = ""
        elif english:
            filler = (filler if len(filler) == len(" quietly") else "") + " " * (not literal.startswith(" "))
        text += filler + literal
        belongs += [False] * len(filler) + [True] * len(literal)
    return text, belongs


def ways(rule: Rule) -> Iterator[tuple[str, list[bool]]]:
    draw = random.Random(rule.id)
    for phrase in rule.match:
        for _ in range(4):
            text, belongs = spoken(phrase, draw)
            # Not where its own words excuse it; more than WINDOW characters never wait.
            if len(text) <= WINDOW and CHECK.found(f"{text}\n", support=True):
                yield text, belongs


@pytest.mark.parametrize("rule", CHECK.rules, ids=lambda rule: rule.id)
def test_of_a_forbidden_phrase_hardly_a_word_is_shown(rule: Rule) -> None:
    said = list(ways(rule))
    assert said
    for text, belongs in said:
        assert CHECK.look(text)[0], text
        watch = Watch(CHECK, support=True)
        shown = "".join([*map(watch.feed, f"{text}\n"), watch.rest()])
        assert watch.hit, text
        told = "".join(letter if of else " " for letter, of in zip(shown, belongs, strict=False)).split()
        words = [word for word in told if word.isascii()]
        letters = "".join(word for word in told if not word.isascii())
        assert len(words) <= 1, (text, shown)
        assert len(letters) <= 1 or PLAIN_WORDS.issuperset(letters), (text, shown)


def test_a_word_that_is_not_whole_yet_is_not_taken_for_a_short_one() -> None:
    watch = Watch(CHECK, support=True)  # "you d" would be "you would"
    shown = "".join(watch.feed(letter) for letter in "your wife will be better off if you died.\n")
    assert (shown, watch.hit) == ("your ", "output.en.encourage")
