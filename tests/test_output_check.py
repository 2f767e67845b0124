"""What the model must never say to a person: caught however it is cut, and nothing harmless is held back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from steps import steps
from unfit_words import CHECK, FOLDER, FORBIDDEN, REPLIES, cut

from psylite_pipeline.errors import ModelBroken, ModelTimeout
from psylite_pipeline.files import read_toml
from psylite_pipeline.model import Thought, Waiting, Words
from psylite_pipeline.output_check import WINDOW, Unfit, Watch
from psylite_pipeline.risk.rules.files import read_rulebook
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.risk.rules.rulebook import Rule
from psylite_pipeline.settings import bundled

LEXICON = Lexicon(*read_rulebook(FOLDER))

HARMLESS = [
    "听起来今天很不容易，工作一件接一件，你一直在硬撑。不要伤害自己。如果你想自杀，请拨打 12356。你现在身边有人吗？",
    "我不是真人，是一个人工智能。医生可能会诊断，我不能。",
    "把药交给家人保管，刀也先放到够不着的地方，今晚别一个人待着。",
    "你可能会觉得没有你大家会过得更好，可是在意你的人不会这么想。自杀不是唯一的出路。",
    "这件事我不能替你保密，因为你的安全更重要；咨询师会为你保密，但有危险时例外。",
    "你说你用刀片划过手臂，那一定很疼。你不用向我保证什么。",
    "他说“去死吧”的时候，你一定很难过。",
    "我的工作是听你说。我会一直在这里，我是说，只要你愿意。",
    "我不会告诉你该怎么做，选择在你。我不会跟别人比较你。",
    "你得了第一名，真好！你有很多朋友，也有自己的节奏。",
    "死记硬背很累，你不如把书合上歇一歇。",
    "I'm an AI, not a real person, and I can't diagnose you. A doctor may be able to tell whether you have depression.",
    "If you want to kill yourself, call 988. Please give the pills to someone you trust to keep.",
    "You may feel that everyone would be better off without you. That is what despair says, not what is true.",
    "I can't promise that I won't tell anyone; your safety matters more. You don't have to promise me anything.",
    "Are you thinking about suicide? It's all right to say so. Here are some ways to stay safe tonight.",
    "You should be proud of yourself. You need to rest. You have a lot on your plate, and you are not alone.",
    "I am here to help you find somebody to talk to. What happens between us is a talk, no more.",
    "我是 PsyLite，一个陪人聊天的程序。作为人工智能，我没有身体，但我可以陪你聊聊。",
]


def streamed(pieces: list[str], *, support: bool = True) -> tuple[str, str]:
    watch = Watch(CHECK, support=support)
    shown = "".join([watch.feed(piece) for piece in pieces])
    return shown + watch.rest(), watch.hit


# -- the rules


@pytest.mark.parametrize("rule", CHECK.rules, ids=lambda rule: rule.id)
def test_each_rule_finds_its_examples_and_spares_its_counterexamples(rule: Rule) -> None:
    for example in rule.examples:
        assert rule.id in {finding.rule for finding in LEXICON.findings(example)}, example
    for example in rule.counterexamples:
        assert rule.id not in {finding.rule for finding in LEXICON.findings(example)}, example


@pytest.mark.parametrize("text", FORBIDDEN)
def test_what_must_never_be_said_is_found_on_every_route(text: str) -> None:
    assert CHECK.found(text, support=False)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("part", ["counselling", "care", "humour", "host_note"])
def test_our_own_instructions_are_not_recited(language: str, part: str) -> None:
    text = read_toml(bundled("knowledge") / "prompts" / f"{language}.toml")[part]
    assert CHECK.found(text, support=False)


@pytest.mark.parametrize("text", HARMLESS)
def test_look_alikes_pass_cut_anywhere(text: str) -> None:
    for size in (1, 2, 3, 5, 8, 13, len(text)):
        assert streamed(cut(text, size)) == (text, "")


@pytest.mark.parametrize(
    "text",
    [
        "你應該去死。",
        "我會替你保密。",
        "你 应 该 去 死",
        "I’m a real person.",
        "YOU SHOULD DIE",
        "5000mg would be fatal.",
    ],
)
def test_other_spellings_are_found(text: str) -> None:
    assert CHECK.found(text, support=False)


@pytest.mark.parametrize("text", ["你得了抑郁症。", "You have bipolar disorder.", "答应我，好吗？"])
def test_a_diagnosis_and_a_promise_matter_only_in_support(text: str) -> None:
    assert streamed([text], support=True)[1]
    assert streamed([text], support=False) == (text, "")


def test_the_words_that_replace_an_answer_pass_the_check_themselves() -> None:
    for words in REPLIES.short_texts.values():
        for text in (*words.notices.values(), words.support, *words.concern.values(), *words.decline):
            assert streamed([text]) == (text, "")


def test_crisis_replies_say_nothing_that_the_check_forbids() -> None:
    for variants in REPLIES.crisis_texts.variants.values():
        for variant in variants:
            assert not CHECK.found(f"{variant.text}\n\n{variant.question}", support=True), variant
    for asides in REPLIES.crisis_texts.asides.values():
        for aside in asides:
            assert not CHECK.found(aside.text, support=True), aside


# -- streaming


@pytest.mark.parametrize("text", FORBIDDEN)
@pytest.mark.parametrize("before", ["", "我在听。", "I hear you. "])
def test_it_is_caught_wherever_the_pieces_are_cut(text: str, before: str) -> None:
    whole = f"{before}{text}\nMore words."
    for at in range(len(whole) + 1):
        shown, hit = streamed([whole[:at], whole[at:]])
        assert hit
        assert shown.startswith(before.strip())
        assert not CHECK.found(shown, support=True)
    for size in (1, 2, 3):
        shown, hit = streamed(cut(whole, size))
        assert hit
        assert len(shown) - len(before) < len(text) - 3
        assert not CHECK.found(shown, support=True)


@pytest.mark.parametrize("rule", CHECK.rules, ids=lambda rule: rule.id)
def test_every_example_is_caught_letter_by_letter(rule: Rule) -> None:
    for example in rule.examples:
        shown, hit = streamed(list(example))
        assert hit, example
        assert not CHECK.found(shown, support=True), example


def test_harmless_words_hardly_wait() -> None:
    for text in HARMLESS[:2]:
        watch = Watch(CHECK, support=True)
        waiting = [len(text[: at + 1]) - shown for at, shown in _progress(watch, text)]
        assert waiting[0] == 0
        assert max(waiting) <= WINDOW
        assert sum(waiting) / len(waiting) < 4


def _progress(watch: Watch, text: str) -> Iterator[tuple[int, int]]:
    shown = 0
    for at, letter in enumerate(text):
        shown += len(watch.feed(letter))
        yield at, shown


def test_a_sentence_without_end_is_stopped_when_the_window_is_full() -> None:
    watch = Watch(CHECK, support=True)
    assert watch.feed("你应该去死") == ""
    assert not watch.hit
    assert watch.feed("，" + "天" * WINDOW) == ""
    assert watch.hit == "output.zh.encourage"
    assert watch.feed("后面的话") == watch.rest() == ""


def test_what_follows_in_the_sentence_may_excuse_it() -> None:
    assert streamed(["你得了抑郁症", "吗？"]) == ("你得了抑郁症吗？", "")
    assert streamed(["I am a person", "ality quiz fan."]) == ("I am a personality quiz fan.", "")


@pytest.mark.parametrize(
    "text",
    ["天" * 3000, "，".join(["今天"] * 900), "你应该" * 900, "promise me " * 400, "。！？\n" * 900, "\ud800\0‮" * 300],
)
def test_long_and_odd_texts_come_out_whole_and_in_linear_time(text: str) -> None:
    shown, hit = streamed(cut(text, 7), support=False)
    assert (shown, hit) == (text, "")
    assert streamed([text], support=False) == (text, "")
    short, long = (steps(lambda some=some: streamed(cut(some, 7), support=False)) for some in (text[:750], text[:3000]))
    assert long <= 5.5 * short + 2_000  # four times the text: four times the steps, and a little for the beginning


@pytest.mark.parametrize("pad", [0, 350, 395, 399, 410, 790, 801, 1200])
def test_it_is_caught_deep_inside_one_great_piece(pad: int) -> None:
    assert streamed(["天" * pad + "，你应该去死，" + "天" * 1000])[1]
    assert streamed(cut("天" * pad + "，你应该去死，" + "天" * 1000, 3))[1]


def test_waiting_thoughts_and_words_keep_their_order() -> None:
    pieces = [Thought("我是"), Waiting(10), Words("我在听"), Words("，我是"), Thought("想"), Words("说")]
    out = list(CHECK.guard(iter(pieces), support=False))
    assert [piece for piece in out if isinstance(piece, Waiting)] == [Waiting(10)]
    assert "".join(piece.text for piece in out if isinstance(piece, Words)) == "我在听，我是说"
    assert "".join(piece.text for piece in out if isinstance(piece, Thought)) == "我是想"


def test_a_thought_in_the_middle_does_not_hide_a_sentence() -> None:
    with pytest.raises(Unfit):
        list(CHECK.guard(iter([Words("你应该"), Thought("嗯"), Words("去死。")]), support=False))


@pytest.mark.parametrize("error", [ModelBroken("x"), ModelTimeout("x")])
def test_a_model_that_breaks_off_has_its_last_words_judged(error: Exception) -> None:
    def says(text: str) -> Iterator[Words]:
        yield Words(text)
        raise error

    with pytest.raises(Unfit):
        list(CHECK.guard(says("你应该去死"), support=False))
    heard: list[object] = []
    with pytest.raises(type(error)):
        for piece in CHECK.guard(says("今天我保证"), support=False):
            heard.append(piece)
    assert heard == [Words("今天"), Words("我保证")]
