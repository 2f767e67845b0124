"""The words said without a model: complete, kind, true, varied."""

from __future__ import annotations

import re
from itertools import product

import opencc
import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.replies import JOINT, LANGUAGES, PLACES, Notice, Replies, Stage, last_resort
from psylite_pipeline.replies.crisis_texts import INTENT_KINDS

STAGED = ("zh-Hans", "zh-Hant", "en")

# What must never be said to a person in danger, or to anybody we refuse.
FORBIDDEN = re.compile(
    "保证|保證|发誓|發誓|答应我|答應我|向我承诺|向我承諾|会保密|會保密|替你保密|幫你保密|不告诉任何人|不告訴任何人"
    "|一切都?会好|一切都?會好|会好起来|會好起來|想开点|想開點|别想太多|別想太多|加油|坚强一点|堅強一點"
    "|他们会来|他們會來|那边有人接|也有人接|一直陪你打字|第一个讲|第一個講|最后怎么选|最後怎麼選"
    "|抑郁症|憂鬱症|抑鬱症|我不能[谈談]|无法讨论|無法討論|亲爱的|親愛的|都是你|怪你自己|[跟和]他好好[谈談]"
    r"|promise me|i promise|i won't tell|swear to|between us|keep (?:it|this) (?:a )?secret|be (?:fine|okay|ok)\b"
    r"|cheer up|stay strong|calm down\b|can(?:'|no)t talk about|i guarantee|you (?:have|suffer from) depression"
    r"|as long as you (?:like|need)"
    r"|diagnos|your fault for|talk it out with (?:him|her|them)|commit(?:ted)? suicide|\bdear\b",
    re.IGNORECASE,
)


def every_text(replies: Replies, lang: str) -> list[str]:
    """All that is said in a language, unfilled."""
    words = replies.short_texts[lang]
    variants = [part for v in replies.crisis_texts.variants[lang] for part in (v.text, v.question)]
    asides = [aside.text for aside in replies.crisis_texts.asides[lang]]
    once = [words.support, words.support_young, words.support_other, words.here, *set(words.elsewhere.values())]
    return [*variants, *asides, *words.decline, *once, *words.concern.values(), *words.notices.values()]


# ---------------------------------------------------------------- the texts themselves
@pytest.mark.parametrize(("lang", "kind", "stage"), list(product(STAGED, INTENT_KINDS, Stage)))
def test_each_kind_and_stage_has_three_variants(replies: Replies, lang: str, kind: Kind, stage: Stage) -> None:
    assert len(replies.crisis_texts.of(lang, kind, stage)) >= 3


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_two_texts_of_a_language_are_equal(replies: Replies, lang: str) -> None:
    texts = every_text(replies, lang)
    assert len(texts) == len(set(texts))


def test_no_question_hides_in_another_text(replies: Replies) -> None:
    """Questions mark what has been asked; one inside another text would mark what was not."""
    variants = [v for lang in LANGUAGES for v in replies.crisis_texts.variants[lang]]
    texts = [*(v.text for v in variants), *(t for w in replies.short_texts.values() for t in w.concern.values())]
    for variant in variants:
        assert not [text for text in texts if variant.question in text], variant.question
        assert sum(variant.question in other.question for other in variants) == 1, variant.question


@pytest.mark.parametrize(
    "sentence",
    [
        "答应我，今晚不要做傻事。",
        "我會保密的。",
        "一切都会好起来。",
        "和他好好谈谈吧。",
        "说身边没有人，他们会来。",
        "Promise me you won't.",
        "You'll be fine.",
    ],
)
def test_the_lint_sees_what_it_is_for(sentence: str) -> None:
    assert FORBIDDEN.search(sentence)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_harmful_is_said(replies: Replies, lang: str) -> None:
    for text in [*every_text(replies, lang), last_resort(lang, "auto")]:
        assert not FORBIDDEN.search(text), (FORBIDDEN.search(text), text)
        assert text.count("！") + text.count("!") == 0, text


@pytest.mark.parametrize("lang", STAGED)
def test_crisis_texts_are_short_and_ask_one_thing(replies: Replies, lang: str) -> None:
    for variant in replies.crisis_texts.variants[lang]:
        bare = re.sub(r"\{\w+\}", "", variant.text)
        size = len(bare.split()) if lang == "en" else len(bare)
        assert (30 <= size <= 120) if lang == "en" else (50 <= size <= 180), (size, variant.text)
        marks = "?" if lang == "en" else "？"
        assert variant.question.endswith(marks), variant.question
        assert variant.question.count(marks) == 1, variant.question


# Two questions in one sentence: "yes" answers neither. What is joined by "or" is answered by one yes.
TWO_QUESTIONS = re.compile(
    "[吗嗎呢]，|(?:在不在|有[没沒]有|什[么麼]时候|什[么麼]時候|哪[里裡]|是什[么麼])[^，]*，(?!或)[^，]*"
    "(?:[谁誰]|有[没沒]有|[会會]不[会會]|出得去|什[么麼])"
    "|, and (?:is|are|do|does|did|has|have|how|who|what|where|when|will|can|could|was)\\b"
)


@pytest.mark.parametrize(
    "question",
    [
        "急救电话打出去了吗，旁边有没有人？",
        "孩子现在在哪里，有没有哪里不对劲？",
        "Is anybody hurt, and does he have a knife?",
    ],
)
def test_the_lint_sees_two_questions_in_one(question: str) -> None:
    assert TWO_QUESTIONS.search(question)


@pytest.mark.parametrize("lang", STAGED)
def test_a_question_asks_one_thing_and_the_direct_one_takes_a_yes(replies: Replies, lang: str) -> None:
    for variant in replies.crisis_texts.variants[lang]:
        assert not TWO_QUESTIONS.search(variant.question), variant.question
        plain = variant.told is Told.MEANS  # what they said asks for no direct question
        if variant.kind == Kind.SELF_HARM.value and variant.stage is Stage.OPENING and not plain:
            assert not re.search("还是|還是|, or ", variant.question), variant.question
            assert shipped_lexicon().question(variant.question).of_danger, variant.question


@pytest.mark.parametrize("lang", STAGED)
def test_an_answer_to_who_is_hurt_or_worried_is_no_yes_about_oneself(replies: Replies, lang: str) -> None:
    for variant in replies.crisis_texts.variants[lang]:
        if variant.kind in (Kind.ABUSE.value, Kind.SOMEONE_ELSE.value, Kind.EMERGENCY.value):
            asked = shipped_lexicon().question(variant.question)
            assert not asked.of_danger or asked.whose(shipped_lexicon().read("嗯")) is None, variant.question


@pytest.mark.parametrize(("lang", "kind"), list(product(LANGUAGES, INTENT_KINDS)))
def test_openings_say_what_is_owed(replies: Replies, lang: str, kind: Kind) -> None:
    """An AI; a line for day and night; a professional; a trusted person."""
    professional = re.compile("医|醫|心理|doctor|counsellor")
    trusted = re.compile(
        "信得过|信得過|安心|家人|家里人|朋友|大人|靠得住|靠谱|可靠|家屬|trust|friend|family|adult|steady|safer|reliable|relative"
    )
    every = [v for v in replies.crisis_texts.variants[lang] if v.kind == kind.value and v.stage is Stage.OPENING]
    assert every
    for variant in every:
        assert "AI" in variant.text
        assert ("{abuse_line}" if kind is Kind.ABUSE else "{line}") in variant.text
        assert professional.search(variant.text), variant.text
        assert trusted.search(variant.text), variant.text


@pytest.mark.parametrize("lang", STAGED)
def test_the_first_words_to_a_person_in_despair_are_few_and_differ(replies: Replies, lang: str) -> None:
    openings = replies.crisis_texts.of(lang, Kind.SELF_HARM, Stage.OPENING)
    assert len(openings) >= 5
    heads = {variant.text[: 4 if lang != "en" else 12] for variant in openings}
    assert len(heads) == len(openings)
    for variant in openings:
        size = len(variant.text.split()) if lang == "en" else len(variant.text)
        assert size <= (65 if lang == "en" else 100), variant.text
        after = variant.text.partition("{line}")[2]
        assert after.strip("。. ") == "", "the numbers end the paragraph"


@pytest.mark.parametrize("lang", STAGED)
def test_an_injury_is_met_with_the_wound_first_and_the_direct_question(replies: Replies, lang: str) -> None:
    found = {stage: replies.crisis_texts.of(lang, Kind.SELF_HARM, stage, told=Told.INJURY) for stage in Stage}
    assert {stage for stage, variants in found.items() if len(variants) >= 2} == {
        Stage.OPENING,
        Stage.MEANS,
        Stage.TIME,
    }
    for variant in found[Stage.OPENING]:
        assert "AI" in variant.text and "{line}" in variant.text and "{emergency}" in variant.text
        assert re.search("伤口|看伤|傷口|看看傷|wound", variant.text)
        assert re.search("死|die", variant.question)


@pytest.mark.parametrize("lang", STAGED)
def test_a_squeezed_throat_and_a_violated_body_are_sent_to_a_doctor_whichever_words_are_drawn(
    replies: Replies, lang: str
) -> None:
    means = replies.crisis_texts.of(lang, Kind.ABUSE, Stage.MEANS)
    assert all(re.search("脖子|throat", v.text) and re.search("去医院|去醫院|doctor", v.text) for v in means)
    touched = replies.crisis_texts.of(lang, Kind.ABUSE, Stage.MEANS, told=Told.TOUCHED)
    assert all(re.search("医院|醫院|hospital", v.text) for v in touched)
    assert not any(re.search("也可以去[医醫]院", v.text) for v in (*means, *touched))


@pytest.mark.parametrize("lang", STAGED)
def test_one_warning_sign_is_enough(replies: Replies, lang: str) -> None:
    signs = [v.text for v in replies.crisis_texts.of(lang, Kind.SOMEONE_ELSE, Stage.TIME) if "{emergency}" in v.text]
    assert any(re.search("其中一样|其中一樣|even one", text) for text in signs)
    assert not any(re.search("[这這]些都", text) for text in signs)


@pytest.mark.parametrize("lang", STAGED)
def test_nobody_who_wants_to_die_is_sent_where_the_knives_are(replies: Replies, lang: str) -> None:
    for variant in replies.crisis_texts.variants[lang]:
        if variant.kind == Kind.SELF_HARM.value:
            assert not re.search("厨房|廚房|kitchen", variant.text), variant.text


@pytest.mark.parametrize("lang", STAGED)
def test_a_number_in_a_text_stands_beside_its_country(replies: Replies, lang: str) -> None:
    """What is written into a text is said everywhere; numbers of the region come through placeholders."""
    for text in every_text(replies, lang):
        for sentence in re.split(r"[。；;]|\. ", text):
            if re.search(r"\d{3}", sentence):
                assert re.search("在中国大陆，|，台湾打|the US and Canada|(?i:in the UK).*parts of the US", sentence), (
                    sentence
                )


@pytest.mark.parametrize("lang", STAGED)
def test_texts_on_violence_fit_whoever_is_hurt(replies: Replies, lang: str) -> None:
    """The sister, the neighbour's child, the person themselves: no text knows which."""
    for stage in (Stage.OPENING, Stage.IMMINENT, Stage.MEANS):
        for variant in replies.crisis_texts.of(lang, Kind.ABUSE, stage):
            assert not re.search(
                "伤到你|伤过你|你身上|打我|傷到你|傷過你|this to you|hurts you|hurt you|hurting me|are you hurt",
                variant.text + variant.question,
                re.IGNORECASE,
            ), variant


@pytest.mark.parametrize(("lang", "kind"), list(product(STAGED, INTENT_KINDS)))
def test_imminent_replies_give_the_emergency_number_and_say_ai(replies: Replies, lang: str, kind: Kind) -> None:
    for variant in replies.crisis_texts.of(lang, kind, Stage.IMMINENT):
        assert variant.names_emergency, variant.text
        assert "AI" in variant.text
    for stage in (Stage.MEANS, Stage.COMPANY, Stage.STAYING):
        assert any(v.names_emergency for v in replies.crisis_texts.of(lang, kind, stage)), stage


def test_abuse_texts_lead_to_the_police_and_lift_the_blame(replies: Replies) -> None:
    for lang in LANGUAGES:
        for variant in replies.crisis_texts.of(lang, Kind.ABUSE, Stage.OPENING):
            assert "{police}" in variant.text, variant.text
            assert re.search(
                "不是你的错|错在|不會怪你|不会怪你|不是你的錯|錯的是|not your fault|in the wrong|won't ask why",
                variant.text,
            )


def test_each_script_keeps_to_its_letters(replies: Replies) -> None:
    to_simplified, to_traditional = opencc.OpenCC("t2s"), opencc.OpenCC("s2t")
    # Letters at home in both, which the converter would change by its own taste.
    both = set("后里只干面台几了么着吃才于占吁床")
    lines = replies.helplines.rows
    for lang, away, back in (("zh-Hans", to_simplified, to_traditional), ("zh-Hant", to_traditional, to_simplified)):
        helpline_words = [t[lang] for row in lines for t in (row.place, row.name, row.hours, row.says, row.brief) if t]
        for text in [*every_text(replies, lang), *helpline_words, last_resort(lang, "auto"), last_resort(lang, "TW")]:
            strange = {c for c in text if away.convert(c) != c and back.convert(c) == c} - both
            assert not strange, (lang, strange, text)


def test_traditional_is_written_not_converted(replies: Replies) -> None:
    convert = opencc.OpenCC("s2t").convert
    simplified = {convert(text) for text in every_text(replies, "zh-Hans")}
    traditional = every_text(replies, "zh-Hant")
    assert sum(text in simplified for text in traditional) / len(traditional) < 0.1


@pytest.mark.parametrize(("lang", "region"), list(product(LANGUAGES, PLACES)))
def test_every_placeholder_resolves_everywhere(replies: Replies, lang: str, region: str) -> None:
    for text, brief in product(every_text(replies, lang), (False, True)):
        filled = replies.helplines.fill(text, region=region, lang=lang, brief=brief)
        assert "{" not in filled and "}" not in filled
        if "{" in text:
            assert re.search(r"\d{3}|13 11 14|findahelpline|sheltersafe|local emergency|当地|當地", filled), filled
    for kind in (None, Kind.ABUSE):
        assert "  " not in replies.support_line(lang=lang, region=region, kind=kind)


# ---------------------------------------------------------------- the rest
@pytest.mark.parametrize("lang", LANGUAGES)
def test_refusals_vary(replies: Replies, lang: str) -> None:
    said: list[str] = []
    for number in range(4):
        said.append(replies.decline(lang=lang, said=said, seed=number * 3))
    assert len(set(said)) == 4
    assert replies.decline(lang=lang, said=said * 3, seed=1)


@pytest.mark.parametrize(("name", "lang"), list(product(Notice, LANGUAGES)))
def test_notices_are_plain_and_helpful(replies: Replies, name: str, lang: str) -> None:
    text = replies.notice(name, lang=lang, region="GB")
    assert not re.search(
        r"error|exception|timeout|server|http|ollama|端口|服务器|伺服器|超时|异常|错误码", text, re.IGNORECASE
    )
    if name.startswith("model_") or name == "banner":
        assert "116 123" in text and "999" in text


def test_what_we_append_is_stripped_and_crisis_replies_stay(replies: Replies) -> None:
    for lang, region in product(LANGUAGES, PLACES):
        support = replies.support_line(lang=lang, region=region)
        concern = replies.concern_question(kind=None, lang=lang)
        reminder = replies.notice("ai_reminder", lang=lang, region=region)
        violence = replies.support_line(lang=lang, region=region, kind=Kind.ABUSE)
        young = replies.support_line(lang=lang, region=region, young=True)
        shown = JOINT.join(["第一段。\n\n第二段。", support, violence, young, concern, reminder])
        assert replies.strip(shown) == "第一段。\n\n第二段。"
    crisis = replies.crisis(kind=Kind.SELF_HARM, risk=Risk.HIGH, lang="en", region="US", said=[], seed=0)
    assert replies.strip(crisis) == crisis
    assert replies.strip("") == ""


def test_concern_asked_sees_every_question(replies: Replies) -> None:
    for kind, lang in product((None, *Kind), LANGUAGES):
        assert replies.concern_asked(["x" + JOINT + replies.concern_question(kind=kind, lang=lang)])
    assert not replies.concern_asked(["你好"])


def test_every_reply_of_the_staged_talk_is_known_again(replies: Replies) -> None:
    for lang, kind in product(STAGED, INTENT_KINDS):
        said: list[str] = []
        for risk in (Risk.HIGH, Risk.HIGH, Risk.HIGH, Risk.IMMINENT):
            said.append(replies.crisis(kind=kind, risk=risk, lang=lang, region="auto", said=said, seed=len(said)))
        assert all(map(replies.crisis_spoke, said))
    assert not replies.crisis_spoke("我在听。" + JOINT + replies.concern_question(kind=None, lang="zh-Hans"))
