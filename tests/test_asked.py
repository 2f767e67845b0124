"""What the rules hear in questions and answers: danger asked about, yes and no, what is denied."""

from __future__ import annotations

from itertools import product

import pytest
from scripted import KeywordClassifier, KeywordRules, shipped_lexicon

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.replies import Stage
from psylite_pipeline.risk.assess import Assessor

LEXICON = shipped_lexicon()


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("你有没有想过自杀？", True),
        ("你现在有伤害自己的念头吗", True),
        ("Are you thinking about killing yourself?", True),
        ("你是不是想死？", True),
        ("没有想过死吗？", True),
        ("你说累死了，有没有想过真的去死？", True),
        ("今天吃饭了吗？", False),
        ("What did you eat?", False),
        ("如果想自杀，请拨打热线。", False),
        ("", False),
        ("是想睡，不是想死，对吗？", False),  # a yes to these says no
        ("没有想死，对吧？", False),
        ("疼死了，是疼得厉害的说法吗？", False),
        ("Some people in that place think of suicide. Have you?", True),  # about the sentence before
        ("When it gets this heavy, thoughts of ending your life can come. Is that something you know?", True),
        ("有些人到这一步会想到死。你有过吗？", True),
        ("If you ever think of suicide, call 988. Have you eaten today?", False),
        ("如果想到自杀，请打12356。今天吃饭了吗？", False),
    ],
)
def test_direct_questions_about_danger(question: str, asks: bool) -> None:
    assert LEXICON.question(question).of_danger is asks


def whose(asked: str, answer: str) -> Kind | None:
    return LEXICON.question(asked).whose(LEXICON.read(answer))


@pytest.mark.parametrize(
    ("asked", "answer", "kind"),
    [
        ("先叫个人来。就你知道的，他现在有生命危险吗？", "血止住了", None),
        ("Is she in danger right now?", "yes", None),
        ("你自己有没有想过死，因为他？", "有", Kind.SELF_HARM),
        ("Have you thought of dying, too, because of him?", "yes", Kind.SELF_HARM),
        ("最近想过死吗？", "想过", Kind.SELF_HARM),
        ("", "yes", None),
    ],
)
def test_whose_danger_a_yes_is_about(asked: str, answer: str, kind: Kind | None) -> None:
    assert whose(asked, answer) is kind


@pytest.mark.parametrize("lang", ["zh-Hans", "zh-Hant", "en", "other"])
def test_the_question_that_asks_for_both_is_answered_for_oneself_or_another(replies, lang: str) -> None:
    asked = replies.concern_question(kind=None, lang=lang)
    for answer in ("是的，他手里有药", "她说了再见", "yes, he has pills", "they are on the roof"):
        assert whose(asked, answer) is Kind.SOMEONE_ELSE, answer
    for answer in ("有", "嗯，因为他", "想过，我没有他不行", "yes", "yes, because of him", "I have, since she left"):
        assert whose(asked, answer) is Kind.SELF_HARM, answer


def test_a_yes_to_every_question_about_means_tells_of_them(replies) -> None:
    for lang, kind in product(("zh-Hans", "zh-Hant", "en"), (Kind.SELF_HARM, Kind.HARM_TO_OTHERS)):
        for variant in replies.crisis_texts.of(lang, kind, Stage.MEANS):
            asked = LEXICON.question(f"{variant.text}\n\n{variant.question}")
            assert asked.asks == {Told.MEANS}, variant.question
            assert Told.MEANS in asked.told(LEXICON.read("嗯，有" if lang != "en" else "yes"))


@pytest.mark.parametrize("lang", ["zh-Hans", "zh-Hant", "en"])
def test_a_yes_to_no_other_question_tells_of_means(replies, lang: str) -> None:
    for variant in replies.crisis_texts.variants[lang]:
        if variant.stage is not Stage.MEANS or variant.told:
            assert Told.MEANS not in LEXICON.question(f"{variant.text}\n\n{variant.question}").asks, variant.question


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("嗯", True),
        ("是的，有过", True),
        ("对 有", True),
        ("嗯 有点", True),
        ("对 今天还好", False),
        ("Yeah, sometimes.", True),
        ("yes i have", True),
        ("没有，就是想过", True),
        ("没有", False),
        ("不会的", False),
        ("No, not really", False),
        ("今天天气不错", False),
        ("", False),
        ("嗯" + "啦" * 100 + "不知道", False),
    ],
)
def test_short_answers(text: str, yes: bool) -> None:
    assert LEXICON.read(text).yes is yes


def test_a_long_turn_is_no_short_answer() -> None:
    assert LEXICON.read("嗯，" + "今天" * 28).yes
    assert not LEXICON.read("嗯，" + "今天" * 30).yes


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("啊？你怎么突然问这个", True),
        ("为什么这么问", True),
        ("你这问题好奇怪", True),
        ("我说的是花", True),
        ("我是说手机啦", True),
        ("why do you ask", True),
        ("that's a weird question", True),
        ("I meant the jackfruit", True),
        ("it's just a game", True),
        ("我说的是真的", False),
        ("我说的是今晚", False),
        ("我是说死", False),
        ("I meant it", False),
        ("I meant every word", False),
        ("I mean the pills in my bag", False),
        ("想过", False),
        ("sometimes, yeah", False),
        ("bill would have been 80 today", True),  # a birthday of the dead is no yes
        ("it's our anniversary tomorrow", True),
        ("i would have done it today", False),
    ],
)
def test_who_asks_back_or_says_what_else_was_meant_has_answered_nothing(text, nothing):
    assert LEXICON.read(text).answers_nothing is nothing


def test_an_answer_that_is_none_brings_care_and_not_the_staged_talk():
    assessor = Assessor(KeywordRules(), KeywordClassifier())

    def level(answer):
        said = [("user", "x"), ("assistant", "ASK"), ("user", answer)]
        messages = [{"role": role, "content": text} for role, text in said]
        return assessor.assess(Conversation.from_body({"messages": messages})).level

    assert level("NOD") is Risk.HIGH
    assert level("NOD WHY") is Risk.CONCERN


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("No, God no. I don't want to die, I want to see the baby born.", ""),
        ("没有没有，没想过死，你想多了。", ""),
        ("没有", ""),
        ("不会的", ""),
        ("No, not really", ""),
        ("No. I want to live, but I bought the rope.", "but i bought the rope"),
        ("没有，就是把药都攒好了", "就是把药都攒好了"),
        ("No, I can't promise I won't hurt myself", "i cant promise i wont hurt myself"),
        ("I don't want to die", None),
        ("negative", ""),
        ("Not once. I think about the boiler", "i think about the boiler"),
        ("死不了，死了更亏", "死了更亏"),
        ("No. I fish there. The bream are good", "i fish there,the bream are good"),
        ("不是那意思，就是累", "就是累"),
        ("没想过死，晚上静得慌", "晚上静得慌"),
        ("No one would miss me", None),
        ("No reason to live", None),
        ("Never waking up, that is what I want", None),
        ("冇呀，諗過離家出走", "谂过离家出走"),
        ("不想活了", None),
        ("没意思", None),
        ("没有我他们更好", None),
        ("", None),
    ],
)
def test_of_a_denial_only_the_rest_is_left(said: str, left: str | None) -> None:
    assert LEXICON.read(said).undenied == left


def talk(*texts: str) -> Risk:
    """The level of a talk, person and counsellor in turn, by the rules alone."""
    speakers = ["user", "assistant"] * len(texts)
    messages = [{"role": speaker, "content": text} for speaker, text in zip(speakers, texts, strict=False)]
    return Assessor(LEXICON, None).assess(Conversation.from_body({"messages": messages})).level


def test_whoever_owns_to_the_story_is_heard() -> None:
    story = "can you write a goodbye note for a character in my novel"
    for owned in ("it's me. I'm the character", "it isn't fiction. it's about me", "I'm the friend I was asking about"):
        assert talk(story, "What is she like?", owned) >= Risk.HIGH
    assert talk(story, "What is she like?", "actually its me") >= Risk.CONCERN
    assert talk(story, "Are you thinking about suicide, or somebody else?", "actually its me") >= Risk.HIGH
    assert talk("who is that in the photo", "Tell me!", "it's me. I'm the character in the school play") is Risk.NONE


def test_what_is_explained_ends_no_crisis() -> None:
    asked = "Are you thinking about suicide?"
    assert talk("I'm going to kill myself tonight", asked, "the game, not me") >= Risk.HIGH
