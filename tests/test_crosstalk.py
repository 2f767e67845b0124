"""Lint of the shipped snippets: form, length, forbidden themes, repeats."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import ahocorasick
import numpy as np
import pytest

from psylite_pipeline.embedding import BundledEncoder
from psylite_pipeline.humour.corpus import load_corpus
from psylite_pipeline.humour.themes import Themes
from psylite_pipeline.settings import bundled

CORPUS = load_corpus([bundled("knowledge") / "crosstalk"])
SPEAKERS = {"zh": ("甲：", "乙："), "en": ("A: ", "B: ")}

# Themes that a person who is not well must not meet in a joke.
FORBIDDEN = Themes.load(bundled("knowledge") / "crosstalk")


def test_there_are_enough_in_both_languages_and_none_is_refused():
    assert CORPUS.refused == ()
    counts = CORPUS.by_language()
    assert counts["zh"] >= 320
    assert counts["en"] >= 60


@pytest.mark.parametrize("snippet", CORPUS.snippets, ids=lambda one: one.id)
def test_form(snippet):
    lines = snippet.lines.split("\n")
    first, second = SPEAKERS[snippet.language]
    assert 4 <= len(lines) <= 12
    assert all(line.startswith((first, second)) for line in lines)
    assert {line[: len(first)] for line in lines} == {first, second}
    assert 60 <= len(snippet.lines) <= 900
    assert snippet.topics
    assert len(snippet.hears) == 3
    assert FORBIDDEN.found(f"{snippet.title} {snippet.lines}") == ""


def test_no_line_and_no_sample_turn_stands_twice():
    lines = Counter(
        line[2:]
        for one in CORPUS.snippets
        for line in one.lines.split("\n")
        if len(line) > (14, 30)[one.language == "en"]
    )
    assert [line for line, count in lines.items() if count > 1] == []
    hears = Counter(text for one in CORPUS.snippets for text in one.hears)
    assert [text for text, count in hears.items() if count > 1] == []


def test_no_two_snippets_share_a_long_run():
    seen: dict[str, str] = {}
    for one in CORPUS.snippets:
        text = re.sub(r"\W", "", one.lines)
        size = 14 if one.language == "zh" else 40
        for run in {text[at : at + size] for at in range(len(text) - size + 1)}:
            assert seen.setdefault(run, one.id) == one.id, run


def test_no_two_snippets_are_alike():
    """By what the encoder makes of the whole dialogue. The most alike stand at .861: one scene, two jokes."""
    vectors = BundledEncoder().encode([one.lines for one in CORPUS.snippets])
    alike = np.triu(vectors @ vectors.T, 1)
    pairs = [(CORPUS.snippets[a].id, CORPUS.snippets[b].id) for a, b in np.argwhere(alike >= 0.9)]
    assert pairs == []


def bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def borrowed(texts: Iterable[str]) -> set[str]:
    """Lines of our snippets, of more than 8 Chinese characters or 20 letters, that stand in one of `texts`."""
    ours = ahocorasick.Automaton()
    for one in CORPUS.snippets:
        least = 9 if one.language == "zh" else 21
        for line in one.lines.split("\n"):
            said = bare(line.lstrip("甲乙AB").lstrip("：: "))
            if len(said) >= least:
                ours.add_word(said, line)
    ours.make_automaton()
    return {line for text in texts for _, line in ours.iter(bare(text))}


def test_no_line_is_taken_from_texts_of_others():
    """Compared with the data that lies beside a checkout, or in PSYLITE_FOREIGN_TEXTS; a clone alone has none."""
    line = max(CORPUS.snippets[0].lines.split("\n"), key=len)
    assert borrowed([f"…… {line[2:]}！"]) == {line}
    folder = Path(os.environ.get("PSYLITE_FOREIGN_TEXTS") or Path(__file__).parents[2] / "shared" / "data")
    assert borrowed(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jsonl"))) == set()


def test_every_topic_file_is_named_after_its_ids():
    for path in Path(bundled("knowledge") / "crosstalk").rglob("*.toml"):
        assert path.stem.replace("-", "").isalpha()
