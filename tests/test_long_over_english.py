"""Violence of long ago, told in English by somebody who is out of it: care and no staged talk. What goes on stays."""

from __future__ import annotations

import pytest
from dialogue import Chat
from scripted import shipped_lexicon

from psylite_pipeline.decision import Kind, Risk, Route, Told

LEXICON = shipped_lexicon()
ASKED = "is someone hitting or threatening you"


@pytest.fixture
def talk(chat: Chat) -> Chat:
    chat.ollama.script(*["I'm listening."] * 12)
    return chat


@pytest.mark.parametrize(
    "text",
    [
        "My dad beat us with a belt when we were kids. He died in 2009.",
        "I was married to a violent man in my twenties. He broke my arm. I got out, long time ago.",
        "my coach touched me when I was nine. I'm 33.",
        "i was married to a man who drank. 1988 to 1996. he broke two of my ribs",
        "my ex husband choked me once, that's why I left. that was 2015",
        "Ma used to slap us about, she threw plates at me when I was small",
    ],
)
def test_what_is_long_over_is_met_with_care_alone(text: str) -> None:
    found = LEXICON.findings(text)
    assert max(one.level for one in found) is Risk.CONCERN
    assert {one.kind for one in found if one.level} == {Kind.ABUSE}


@pytest.mark.parametrize(
    "text",
    [
        "i'm 14 and my dad hits me. it was worse when i was little",
        "my husband hits me since we married ten years ago",
        "my dad used to hit me when i was small and now he hits my little brother",
        "he used to beat me and he still does when he drinks",
        "before 2 years he hit one time. last week he hold my neck little bit",
        "he hit me years ago and last night he did it again",
        "when I was a kid my dad beat me, he still beats me",
    ],
)
def test_what_goes_on_is_a_crisis(text: str) -> None:
    assert any(one.level >= Risk.HIGH and one.kind is Kind.ABUSE for one in LEXICON.findings(text))


def test_whoever_says_that_it_is_over_is_not_asked_whether_they_are_safe_nor_told_to_run(talk: Chat) -> None:
    talk.user("My dad beat us with a belt when we were kids. He died in 2009.")
    assert talk.route is Route.SUPPORT
    assert ASKED not in talk.shown
    for turn in ("It's over, I'm safe now, I live on my own", "I just still hate the sound of keys"):
        assert talk.user(turn).route is Route.SUPPORT


def test_whoever_does_not_say_so_is_asked_once(talk: Chat) -> None:
    assert ASKED in talk.user("My ex used to hit me. I left in March.").shown
    talk.user("yes safe now, he doesn't know where I live")
    assert (talk.route, talk.kind) == (Route.SUPPORT, Kind.ABUSE)


def test_a_crisis_about_what_turns_out_to_be_over_asks_one_question(talk: Chat) -> None:
    talk.user("he put his hands round my neck, my ex")
    assert talk.route is Route.CRISIS
    talk.user("it was years ago, he's in prison now, I'm safe")
    assert talk.route is Route.SUPPORT


@pytest.mark.parametrize(
    "turn",
    ["it's over now he's asleep", "it's over i left him", "safe till he wakes up", "i am safe now he is at work"],
)
def test_a_quiet_hour_and_a_fresh_parting_keep_the_talk_open(talk: Chat, turn: str) -> None:
    talk.user("my boyfriend hits me")
    assert talk.user(turn).route is Route.CRISIS
    assert talk.risk is Risk.HIGH
    assert talk.decision is not None
    assert Told.OVER not in talk.decision.told
