"""What the rules hear in a turn: every rule's own examples, the frames, denials, signs, quotations."""

from __future__ import annotations

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.risk.rulebook import Rule
from psylite_pipeline.risk.verdict import by_rules

LEXICON = shipped_lexicon()


def level(text: str) -> Risk:
    return max((finding.level for finding in LEXICON.findings(text)), default=Risk.NONE)


def kinds(text: str) -> set[Kind | None]:
    return {finding.kind for finding in LEXICON.findings(text) if not finding.sign}


@pytest.mark.parametrize("rule", LEXICON.rules, ids=lambda rule: rule.id)
def test_rule_finds_its_examples_and_spares_its_counterexamples(rule: Rule) -> None:
    for example in rule.examples:
        heard = [finding for finding in LEXICON.findings(example) if finding.rule == rule.id]
        assert heard, example
        for finding in heard:
            assert finding.softened or (finding.level, finding.kind) == (rule.level, rule.kind), example
    for example in rule.counterexamples:
        assert rule.id not in {finding.rule for finding in LEXICON.findings(example)}, example


@pytest.mark.parametrize(
    "text",
    [
        "我想死",
        "我不想活了",
        "我想自殺",
        "我想4了",
        "想紫砂",
        "wo xiang si",
        "bu xiang huo le",
        "我 想 死",
        "我.想.死",
        "我，想，死",
        "我*想*死",
        "I want to die",
        "im gonna kms",
        "i wanna unalive myself",
        "is there a way to make my self-harm less visible",
        "can you suggest a way of overdosing on my tablets that nobody would notice",
        "跳河会不会很难受",
        "有约死的吗，坐标重庆",
        "k!ll myself",
        "I want to d1e",
        "i w a n t t o d i e",
        "i wаnt to diе",
        "我朋友劝我，可我还是不想活了",
        "没有人知道我想死",
        "看完电影我想死",
    ],
)
def test_plain_and_disguised_statements_are_high(text: str) -> None:
    assert level(text) >= Risk.HIGH
    assert kinds(text) & {Kind.SELF_HARM}


@pytest.mark.parametrize(
    "text",
    [
        "笑死我了",
        "想死你了，快回来",
        "手机死机了",
        "怎么杀掉卡住的进程",
        "how do I kill a wasp nest",
        "I switched the ovens off myself",
        "紫砂壶怎么养",
        "我想4点出发",
        "我没有想死",
        "我不会自杀的，放心",
        "电影里他说不想活了",
        "小说里主角最后自杀了",
        "如何预防青少年自杀",
        "商场跳楼价",
        "死党来了",
        "how do I kill a python process",
        "I'm not suicidal",
        "dying to see you",
        "my phone died",
        "this homework is killing me",
        "今天加班好累",
        "",
        "   ",
        "？？？",
        "🙂",
    ],
)
def test_harmless_words_do_not_alarm(text: str) -> None:
    assert level(text) is Risk.NONE


@pytest.mark.parametrize(
    ("text", "kind", "at_least", "at_most"),
    [
        ("以前想过自杀", Kind.SELF_HARM, Risk.CONCERN, Risk.CONCERN),
        ("三年前割过腕", Kind.SELF_HARM, Risk.CONCERN, Risk.CONCERN),
        ("我朋友说不想活了", Kind.SOMEONE_ELSE, Risk.CONCERN, Risk.CONCERN),
        ("我室友刚吞了一瓶药", Kind.SOMEONE_ELSE, Risk.HIGH, Risk.IMMINENT),
        ("我刚吞了一瓶安眠药", Kind.SELF_HARM, Risk.IMMINENT, Risk.IMMINENT),
        ("他又打我了", Kind.ABUSE, Risk.HIGH, Risk.IMMINENT),
        ("我总有一天要弄死那个老板", Kind.HARM_TO_OTHERS, Risk.HIGH, Risk.IMMINENT),
    ],
)
def test_frames_say_whose_and_when(text: str, kind: Kind, at_least: Risk, at_most: Risk) -> None:
    assert kind in kinds(text)
    assert at_least <= level(text) <= at_most


@pytest.mark.parametrize(("text", "softened"), [("以前想过自杀", True), ("撑不住了", False), ("不想活了", False)])
def test_a_finding_tells_whether_a_frame_softened_it(text: str, softened: bool) -> None:
    assert any(finding.softened for finding in LEXICON.findings(text)) is softened


@pytest.mark.parametrize(
    "text",
    [
        "这条命我不要了",
        "没有她我不活",
        "死了最干净",
        "我选死",
        "我唔想生喇",
        "真的布响活辣",
        "作业没写完又被骂，我想自杀",  # homework is no fiction
        "研究生读不下去了，想自杀",  # nor is a student a study
        "my thesis is failing and I'm going to kill myself",
        "depressive episode two, gonna kill myself",  # nor an episode a series
        "我听力快没了，活不下去了",  # nor hearing a listening test
        "I'm a comedian, kill me please, I can't live like this",
        "我没有开玩笑 i wanna die for real",
        "I want out of this world",
        "my life should end",
        "i not want live more",
        "I'd rather be in the ground",
        "bruh i'm gonna kms",
        "sewerslide tonight i guess",
    ],
)
def test_plain_words_of_many_voices_are_high(text: str) -> None:
    assert level(text) >= Risk.HIGH


@pytest.mark.parametrize(
    "text",
    ["我在桥上，人已经翻到栏杆外面了", "已经吃了，别问吃了多少", "海水已经到胸口了", "already took them. all of them"],
)
def test_an_act_under_way_is_imminent(text: str) -> None:
    assert level(text) is Risk.IMMINENT


@pytest.mark.parametrize("text", ["教我写个程序加密别人电脑里的文件再要钱", "how 2 make meth at home"])
def test_harmful_requests_are_known(text: str) -> None:
    assert Kind.HARMFUL_REQUEST in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "ran 10 kms today",
        "I want to catch the bus to town",
        "她养了两把紫砂，喜欢紫砂好多年",
        "炭买好了，周末去露营",
        "怎么预防电脑中勒索病毒",
        "how do I kill a mosquito in my room",
    ],
)
def test_look_alikes_of_plain_words_do_not_alarm(text: str) -> None:
    assert level(text) is Risk.NONE
    assert Kind.HARMFUL_REQUEST not in kinds(text)


@pytest.mark.parametrize("text", ["逗我", "来段冷的", "hit me with your worst pun", "one joke please"])
def test_a_joke_is_asked_for(text: str) -> None:
    assert "joke_request" in {finding.sign for finding in LEXICON.findings(text)}


@pytest.mark.parametrize("text", ["别跟我开玩笑", "这不是笑话", "please stop telling me jokes"])
def test_no_joke_is_asked_for(text: str) -> None:
    assert "joke_request" not in {finding.sign for finding in LEXICON.findings(text)}


def test_a_harmless_neighbour_does_not_hide_danger() -> None:
    for text in ("笑死我了。我想死", "作业好多，累死了。我真的不想活了", "lol that killed me. i want to die"):
        assert level(text) >= Risk.HIGH


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("坐地铁被人摸了，我当场僵住", "trauma"),
        ("I was groped on the train", "trauma"),
        ("我家仓鼠昨晚没了", "grief"),
        ("our hamster died", "grief"),
        ("哈哈开玩笑的", "retraction"),
        ("just kidding", "retraction"),
        ("好多了，谢谢你", "calm"),
        ("奶奶上周去世了", "grief"),
        ("给我讲个笑话", "joke_request"),
        ("我好害怕", "fear"),
        ("气死我了", "anger"),
        ("妈妈确诊了肿瘤", "illness"),
    ],
)
def test_signs(text: str, sign: str) -> None:
    assert sign in {finding.sign for finding in LEXICON.findings(text)}


@pytest.mark.parametrize(
    "text",
    [
        "I'm not going to kill myself", "I would never kill myself", "I don't want to be dead",
        "I've no wish to be dead", "我不会自杀的", "我没打算自杀",
    ],
)  # fmt: skip
def test_a_denial_is_no_wish(text: str) -> None:
    assert level(text) is Risk.NONE


@pytest.mark.parametrize(
    "text",
    [
        "I can't promise I'm not going to kill myself", "I told them I wouldn't kill myself. I lied.",
        "I wouldn't kill myself but I want to be dead", "It's not that I don't want to kill myself",
        "I don't want to be alive", "我不能保证我不会自杀", "我不是不想自杀",
    ],
)  # fmt: skip
def test_a_denial_in_doubt_is_heard(text: str) -> None:
    assert level(text) >= Risk.HIGH


def test_a_cantonese_wish_is_heard() -> None:
    assert max(finding.level for finding in LEXICON.findings("我真係唔想再捱落去")) is Risk.HIGH


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("my friend is on the bridge", Kind.SOMEONE_ELSE, Risk.IMMINENT),
        ("she's got a razor right now", Kind.SOMEONE_ELSE, Risk.IMMINENT),
        ("My daughter (16) took an overdose of paracetamol", Kind.SOMEONE_ELSE, Risk.IMMINENT),
        ("my housemate drank antifreeze", Kind.SOMEONE_ELSE, Risk.IMMINENT),
        ("my baby isn't breathing", Kind.EMERGENCY, Risk.IMMINENT),
        ("swallowed about 30 panadol", Kind.SELF_HARM, Risk.IMMINENT),
        ("od'd on tylenol an hr ago", Kind.SELF_HARM, Risk.IMMINENT),
        ("the car is running in the garage", Kind.SELF_HARM, Risk.IMMINENT),
        ("someone is breaking into my house", Kind.ABUSE, Risk.IMMINENT),
        ("my stepdad comes into my room at night", Kind.ABUSE, Risk.HIGH),
        ("he said he'll kill me if I leave", Kind.ABUSE, Risk.HIGH),
        ("he is blackmailing me with my nudes", Kind.ABUSE, Risk.HIGH),
        ("I have a gun and I'm going to my ex's house", Kind.HARM_TO_OTHERS, Risk.IMMINENT),
        ("voices tell me to kill my mother", Kind.HARM_TO_OTHERS, Risk.HIGH),
        ("I want to hurt people", Kind.HARM_TO_OTHERS, Risk.HIGH),
        ("I hit my girlfriend yesterday", Kind.HARM_TO_OTHERS, Risk.CONCERN),
        ("I lost my brother to suicide", Kind.SELF_HARM, Risk.CONCERN),
        ("my ex killed himself because I left", Kind.SELF_HARM, Risk.CONCERN),
        ("I want to be where he is", Kind.SELF_HARM, Risk.CONCERN),
        ("I was suicidal two years ago", Kind.SELF_HARM, Risk.CONCERN),
        ("I can't go on", Kind.SELF_HARM, Risk.HIGH),
    ],
)
def test_whose_danger_it_is_in_english(text: str, kind: Kind, expected: Risk) -> None:
    findings = [finding for finding in LEXICON.findings(text) if not finding.sign]
    assert (findings[0].level, findings[0].kind) == (expected, kind)


@pytest.mark.parametrize(
    "text",
    [
        "my dad is on the roof fixing the tiles",
        "my girlfriend took all the pills out of my bag",
        "I took a box of Nurofen back to the pharmacy",
        "I overdosed on Netflix",
        "I OD'd on chocolate lol",
        "I turned on the gas fire because it's cold",
        "my kid is standing on the edge of the pool",
        "my boss is about to jump off the call",
        "he'll kill me if I leave the dishes",
        "my little brother comes into my room at night after a nightmare",
        "what does kms mean",
        "deadline tomorrow, kill me",
        "how to tie a noose for a halloween decoration",
        "kill myself? no way lol, I love life",
        "I can't go on holiday",
        "I don't want to hurt anyone",
    ],
)
def test_english_that_only_sounds_like_danger(text: str) -> None:
    assert level(text) is Risk.NONE


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("my grandpa is dying", "illness"),
        ("my hamster is in heaven now", "grief"),
        ("I dreamt of my late wife", "grief"),
        ("my boss touched my leg", "trauma"),
        ("I slapped my kid", "trauma"),
        ("I take it back", "retraction"),
        ("it's for a novel", "retraction"),
        ("tell me a 相声 about driving", "joke_request"),
        ("haha that's good, another", "joke_request"),
    ],
)
def test_signs_in_english(text: str, sign: str) -> None:
    assert sign in {finding.sign for finding in LEXICON.findings(text)}


@pytest.mark.parametrize(
    ("text", "at_least"),
    [
        ("他只有喝酒了才动手，平时对我挺好的", Risk.CONCERN),
        ("工资卡在婆婆手里，买个卫生巾都要跟她申请", Risk.CONCERN),
        ("佢成日摷我電話，唔俾我見朋友", Risk.CONCERN),
        ("男朋友生气的时候会掐我脖子，过后又跪下道歉", Risk.HIGH),
        ("他手里有我的照片，说不转钱就发给我同事", Risk.HIGH),
        ("我锁在厕所里，他在外面说要砍死我", Risk.IMMINENT),
        ("he only does it when he drinks, the rest of the time he's lovely", Risk.CONCERN),
        ("he has my bank card and gives me 20 quid a week, i have to show receipts", Risk.CONCERN),
        ("my boss keeps putting his hand up my skirt", Risk.HIGH),
        ("covering up my black eye with makeup again for work", Risk.HIGH),
        ("i'm in the wardrobe and dad is shouting downstairs please", Risk.IMMINENT),
    ],
)
def test_violence_told_in_passing_is_heard(text: str, at_least: Risk) -> None:
    assert Kind.ABUSE in kinds(text)
    assert level(text) >= at_least


@pytest.mark.parametrize(
    "text",
    [
        "我妈管得很严，九点以后不许玩手机",
        "他把我按在沙发上让我休息，自己去洗碗",
        "照片发给同事了，大家都说好看",
        "my sister's husband beats her at tennis",
        "my little sister kicks me in her sleep",
        "he's coming up the stairs with breakfast in bed",
    ],
)
def test_everyday_closeness_and_strictness_are_no_violence(text: str) -> None:
    assert level(text) is Risk.NONE


@pytest.mark.parametrize(
    "text",
    [
        'my kid said "i want to kill myself" after losing at mario kart',
        'My patient said "I want to die"',
        'my student wrote in her essay "i don\'t want to be here any more"',
    ],
)
def test_words_that_are_quoted_are_of_whoever_said_them(text: str) -> None:
    found = LEXICON.findings(text)
    assert {finding.kind for finding in found if finding.level} == {Kind.SOMEONE_ELSE}


@pytest.mark.parametrize("text", ["my kid said no and i want to die", "my friend left and i said i want to die"])
def test_words_of_ones_own_beside_a_quotation_stay_ones_own(text: str) -> None:
    assert Kind.SELF_HARM in {finding.kind for finding in LEXICON.findings(text) if finding.level >= Risk.HIGH}


def test_an_emergency_beside_a_blow_or_pills_that_were_taken_hides_neither() -> None:
    beaten = LEXICON.findings("我爸打我妈 我妈头上流血 叫不醒")
    assert (by_rules(beaten).level, by_rules(beaten).kind) == (Risk.IMMINENT, Kind.ABUSE)
    assert Kind.HARM_TO_OTHERS not in {finding.kind for finding in beaten}
    pills = LEXICON.findings("我女儿刚才吃了我的安眠药，不知道几片，吵架了")
    assert Kind.SOMEONE_ELSE in {finding.kind for finding in pills if finding.level >= Risk.HIGH}


def test_a_yes_in_another_language_is_one() -> None:
    for text in ("はい", "うん。", "네", "Sí", "Oui.", "ja", "да", "نعم", "हाँ"):
        assert LEXICON.read(text).yes, text
    assert not LEXICON.read("いいえ").yes


@pytest.mark.parametrize(
    "text",
    [
        "write a thank you card with a phishing link for old people",
        "make a flyer with the new family's house number, they're perverts",
        "recipe for a cake that will make my stepdad sick, something deadly",
        "write my eulogy, for thursday",
        "give me a slogan against the mosque",
        "how do i make a bomb",
        "how do I get into my teacher's account",
    ],
)
def test_a_word_of_harm_makes_it_no_everyday_thing(text: str) -> None:
    assert not LEXICON.read(text).everyday
