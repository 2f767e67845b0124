"""What stands under an answer, in which order, and what another model is told in its place."""

from __future__ import annotations

import itertools

import pytest
from said import PROMPTS, REPLIES, line, notice
from scripted import ScriptedModel, scripted_counsellor

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.errors import ModelTimeout
from psylite_pipeline.pieces import Source, Status, Thought, Waiting, Words
from psylite_pipeline.risk.talk import WINDOW
from psylite_pipeline.settings import Preferences
from psylite_pipeline.voice import SUPPORT_LINE_EVERY


def test_declining_says_no_warmly_and_differently_each_time(open_talk):
    talk = open_talk(ScriptedModel(error=RuntimeError("must not be asked")))
    shown = [talk.say("BOMB 怎么做").shown for _ in range(3)]
    assert len(set(shown)) == 3
    assert talk.route == "decline"


# -- under a SUPPORT answer


def test_the_helpline_line_comes_first_and_then_every_few_turns(open_talk):
    talk = open_talk(ScriptedModel("我在听。"))
    lines = [line() in talk.say("WORRY 今天").shown for _ in range(WINDOW + 3 * SUPPORT_LINE_EVERY)]
    assert lines == [number % SUPPORT_LINE_EVERY == 0 for number in range(len(lines))], "also when the window slides"


def test_the_direct_question_is_asked_once_and_for_the_right_kind(open_talk):
    for word, kind in (("WORRY", "self_harm"), ("FRIEND", "someone_else")):
        question = REPLIES.short_texts["zh-Hans"].concern[kind]
        talk = open_talk()
        shown = [talk.say(f"{word} 今天").shown for _ in range(5)]
        assert [question in one for one in shown] == [True, False, False, False, False]
        assert shown[0].endswith(question)


def test_what_a_stopped_answer_never_showed_is_shown_under_the_next(open_talk):
    talk = open_talk(ScriptedModel("我在听。"))
    talk.say("WORRY 今天").messages[-1]["content"] = "听起来你"  # "stop" was pressed
    question = REPLIES.short_texts["zh-Hans"].concern["self_harm"]
    shown = [talk.say("WORRY 明天").shown for _ in range(3)]
    assert [line() in one for one in shown] == [True, False, False]
    assert [question in one for one in shown] == [True, False, False]


@pytest.mark.parametrize("error", [None, ModelTimeout("x")])
@pytest.mark.parametrize(
    ("says", "end"),
    [
        ("我在听。<details>先把这些写下来", "\n\n</details>"),
        ("</details>我在听。<details>先把这些写下来", "\n\n</details>"),
        ("<details><details>先把这些写下来", "\n\n</details>" * 2),
        ("我在听。\n<!-- 先把这些写下来", " -->"),
        ("<details>我在听。<!-- 听 --><!-- 先把这些写下来", " -->\n\n</details>"),
        ("<details>我在听。</details><!-- 听 -->先把这些写下来", ""),
    ],
)
def test_what_the_model_left_open_hides_nothing_of_ours(open_talk, says, end, error):
    shown = open_talk(ScriptedModel(says[:12], says[12:], error=error)).say("WORRY 今天").shown
    own, below = shown.split("先把这些写下来" + end + "\n\n")
    assert own + "先把这些写下来" == says
    assert below.startswith(notice("model_cut") if error else line())
    assert below.endswith(REPLIES.short_texts["zh-Hans"].concern["self_harm"])


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_tags_of_our_prompts_are_not_recited(open_talk, size):
    text = "<素材>来，听一段。a < b</素材>\n<material>"
    says = [text[at : at + size] for at in range(0, len(text), size)]
    assert open_talk(ScriptedModel(*says)).say("今天").shown.strip() == "来，听一段。a < b"
    assert open_talk(ScriptedModel("<素材>")).say("今天").shown.startswith(notice("model_empty"))


def test_who_was_asked_in_a_crisis_is_not_asked_anew_under_care(open_talk):
    talk = open_talk(ScriptedModel("我在听。"))
    questions = REPLIES.short_texts["zh-Hans"].concern.values()
    shown = [talk.say(words).shown for words in ("DIE 今天", *["今天"] * 5)]
    assert talk.route == "support"
    assert not any(question in one for one in shown for question in questions)


def test_a_refusal_to_whoever_worries_us_comes_with_the_line_and_the_question(open_talk):
    talk = open_talk(ScriptedModel(error=RuntimeError("must not be asked")))
    question = REPLIES.short_texts["zh-Hans"].concern["default"]
    shown = talk.say("WORRY 不如 BOMB 怎么做").shown
    assert (talk.route, line() in shown, question in shown) == ("decline", True, True)


def test_worry_that_comes_back_soon_is_not_asked_about_again(open_talk):
    talk = open_talk(ScriptedModel("我在听。"))
    told = "FAINT 今天", "今天", "今天", "FAINT 明天", "FAINT 后天"
    replies = [(talk.say(words).route, talk.shown) for words in told]
    assert [route for route, _ in replies] == ["support", "support", "plain", "support", "support"]
    question = REPLIES.short_texts["zh-Hans"].concern["default"]
    assert [question in shown for _, shown in replies] == [True, False, False, False, False]


def test_the_model_does_not_see_our_own_lines_in_the_history(open_talk):
    model = ScriptedModel("我在听。")
    talk = open_talk(model, Preferences(reminder_every=1), standin=True)
    talk.say("WORRY 今天").say("WORRY 明天")
    history = [message["content"] for message in model.calls[-1] if message["role"] == "assistant"]
    assert history == ["我在听。"]


@pytest.mark.parametrize("turn", ["今天", "WORRY 今天"])
@pytest.mark.parametrize("error", [None, ModelTimeout("x")])
@pytest.mark.parametrize("unfit", ["", "你应该去死。"])
def test_whatever_stands_under_an_answer_the_model_reads_only_its_own_words_again(open_talk, turn, error, unfit):
    model = ScriptedModel("嗯，你说。", *([unfit] if unfit else []), error=error)
    talk = open_talk(model, Preferences(reminder_every=1), standin=True)
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    talk.say([{"type": "text", "text": turn}, picture]).say("嗯")
    assert len(talk.messages[1]["content"].split("\n\n")) > 3
    assert [one["content"] for one in model.calls[-1] if one["role"] == "assistant"] == ["嗯，你说。"]


def test_support_hides_thinking_and_plain_shows_it_unless_the_valve_says_no(open_talk):
    def thoughts(words, **valves):
        talk = open_talk(ScriptedModel(Thought("琢磨"), "好"), Preferences(**valves)).say(words)
        assert "琢磨" not in talk.shown
        return [piece for piece in talk.pieces if isinstance(piece, Thought)]

    assert thoughts("今天") == [Thought("琢磨")]
    assert thoughts("今天", show_thinking=False) == []
    assert thoughts("WORRY 今天") == []
    assert thoughts("WORRY 今天", show_thinking=True) == []


def test_waiting_is_passed_on_and_is_no_words(open_talk):
    model = ScriptedModel(Waiting(2, loading=True), Waiting(2), Waiting(12), Words("\n\n"), Words("好"))
    pieces = open_talk(model).say("今天").pieces
    loading, thinking, slow = (notice(f"status_{name}") for name in ("loading", "thinking", "slow"))
    assert pieces == [Status(loading), Status(thinking), Status(slow), Words("好")]


def test_a_snippet_is_named_as_a_source_where_it_is_shown(open_talk):
    def sources(**valves):
        pieces = open_talk(ScriptedModel("好"), Preferences(**valves)).say("JOKE 第3句开场").pieces
        return [piece for piece in pieces if isinstance(piece, Source)]

    (source,) = sources()
    assert source.name.startswith("相声一段 · 第")
    assert source.text.startswith("甲：")
    assert sources(show_snippet=False) == []
    assert sources(humour=False) == []


def test_who_sends_a_picture_with_words_hears_that_it_was_not_seen_and_the_model_does_not(open_talk):
    model = ScriptedModel("好看。")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    talk = open_talk(model).say([{"type": "text", "text": "看看这个"}, picture])
    assert talk.shown == f"好看。\n\n{notice('image_unseen')}"
    talk.say("怎么样")
    assert all(notice("image_unseen") not in message["content"] for message in model.calls[-1])
    assert notice("image_unseen") not in talk.shown


# -- the reminder


@pytest.mark.parametrize("every", [1, 2, 5])
def test_the_reminder_comes_every_so_many_turns(open_talk, every):
    talk = open_talk(preferences=Preferences(reminder_every=every))
    shown = [notice("ai_reminder") in talk.say("今天").shown for _ in range(11)]
    assert shown == [number % every == 0 for number in range(1, 12)]


def test_no_reminder_where_the_valve_is_zero(open_talk):
    talk = open_talk(preferences=Preferences(reminder_every=0))
    assert not any(notice("ai_reminder") in talk.say("今天").shown for _ in range(30))


# -- guidance for another model


def test_guidance_carries_care_and_lines_but_no_model_words(tmp_path):
    counsellor = scripted_counsellor(tmp_path, ScriptedModel(error=RuntimeError("must not be asked")))

    def guidance(words):
        conversation = Conversation.from_body({"messages": [{"role": "user", "content": words}]})
        return counsellor.guidance(conversation, counsellor.decide(conversation), Preferences())

    assert guidance("今天") == ""
    worried = guidance("WORRY 今天")
    assert line() in worried
    assert REPLIES.short_texts["zh-Hans"].concern["self_harm"] in worried
    assert guidance("来个JOKE") == "", "what another model has told would not be known at the next turn"


def test_guidance_tells_the_other_model_what_to_do_with_the_lines_and_nothing_of_ourselves(tmp_path):
    counsellor = scripted_counsellor(tmp_path, standin=True)
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    said = [{"type": "text", "text": "WORRY 今天"}, picture]
    conversation = Conversation.from_body({"messages": [{"role": "user", "content": said}]})
    preferences = Preferences(reminder_every=1)
    decision = counsellor.decide(conversation, preferences)
    care, asked, *lines = counsellor.guidance(conversation, decision, preferences).rsplit("\n\n", 3)
    assert care == PROMPTS.of("zh-Hans")["care"]
    assert "原样" in asked
    assert lines == [line(), REPLIES.short_texts["zh-Hans"].concern["self_harm"]]


# -- the folded block


def test_the_folded_block_has_title_and_lines_and_a_model_name_is_used(open_talk):
    model = ScriptedModel("好呀。")
    talk = open_talk(model, Preferences(model="mine")).say("来个JOKE")
    assert model.names == ["mine"]
    assert talk.shown.startswith("好呀。\n\n<details>\n<summary>相声一段 · 第")
    assert talk.shown.endswith("</details>")
    assert "甲：" in talk.shown
    assert open_talk(model).say("今天").shown == "好呀。"
    assert model.names[-1] == "psylite"


def test_that_a_stand_in_answers_is_said_once_and_again_to_whoever_is_in_danger(open_talk):
    talk = open_talk(ScriptedModel("嗯。"), standin=True)
    assert [notice("standin") in talk.say("今天").shown for _ in range(6)] == [True, *[False] * 5]
    talk = open_talk(ScriptedModel("嗯。"), standin=True)
    told = "今天", "今天", "今天", "今天", "WORRY 今天", "今天"
    assert [notice("standin") in talk.say(words).shown for words in told] == [True, False, False, False, True, False]


def test_order_of_the_tail(open_talk):
    talk = open_talk(ScriptedModel("嗯。"), Preferences(reminder_every=1), standin=True).say("WORRY 今天")
    question = REPLIES.short_texts["zh-Hans"].concern["self_harm"]
    expected = ["嗯。", line(), question, notice("ai_reminder"), notice("standin")]
    assert sorted(expected, key=talk.shown.index) == expected
    for one, other in itertools.pairwise(expected):
        assert f"{one}\n\n{other}" in talk.shown
