"""A death that is settled, made ready or tried again, in English words that name none; and the same words of other
plans."""

from __future__ import annotations

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Kind, Risk

LEXICON = shipped_lexicon()


@pytest.mark.parametrize(
    "text",
    [
        "I've circled the date and nobody knows",
        "I won't be here for my birthday, my choice",
        "clocking out of this life soon",
        "had enough of being alive, honestly",
        "the noose is hung from the rafters and I'm just sat here",
        "all my letters are in the drawer, I finished the letters for when I'm gone",
        "The first time they found me, this time I'll make sure.",
        "seven fresh lines down my forearm",
    ],
)
def test_what_is_settled_is_a_crisis(text: str) -> None:
    assert any(one.level >= Risk.HIGH and one.kind is Kind.SELF_HARM for one in LEXICON.findings(text))


@pytest.mark.parametrize(
    "text",
    [
        "we've circled the date for the wedding",
        "I won't be here for my birthday, I'll be in Spain on holiday",
        "clocking out at five",
        "I've had enough of living out of a suitcase",
        "the cable is tied to the beam, the hammock is next",
        "I finished the letters for the school trip",
        "the first time the cake sank, this time I'll do it properly",
        "two lines on my arm, the cat again",
        "He wrote in his novel that he had enough of being alive",
    ],
)
def test_the_same_words_of_other_plans_are_none(text: str) -> None:
    assert all(one.level is Risk.NONE for one in LEXICON.findings(text))
