"""What each route says: helplines by language and region, lines under the answer, and true words when parts fail."""

from __future__ import annotations

import itertools
import json

import pytest
from scripted import KeywordRules, ScriptedModel, Talk, scripted_counsellor

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.errors import ModelAway, ModelBroken, ModelMissing, ModelTimeout
from psylite_pipeline.language import language_of
from psylite_pipeline.model import Thought, Waiting, Words
from psylite_pipeline.pieces import Source, Status
from psylite_pipeline.prompt import Prompts
from psylite_pipeline.replies import Replies
from psylite_pipeline.risk.walk import WINDOW
from psylite_pipeline.settings import Preferences, bundled
from psylite_pipeline.voice import SUPPORT_LINE_EVERY

REPLIES = Replies.load(bundled("knowledge") / "replies")
PROMPTS = Prompts.load(bundled("knowledge") / "prompts")


def notice(name: str, lang: str = "zh-Hans", region: str = "auto") -> str:
    return REPLIES.notice(name, lang=lang, region=region)


def line(lang: str = "zh-Hans", region: str = "auto") -> str:
    return REPLIES.support_line(lang=lang, region=region)


@pytest.fixture
def open_talk(tmp_path):
    def opened(model=None, preferences=None, **parts) -> Talk:
        return Talk(scripted_counsellor(tmp_path, model, **parts), preferences)

    return opened


# -- language and region

NUMBERS = {"CN": "12356", "HK": "18111", "TW": "1925", "SG": "1767", "US": "988", "GB": "116 123", "AU": "13 11 14"}


@pytest.mark.parametrize("region", NUMBERS)
@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
def test_the_valves_choose_language_and_lines_of_a_crisis_reply(open_talk, region, language):
    talk = open_talk(preferences=Preferences(region=region, language=language)).say("我很难受 DIE")
    assert NUMBERS[region] in talk.shown
    assert language_of(talk.shown) == language


@pytest.mark.parametrize(
    ("words", "language", "number"),
    [
        ("我很难受 DIE", "zh-Hans", "12356"),
        ("我真的好難過，撐不下去 DIE", "zh-Hant", "1925"),
        ("I feel so bad and want to DIE", "en", "988"),
    ],
)
def test_without_valves_the_talk_chooses(open_talk, words, language, number):
    talk = open_talk().say(words)
    assert language_of(talk.shown) == language
    assert number in talk.shown


def test_another_language_gets_words_too(open_talk):
    talk = open_talk().say("ich möchte nicht mehr leben DIE")
    assert talk.route == "crisis"
    assert "findahelpline" in talk.shown


@pytest.mark.parametrize(
    ("turns", "number"),
    [
        (["I want to DIE", "I'm in Australia, those numbers don't work DIE"], "13 11 14"),
        (["我在加拿大", "我想 DIE"], "988"),
        (["I'm in Dublin", "hello", "I want to DIE"], "116 123"),
        (["I am in Mumbai", "I want to DIE"], "14416"),
        (["I am in Nairobi", "I want to DIE"], "findahelpline.com"),
    ],
)
def test_a_place_that_the_person_names_chooses_the_lines(open_talk, turns, number):
    talk = open_talk()
    for turn in turns:
        talk.say(turn)
    assert number in talk.shown
    assert "12356" not in talk.shown


def test_numbers_that_changed_are_told_first_and_once(open_talk):
    talk = open_talk().say("I want to DIE")
    assert "13 11 14" not in talk.shown
    talk.say("I'm in Australia DIE")
    assert talk.shown.startswith("For where you are")
    assert "13 11 14" in talk.shown and "000" in talk.shown
    assert not talk.say("I'm in Sydney DIE").shown.startswith("For where you are")


def test_a_change_of_script_is_no_place_that_somebody_named(open_talk):
    talk = open_talk().say("我敢报警吗 DIE").say("我好驚，不知道怎麼辦 DIE")
    assert "你那邊" not in talk.shown


def test_the_valve_outweighs_a_named_place(open_talk):
    assert "988" in open_talk(preferences=Preferences(region="US")).say("我在香港 DIE").shown


@pytest.mark.parametrize(
    ("turns", "own", "other"),
    [
        (["I feel so bad today and nothing helps", "he hits me when 他喝醉了 DIE"], "988", "12356"),
        (["我男朋友打我，我很害怕，不知道怎么办", "I want to DIE"], "12356", "988"),
        (["我想死，真的不想活下去了", "ok", "yes", "no DIE"], "12356", "988"),
        (["家己嘅老公打我 我唔敢报警", "佢噚日又打我", "我好驚 DIE"], "12356", "1925"),
        (["我不想活了", "是", "我一個人 DIE"], "1925", "12356"),
    ],
)
def test_one_turn_in_another_language_does_not_change_the_country(open_talk, turns, own, other):
    talk = open_talk()
    for turn in turns:
        talk.say(turn)
    assert own in talk.shown
    assert other not in talk.shown


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


def test_worry_that_comes_back_soon_is_not_asked_about_again(open_talk):
    talk = open_talk(ScriptedModel("我在听。"))
    told = "FAINT 今天", "今天", "今天", "FAINT 明天", "FAINT 后天"
    replies = [(talk.say(words).route, talk.shown) for words in told]
    assert [route for route, _ in replies] == ["support", "plain", "plain", "support", "support"]
    question = REPLIES.short_texts["zh-Hans"].concern["default"]
    assert [question in shown for _, shown in replies] == [True, False, False, False, False]


def test_the_model_does_not_see_our_own_lines_in_the_history(open_talk):
    model = ScriptedModel("我在听。")
    talk = open_talk(model, Preferences(reminder_every=1), standin=True)
    talk.say("WORRY 今天").say("WORRY 明天")
    history = [message["content"] for message in model.calls[-1] if message["role"] == "assistant"]
    assert history == ["我在听。"]


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


# -- reminder and stand-in


@pytest.mark.parametrize("every", [1, 2, 5])
def test_the_reminder_comes_every_so_many_turns(open_talk, every):
    talk = open_talk(preferences=Preferences(reminder_every=every))
    shown = [notice("ai_reminder") in talk.say("今天").shown for _ in range(11)]
    assert shown == [number % every == 0 for number in range(1, 12)]


def test_no_reminder_where_the_valve_is_zero(open_talk):
    talk = open_talk(preferences=Preferences(reminder_every=0))
    assert not any(notice("ai_reminder") in talk.say("今天").shown for _ in range(30))


def test_the_stand_in_says_so_once(open_talk):
    talk = open_talk(standin=True)
    assert [notice("standin") in talk.say("今天").shown for _ in range(4)] == [True, False, False, False]
    assert notice("standin") not in open_talk().say("今天").shown


def test_the_stand_in_says_so_even_when_its_first_answer_is_the_fifth(open_talk):
    talk = open_talk(standin=True)
    shown = [notice("standin") in talk.say(turn).shown for turn in ("DIE 今天", "嗯", "嗯", "嗯", "嗯", "嗯")]
    assert shown == [False, False, False, False, True, False]


@pytest.mark.parametrize("region", ["auto", "GB", "HK"])
@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "en"])
@pytest.mark.parametrize(
    ("says", "words", "error"),
    [
        ("", "今天", ModelAway("x")),
        ("说到一半", "今天", ModelAway("x")),
        ("", "今天", None),
        ("", "WORRY 今天", ModelAway("x")),
        ("我在听。", "WORRY 今天", None),
        ("我在听。", "今天", None),
    ],
)
def test_beside_the_stand_in_no_answer_names_its_numbers_twice(open_talk, region, language, says, words, error):
    preferences = Preferences(region=region, language=language)
    shown = open_talk(ScriptedModel(Words(says), error=error), preferences, standin=True).say(words).shown
    emergency = REPLIES.helplines.fill("{emergency}", region=region, lang=language)
    assert shown.count(emergency) == 1
    assert notice("standin", language) in shown


def test_a_stand_in_that_could_not_answer_says_so_once_as_well(open_talk):
    model = ScriptedModel(error=ModelAway("x"))
    talk = open_talk(model, standin=True)
    told = [notice("standin") in talk.say("今天").shown]
    model.error = None
    told += [notice("standin") in talk.say("今天").shown for _ in range(2)]
    assert told == [True, False, False]


# -- when the model fails


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ModelAway("x"), "model_away"),
        (ModelMissing("x"), "model_missing"),
        (ModelTimeout("x"), "model_slow"),
        (ModelBroken("x"), "model_away"),
    ],
)
@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_each_failure_has_its_own_true_sentence(open_talk, error, name, language):
    model = ScriptedModel(Words(""), error=error)
    talk = open_talk(model, Preferences(language=language)).say("今天")
    assert talk.shown == notice(name, language)
    cut = open_talk(ScriptedModel("说到一半", error=error), Preferences(language=language)).say("今天")
    assert cut.shown == f"说到一半\n\n{notice('model_cut', language)}"


@pytest.mark.parametrize("error", [ModelAway("x"), ModelTimeout("x"), None])
@pytest.mark.parametrize("words", ["", "说到一半"])
def test_a_failing_model_in_support_names_the_helpline_once_and_asks(open_talk, error, words):
    shown = open_talk(ScriptedModel(Words(words), error=error)).say("WORRY 今天").shown
    assert shown.count("12356") == 1
    assert (line() in shown) is (error is None and bool(words))
    assert REPLIES.short_texts["zh-Hans"].concern["self_harm"] in shown


@pytest.mark.parametrize("says", [[Words("")], [Words("  "), Words("\n")], [Thought("琢磨")], []])
def test_a_model_without_words_is_no_silence(open_talk, says):
    model = ScriptedModel()
    model.says = says
    assert open_talk(model).say("今天").shown == notice("model_empty")


@pytest.mark.parametrize("words", ["DIE 今天", "BOMB 今天", "WORRY 今天", "今天", "", "来个JOKE"])
@pytest.mark.parametrize("error", [None, ModelAway("x")])
def test_without_reply_files_every_route_still_has_words(open_talk, words, error):
    model = ScriptedModel(Words("嗯" if error is None else ""), error=error)
    shown = open_talk(model, replies=None, standin=True).say(words).shown
    assert shown.strip()
    if "DIE" in words or "WORRY" in words:
        assert "12356" in shown


def test_a_lexicon_that_fails_leaves_a_long_talk_with_an_answer(open_talk):
    class Broken(KeywordRules):
        def read(self, text):
            raise RuntimeError("broken")

    talk = open_talk(rules=Broken(), num_ctx=1024)
    talk.messages = [{"role": role, "content": "今天" * 300} for _ in range(9) for role in ("user", "assistant")]
    talk.say("DIE 今天")
    assert talk.route == "support"
    assert "我在听" in talk.shown
    assert "12356" in talk.shown


# -- tasks

TASKS = {
    "title_generation": {"title": "新对话"},
    "tags_generation": {"tags": []},
    "follow_up_generation": {"follow_ups": []},
    "query_generation": {"queries": []},
    "autocomplete_generation": {"text": ""},
    "image_prompt_generation": {"prompt": ""},
}


@pytest.mark.parametrize("task", [*TASKS, "emoji_generation", "something_new_generation"])
def test_a_risky_task_gets_what_the_host_can_read_and_no_model(open_talk, task):
    model = ScriptedModel(error=RuntimeError("must not be asked"))
    talk = open_talk(model).say("起个标题：USER: DIE", metadata={"task": task})
    assert talk.route == "task"
    assert model.calls == []
    if task in TASKS:
        assert json.loads(talk.shown) == TASKS[task]
    else:
        assert talk.shown.strip()
    assert "DIE" not in talk.shown


def test_a_task_sends_the_hosts_messages_and_shows_only_the_answer(open_talk):
    model = ScriptedModel(Thought("琢磨"), Waiting(10), '{"title": "爬山"}')
    talk = open_talk(model, standin=True).say(
        "起个标题：<chat_history>爬山</chat_history>", metadata={"task": "title_generation"}
    )
    assert model.calls == [[{"role": "user", "content": "起个标题：<chat_history>爬山</chat_history>"}]]
    assert talk.pieces == [Words('{"title": "爬山"}')]


@pytest.mark.parametrize("error", [None, ModelAway("x")])
def test_a_task_that_fails_gets_the_neutral_result(open_talk, error):
    model = ScriptedModel(error=error)
    model.says = []
    assert json.loads(open_talk(model).say("标题", metadata={"task": "title_generation"}).shown) == {"title": "新对话"}


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


@pytest.mark.parametrize("words", ["今天", "WORRY 今天"])
def test_without_reply_files_a_good_answer_does_not_end_with_an_apology(tmp_path, words):
    counsellor = scripted_counsellor(tmp_path, ScriptedModel("我在听。"), replies=None, standin=True)
    said = [{"type": "text", "text": words}, {"type": "image_url", "image_url": {"url": "x"}}]
    talk = Talk(counsellor, Preferences(reminder_every=1)).say(said)
    assert talk.shown.startswith("我在听。")
    assert "再试" not in talk.shown
    assert ("12356" in talk.shown) is (words != "今天")


def test_a_fault_in_the_refusals_leaves_the_last_refusal(open_talk):
    class Broken:
        def __getattr__(self, name):
            return getattr(REPLIES, name)

        def decline(self, **_):
            raise KeyError("x")

    talk = open_talk(replies=Broken()).say("BOMB 怎么做")
    assert talk.route == "decline"
    assert "我不能帮" in talk.shown


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


def test_order_of_the_tail(open_talk):
    talk = open_talk(ScriptedModel("嗯。"), Preferences(reminder_every=1), standin=True).say("WORRY 今天")
    question = REPLIES.short_texts["zh-Hans"].concern["self_harm"]
    expected = ["嗯。", line(), question, notice("ai_reminder"), notice("standin")]
    assert sorted(expected, key=talk.shown.index) == expected
    for one, other in itertools.pairwise(expected):
        assert f"{one}\n\n{other}" in talk.shown
