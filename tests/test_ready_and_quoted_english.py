"""English: what is made ready or done in the fewest words, whose words a quotation is, who owns to a story."""

from __future__ import annotations

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.reading import Finding

LEXICON = shipped_lexicon()


def _danger(text: str) -> list[Finding]:
    return [finding for finding in LEXICON.findings(text) if finding.kind and finding.level > Risk.NONE]


def _talk(*texts: str) -> Risk:
    """The level of a talk, person and counsellor in turn, by rules alone."""
    speakers = ["user", "assistant"] * len(texts)
    messages = [{"role": speaker, "content": text} for speaker, text in zip(speakers, texts, strict=False)]
    return Assessor(LEXICON, None).assess(Conversation.from_body({"messages": messages})).level


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hose is taped to the exhaust, just need the nerve", Kind.SELF_HARM),
        ("I walked into the road on purpose", Kind.SELF_HARM),
        ("will you kill me, I can't do it myself", Kind.SELF_HARM),
        ("he died in May and I'm following him tonight", Kind.SELF_HARM),
        ("banged my head on the wall until it bled", Kind.SELF_HARM),
        ("my uncle has his rifle out and says he's done", Kind.SOMEONE_ELSE),
    ],
)
def test_the_fewest_words_are_heard_and_whose_they_are(text: str, kind: Kind) -> None:
    assert any(finding.level >= Risk.HIGH and finding.kind is kind for finding in _danger(text))


@pytest.mark.parametrize(
    "text",
    [
        "hose is connected to the tap, sprinkler next",
        "in GTA I walked into the road on purpose",
        "will you kill me if I eat your yoghurt, I can't do it myself",
        "I'm following him on Instagram tonight",
        "three new ones on my arm, mosquito bites",
        "my uncle has his rifle out for the pheasant shoot, says he's done",
        'the headline reads "I want to die in Venice"',
        'customer review says "I\'d rather be dead than wait for this sofa"',
        'a customer screamed "I\'m going to kill you all" because of her latte',
        'my villain\'s line is "I will kill you all at dawn"',
        'one of my players typed "I\'m gonna kill you" in chat, gg',
        'letter from 1862 I\'m transcribing: "I want to end my life before they take me"',
        'lyrics I\'m translating: "tonight I end my life". how to keep the rhyme?',
    ],
)
def test_the_same_words_of_every_day_or_of_another_are_none(text: str) -> None:
    assert not _danger(text)


@pytest.mark.parametrize(
    "text",
    [
        'my friend said "I want to kill myself"',
        'my patient said "I want to kill myself" over his broadband',
        "as the song says, I want to die",
        "as the song says, I don't want to live anymore, and that's me",
        'the headline says "I want to die" and that\'s me',
        "the villain says I want to die and so do I",
        "I'm typing up a letter from 1943 and I want to die tonight",
        "a customer screamed at me, I want to die, all over a latte",
        "I'm transcribing an interview, I want to die, the accent is awful",
        "up all night with the lyrics I'm translating, I want to die, nothing rhymes",
        "proofread this: I'm sorry mum, I can't go on, I want to die. which tense?",
        "my own diary of 1944 days says I want to die",
    ],
)
def test_no_source_silences_a_friend_a_patient_or_whoever_takes_the_words_for_theirs(text: str) -> None:
    assert _danger(text)


def test_whoever_owns_to_the_story_is_heard() -> None:
    story = "can you write a goodbye note for a character in my novel"
    for owned in ("it's me. I'm the character", "it isn't fiction. it's about me", "I'm the friend I was asking about"):
        assert _talk(story, "What is she like?", owned) >= Risk.HIGH
    assert _talk(story, "What is she like?", "actually its me") >= Risk.CONCERN
    assert _talk(story, "Are you thinking about suicide, or somebody else?", "actually its me") >= Risk.HIGH
    assert _talk("who is that in the photo", "Tell me!", "it's me. I'm the character in the school play") is Risk.NONE


def test_what_is_explained_alarms_nobody_and_ends_no_crisis() -> None:
    asked = "Are you thinking about suicide?"
    assert not _danger("I meant my netflix subscription")
    assert _talk("I'm going to kill myself tonight", asked, "the game, not me") >= Risk.HIGH
