"""The words said without a model: complete, kind, true, varied, and broken files told plainly."""

from __future__ import annotations

import re
import shutil
from itertools import product
from pathlib import Path

import opencc
import pytest
from scripted import shipped_lexicon

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Decision, Kind, Risk, Route, Told
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.replies import JOINT, LANGUAGES, NOTICES, PLACES, REGIONS, Replies, Stage, last_resort
from psylite_pipeline.replies.crisis_texts import INTENT_KINDS
from psylite_pipeline.replies.last_resort import last_notice, last_refusal
from psylite_pipeline.settings import Preferences
from psylite_pipeline.voice import Voice

FOLDER = Path(__file__).parent.parent / "knowledge" / "replies"
STAGED = ("zh-Hans", "zh-Hant", "en")
EVERYWHERE = PLACES

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
    once = [words.support, words.support_young, words.here, *{words.elsewhere, words.undecided} - {""}]
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
        if variant.kind == Kind.SELF_HARM.value and variant.stage is Stage.OPENING:
            assert not re.search("还是|還是|, or ", variant.question), variant.question
            assert shipped_lexicon().asks_about_danger(variant.question), variant.question


@pytest.mark.parametrize("lang", STAGED)
def test_an_answer_to_who_is_hurt_or_worried_is_no_yes_about_oneself(replies: Replies, lang: str) -> None:
    for variant in replies.crisis_texts.variants[lang]:
        if variant.kind in (Kind.ABUSE.value, Kind.SOMEONE_ELSE.value, Kind.EMERGENCY.value):
            asks = shipped_lexicon().asks_about_danger(variant.question)
            assert not asks or shipped_lexicon().whose(variant.question, "嗯") is None, variant.question


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
                assert re.search("在中国大陆，|，台湾打|the US and Canada", sentence), sentence


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


# ---------------------------------------------------------------- placeholders, helplines
@pytest.mark.parametrize(("lang", "region"), list(product(LANGUAGES, EVERYWHERE)))
def test_every_placeholder_resolves_everywhere(replies: Replies, lang: str, region: str) -> None:
    for text, brief in product(every_text(replies, lang), (False, True)):
        filled = replies.helplines.fill(text, region=region, lang=lang, brief=brief)
        assert "{" not in filled and "}" not in filled
        if "{" in text:
            assert re.search(r"\d{3}|13 11 14|findahelpline|sheltersafe|local emergency|当地|當地", filled), filled
    for kind in (None, Kind.ABUSE):
        assert "  " not in replies.support_line(lang=lang, region=region, kind=kind)


def test_every_helpline_has_a_source(replies: Replies) -> None:
    for row in replies.helplines.rows:
        assert row.source.strip() and row.checked.strip(), row.id
        assert re.fullmatch(r"(\d{4}(-\d{2}(-\d{2})?)?)?", row.source_date), row.id


def test_china_is_told_the_truth_about_hours(replies: Replies) -> None:
    line = replies.support_line(lang="zh-Hans", region="auto")
    assert "12356" in line and "18 小时" in line
    assert "010-82951332" in line and "120" in line and "110" in line


@pytest.mark.parametrize(
    ("lang", "region", "numbers"),
    [
        ("zh-Hant", "auto", ["1925", "18111", "119", "999"]),
        ("en", "auto", ["988", "116 123", "findahelpline.com", "911"]),
        ("other", "auto", ["988", "findahelpline.com", "112"]),
        ("zh-Hans", "US", ["988", "911"]),
        ("en", "CN", ["12356", "120"]),
        ("zh-Hant", "TW", ["1925", "119"]),
        ("zh-Hant", "HK", ["18111", "2896 0000", "999"]),
        ("en", "SG", ["1767", "995"]),
        ("en", "AU", ["13 11 14", "000"]),
        ("en", "IE", ["116 123", "112"]),
        ("en", "IN", ["14416", "112"]),
        ("zh-Hans", "IN", ["14416", "112"]),
        ("en", "INTL", ["findahelpline.com", "112"]),
        ("en", "nowhere", ["988"]),
    ],
)
def test_a_region_gets_its_own_lines(replies: Replies, lang: str, region: str, numbers: list[str]) -> None:
    line = replies.support_line(lang=lang, region=region)
    assert [number for number in numbers if number not in line] == []


@pytest.mark.parametrize("lang", ["", *LANGUAGES])
@pytest.mark.parametrize("region", ["auto", *REGIONS])
def test_the_last_resort_names_no_number_that_is_not_among_the_helplines(
    replies: Replies, lang: str, region: str
) -> None:
    known = {row.number for row in replies.helplines.rows}
    texts = (last_resort(lang, region), last_refusal(lang), *map(last_notice, NOTICES))
    named = {number for text in texts for number in re.findall(r"\d[\d -]+\d", text)}
    assert named - known - {"24"} == set(), "24 hours"
    assert named & known


@pytest.mark.parametrize(
    ("lang", "region", "adults", "children"),
    [
        ("zh-Hans", "auto", ["12338", "12356"], ["12355"]),
        ("zh-Hant", "auto", ["113", "2343 2255"], ["113"]),
        ("en", "auto", ["1-800-799-7233", "0808 2000 247", "findahelpline"], ["1-800-422-4453", "0800 1111"]),
        ("en", "US", ["1-800-799-7233"], ["1-800-422-4453"]),
        ("en", "CA", ["sheltersafe.ca"], ["1-800-668-6868"]),
        ("en", "GB", ["0808 2000 247", "0808 500 2222"], ["0800 1111"]),
        ("en", "IE", ["1800 341 900"], ["1800 66 66 66"]),
        ("en", "AU", ["1800 737 732"], ["1800 55 1800"]),
        ("zh-Hant", "IN", ["181", "14416"], ["1098"]),
        ("en", "SG", ["1800-777-0000"], ["1800-777-0000"]),
        ("zh-Hant", "HK", ["2343 2255"], ["2343 2255"]),
        ("zh-Hans", "EU", ["116 016", "findahelpline"], ["116 111"]),
        ("en", "INTL", ["findahelpline"], ["findahelpline"]),
    ],
)
def test_violence_and_children_have_lines_of_their_own(
    replies: Replies, lang: str, region: str, adults: list[str], children: list[str]
) -> None:
    for slot, numbers in (("abuse_line", adults), ("child_line", children)):
        filled = replies.helplines.fill(f"{{{slot}}}", region=region, lang=lang)
        assert [number for number in numbers if number not in filled] == [], filled
    assert adults[0] in replies.support_line(lang=lang, region=region, kind=Kind.ABUSE)


@pytest.mark.parametrize("region", EVERYWHERE)
def test_nobody_is_told_to_ring_a_website(replies: Replies, region: str) -> None:
    """An address stands in brackets or after "at", as the place where the number is found."""
    for lang, slot in product(STAGED, ("line", "short", "abuse_line", "child_line")):
        filled = replies.helplines.fill(f"{{{slot}}}", region=region, lang=lang)
        outside = re.sub(r"\([^()]*\)|（[^（）]*）", "", filled)
        assert not re.search(r"\.(?:com|ca)\b", outside), filled


@pytest.mark.parametrize("lang", STAGED)
def test_a_directory_is_described_once_and_is_no_number(replies: Replies, lang: str) -> None:
    told = replies.helplines.fill("{line}. {child_line}. {emergency}. {line}.", region="INTL", lang=lang)
    first, child, _, again = told.split(". ")
    assert told.count("findahelpline.com") == 1
    assert child == again.rstrip(".") and first.startswith(child)


@pytest.mark.parametrize(
    ("lang", "region", "said"),
    [
        ("zh-Hans", "auto", "打 110（报警）或 12110（不能出声时发短信，号码后加区号末三位），受伤打 120"),
        ("zh-Hant", "TW", "打 110，受伤打 119"),
        ("en", "SG", "打 999，受伤打 995"),
        ("zh-Hant", "HK", "打 999，受伤打同一支電話"),
    ],
)
def test_the_police_number_is_told_once(replies: Replies, lang: str, region: str, said: str) -> None:
    told = replies.helplines.fill("打 {police}，受伤打 {emergency}", region=region, lang=lang)
    assert told.replace(" ", "") == said.replace(" ", "")


def test_the_short_numbers_fit_into_a_sentence(replies: Replies) -> None:
    for region, lang in product(EVERYWHERE, STAGED):
        short = replies.helplines.fill("{short}", region=region, lang=lang)
        assert len(short.split() if lang == "en" else short) <= (12 if lang == "en" else 50), short


# ---------------------------------------------------------------- the rest
@pytest.mark.parametrize("lang", LANGUAGES)
def test_refusals_vary(replies: Replies, lang: str) -> None:
    said: list[str] = []
    for number in range(4):
        said.append(replies.decline(lang=lang, said=said, seed=number * 3))
    assert len(set(said)) == 4
    assert replies.decline(lang=lang, said=said * 3, seed=1)


@pytest.mark.parametrize(("name", "lang"), list(product(NOTICES, LANGUAGES)))
def test_notices_are_plain_and_helpful(replies: Replies, name: str, lang: str) -> None:
    text = replies.notice(name, lang=lang, region="GB")
    assert not re.search(
        r"error|exception|timeout|server|http|ollama|端口|服务器|伺服器|超时|异常|错误码", text, re.IGNORECASE
    )
    if name.startswith("model_") or name == "banner":
        assert "116 123" in text and "999" in text


def test_what_we_append_is_stripped_and_crisis_replies_stay(replies: Replies) -> None:
    for lang, region in product(LANGUAGES, EVERYWHERE):
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


def test_the_last_resort_needs_no_file() -> None:
    for lang, region in product((*LANGUAGES, "", "xx"), (*EVERYWHERE, "", "??")):
        text = last_resort(lang, region)
        assert "AI" in text and re.search(r"findahelpline\.com|12356", text)
    assert "12356" in last_resort("", "auto") and "988" in last_resort("", "auto")


@pytest.mark.parametrize("region", ["auto", *(place for place in EVERYWHERE if place.startswith("auto."))])
def test_the_last_resort_names_numbers_where_nobody_named_a_place(region: str) -> None:
    assert "12356" in last_resort("zh-Hans", region) and "120" in last_resort("zh-Hans", region)


def test_crisis_texts_that_fail_leave_the_numbers(replies: Replies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Replies, "crisis", lambda *args, **named: 1 / 0)
    talk = Conversation.from_body({"messages": [{"role": "user", "content": "我不想活了"}]})
    voice = Voice.of(replies, talk, Preferences())
    assert "12356" in voice.crisis(Decision(Route.CRISIS, Risk.HIGH))


# ---------------------------------------------------------------- broken files
@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("helplines.toml", 'number = "12356"', "number = 12356", ["cn-12356", '"number"']),
        ("helplines.toml", 'number = "988"', 'number = "TODO"', ["us-ca-988", '"number"', "TODO", "digits"]),
        (
            "helplines.toml",
            'kind = "youth"',
            'kind = "teen"',
            ["cn-12355", '"kind"', "crisis, emergency, abuse, youth"],
        ),
        ("helplines.toml", 'source = "kch.org.tw"', "", ["tw-1925", '"source"']),
        ("helplines.toml", 'regions = ["SG"]', 'regions = ["XX"]', ["sg-1767", '"regions"']),
        ("helplines.toml", 'line = ["tw-1925", "hk-18111"]', 'line = ["tw-1"]', ["auto", '"line"', "tw-1"]),
        ("crisis.en.toml", 'stage = "means"', 'stage = "mean"', ['"stage"', "means"]),
        ("crisis.en.toml", "{line}", "{hotline}", ['"text"', "{hotline}", "{line}"]),
        ("crisis.en.toml", "[[reply]]", "[[reply]", ["not valid TOML"]),
        ("crisis.zh-Hans.toml", "\nquestion = ", "\nqestion = ", ['"qestion"']),
        ("words.en.toml", "status_slow = ", "status_slo = ", ["[notice]", '"status_slo"']),
        ("words.zh-Hant.toml", "[concern]\ndefault", "[concern]\ndefaul", ["[concern]", '"defaul"']),
        ("words.other.toml", "support = ", "suport = ", ['"suport"']),
    ],
)
def test_a_broken_file_is_told_by_name_place_and_field(
    tmp_path: Path, file: str, old: str, new: str, told: list[str]
) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "replies")
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError) as caught:
        Replies.load(folder)
    message = str(caught.value)
    assert [part for part in [file, *told] if part not in message] == [], message


def test_a_missing_or_undecodable_file_is_told(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "replies")
    (folder / "words.en.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(KnowledgeError, match=r"words\.en\.toml: is not UTF-8"):
        Replies.load(folder)
    (folder / "words.en.toml").unlink()
    with pytest.raises(KnowledgeError, match=r"words\.en\.toml: cannot be read"):
        Replies.load(folder)


def test_a_stage_without_replies_is_told(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "replies")
    file = folder / "crisis.zh-Hant.toml"
    kept = [part for part in file.read_text(encoding="utf-8").split("[[reply]]") if 'stage = "time"' not in part]
    file.write_text("[[reply]]".join(kept), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r'crisis\.zh-Hant\.toml: no \[\[reply\]\] with kind "self_harm"'):
        Replies.load(folder)
