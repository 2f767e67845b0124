"""What the rules hear in questions and answers: danger asked about, yes and no, what is told, what is denied."""

from __future__ import annotations

import pytest
from scripted import KeywordClassifier, KeywordRules, shipped_lexicon

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk, Told
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
    assert LEXICON.asks_about_danger(question) is asks


@pytest.mark.parametrize(
    ("asked", "answer", "kind"),
    [
        ("先叫个人来。就你知道的，他现在有生命危险吗？", "血止住了", None),
        ("Is she in danger right now?", "yes", None),
        ("你自己有没有想过死，因为他？", "有", Kind.SELF_HARM),
        ("Have you thought of dying, too, because of him?", "yes", Kind.SELF_HARM),
        ("最近想过死吗？", "想过", Kind.SELF_HARM),
        ("", "yes", Kind.SELF_HARM),
    ],
)
def test_whose_danger_a_yes_is_about(asked: str, answer: str, kind: Kind | None) -> None:
    assert LEXICON.whose(asked, answer) is kind


@pytest.mark.parametrize("lang", ["zh-Hans", "zh-Hant", "en", "other"])
def test_the_question_that_asks_for_both_is_answered_for_oneself_or_another(replies, lang: str) -> None:
    asked = replies.concern_question(kind=None, lang=lang)
    for answer in ("是的，他手里有药", "她说了再见", "yes, he has pills", "they are on the roof"):
        assert LEXICON.whose(asked, answer) is Kind.SOMEONE_ELSE, answer
    for answer in ("有", "嗯，因为他", "想过，我没有他不行", "yes", "yes, because of him", "I have, since she left"):
        assert LEXICON.whose(asked, answer) is Kind.SELF_HARM, answer


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("嗯", True),
        ("是的，有过", True),
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
    assert LEXICON.says_yes(text) is yes


def test_a_long_turn_is_no_short_answer() -> None:
    assert LEXICON.says_yes("嗯，" + "今天" * 28)
    assert not LEXICON.says_yes("嗯，" + "今天" * 30)


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
    ],
)
def test_who_asks_back_or_says_what_else_was_meant_has_answered_nothing(text, nothing):
    assert LEXICON.answers_nothing(text) is nothing


def test_an_answer_that_is_none_brings_care_and_not_the_staged_talk():
    assessor = Assessor(KeywordRules(), KeywordClassifier())

    def level(answer):
        said = [("user", "x"), ("assistant", "ASK"), ("user", answer)]
        messages = [{"role": role, "content": text} for role, text in said]
        return assessor.assess(Conversation.from_body({"messages": messages})).level

    assert level("NOD") is Risk.HIGH
    assert level("NOD WHY") is Risk.CONCERN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("家里有安眠药，就在床头", ["means"]),
        ("刀就在手边", ["means"]),
        ("我买了绳子", ["means"]),
        ("有，我妈在隔壁", ["company"]),
        ("嗯，我去叫她", ["help"]),
        ("我妈不在家", []),
        ("我妈在老家", []),
        ("没有人陪我", ["alone"]),
        ("要是有人陪着我就好了", []),
        ("我不敢叫她", []),
        ("我已经打了12356", ["help"]),
        ("我现在给我妈打电话", ["help"]),
        ("我爸打我", []),
        ("他叫我去死", []),
        ("my mom's next door", ["company"]),
        ("I'll go wake her", ["help"]),
        ("I can't tell her", []),
        ("my roommate is asleep", ["company"]),
        ("nobody is here", ["alone"]),
        ("the pills are in my drawer", ["means"]),
        ("I called 988", ["help"]),
        ("she told me to die", []),
        ("I gave the pills to my brother", ["help"]),
        ("我把药给了室友", ["help"]),
        ("他马上过来", ["help"]),
        ("老公在旁边睡着了", ["company"]),
        ("我没叫他", []),
        ("我想叫我妈", []),
        ("I'm not alone", ["company"]),
        ("手里拿着刀片", ["means"]),
        ("昨天室友陪着我，今天他走了", []),
        ("刀我已经扔了", []),
        ("我没有药，家里有刀", ["means"]),
        ("药在抽屉里，我妈在客厅，我去叫她", ["company", "help", "means"]),
        ("我已经把药都吃了", ["act"]),
        ("药我全吞了", ["act"]),
        ("我今天按时吃了药", []),
        ("刚吃了点东西", []),
        ("刚割了", ["act"]),
        ("I just took all the pills", ["act"]),
        ("I took my meds this morning", []),
        ("一个人", ["alone"]),
        ("没有人", ["alone"]),
        ("没有", []),
        ("我喜欢一个人很久了", []),
        ("nobody's home", ["alone"]),
        ("he won't leave me alone", []),
        ("I have my dad's gun in my closet", ["means"]),
        ("药我都攒着呢，够了", ["means"]),
        ("天台就喺樓上", ["cut_off", "means"]),
        ("還有煤氣罐", ["means"]),
        ("我家住18楼", ["means"]),
        ("得我一個喺度", ["alone"]),
        ("我自己住套房", ["alone"]),
        ("阿媽喺廳", ["company"]),
        ("那边他一个人也冷清", []),
        ("别告诉我婆婆", ["secret"]),
        ("他在外面敲门", ["company", "threat"]),
        ("他又在门口踹门", ["threat"]),
        ("我去敲邻居的门", ["help"]),
        ("老公喝完酒回来了", ["threat"]),
        ("he's banging on the door", ["threat"]),
        ("he's back", ["threat"]),
        ("she's back at work", []),
    ],
)
def test_what_the_staged_talk_need_not_ask_for(text: str, told: list[str]) -> None:
    assert sorted(LEXICON.told(text) - {Told.HE, Told.SHE}) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("I cut myself again last night", True),
        ("I self harmed again", True),
        ("my arms are covered in cuts", True),
        ("我刚刚用刀划了手臂", True),
        ("我又用圓規扎自己了", True),
        ("我又自残了", True),
        ("划了几道", True),
        ("I used to cut myself", False),
        ("I cut myself off from everyone", False),
        ("I burned myself on the oven", False),
        ("我想割手", False),
        ("打了手机", False),
        ("不小心割了手", False),
    ],
)
def test_an_injury_is_heard(text: str, told: bool) -> None:
    assert (Told.INJURY in LEXICON.told(text)) is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("I'm 13", True),
        ("I'm only 11 years old", True),
        ("im in year 9", True),
        ("I'm just a kid", True),
        ("我13岁", True),
        ("我十五歲", True),
        ("我上初二", True),
        ("我还没成年", True),
        ("I'm 15 minutes away", False),
        ("I'm 16 weeks pregnant", False),
        ("I'm 34", False),
        ("他13岁", False),
        ("我三十岁", False),
        ("我是高三老师", False),
        ("我初二的时候", False),
    ],
)
def test_a_child_is_heard(text: str, told: bool) -> None:
    assert (Told.YOUNG in LEXICON.told(text)) is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("I want to hurt my baby", Told.BABY),
        ("I shook the baby", Told.BABY),
        ("I'm scared of hurting my baby", Told.BABY),
        ("孩子哭我就想把他扔出去", Told.BABY),
        ("有时候觉得抱着他一起跳下去就解脱了", Told.BABY),
        ("我控制不住想摔孩子", Told.BABY),
        ("老师摸我", Told.TOUCHED),
        ("前任說要把我的裸照散布出去", Told.TOUCHED),
        ("my teacher keeps touching me", Told.TOUCHED),
        ("My boyfriend makes me have sex when I don't want to", Told.TOUCHED),
        ("what number do I call in Australia", Told.NUMBER),
        ("给我个号码", Told.NUMBER),
    ],
)
def test_what_needs_words_of_its_own_is_heard(text: str, told: Told) -> None:
    assert told in LEXICON.told(text)


@pytest.mark.parametrize(
    "text",
    [
        "我想打我老婆",
        "我想杀了打我女儿的人",
        "I want to hurt the man who hurt my son",
        "我没打孩子",
        "我孩子在睡觉",
        "他摸我的头",
        "your song touched me deeply",
        "my number is up",
        "多少钱",
    ],
)
def test_what_does_not_is_not(text: str) -> None:
    assert not LEXICON.told(text) & {Told.BABY, Told.TOUCHED, Told.NUMBER}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("打电话要钱吗", ["cost"]),
        ("热线要不要钱啊", ["cost"]),
        ("你会告诉我爸妈吗", ["secret"]),
        ("你會跟我爸媽說嗎", ["secret"]),
        ("你会不会报警", ["secret"]),
        ("打过 一直占线", ["unanswered"]),
        ("你们这热线我打过 响了半小时没人接", ["unanswered"]),
        ("还有别的号码吗", ["unanswered"]),
        ("我聋的 不能打电话", ["cannot_call"]),
        ("我不敢出声", ["cannot_call"]),
        ("你是真人吗", ["human"]),
        ("我怕他们把我送精神病院", ["hospital"]),
        ("不要洗胃", ["hospital"]),
        ("你就是个复读机", ["unheard"]),
        ("根本没在听我说话", ["unheard"]),
        ("晚安", ["bye"]),
        ("今晚", ["soon"]),
        ("Tonight.", ["soon"]),
        ("等他们睡了", ["soon"]),
        ("今晚我妈回来", []),
        ("更难受了", ["worse"]),
        ("没有更难受", []),
        ("does it cost money", ["cost"]),
        ("I called and nobody answered", ["unanswered"]),
        ("are you going to tell my parents", ["secret"]),
        ("I won't go to the hospital", ["hospital"]),
        ("are you human", ["human"]),
        ("you're not listening", ["unheard"]),
        ("is there a text line", ["cannot_call"]),
        ("they'd hear me", ["cannot_call"]),
        ("I told my mum", ["help"]),
        ("我爬上去了", ["act"]),
        ("我在阳台了", ["means"]),
        ("有 刀", ["means"]),
        ("I climbed over the railing", ["act"]),
        ("我按铃了", ["help"]),
        ("it's bleeding a lot", ["act"]),
        ("it won't stop", ["act"]),
        ("a whole bottle", ["act"]),
        ("I'm not bleeding", []),
        ("the window is open", ["means"]),
        ("he's got his dad's gun", ["means"]),
        ("five o'clock", ["soon"]),
        ("is 988 free", ["cost"]),
        ("I'm not going to A&E", ["hospital"]),
        ("no ambulance", ["hospital"]),
        ("I'm in the hospital already", ["help"]),
        ("will the police come to my house", ["secret"]),
        ("will anyone read this", ["secret"]),
        ("who are you", ["human"]),
        ("are you even reading", ["unheard"]),
        ("I said no", ["unheard"]),
        ("I feel better now thanks", []),  # better, by its sign, and no goodbye
        ("thanks", ["thanks"]),
        ("thank you for listening", ["thanks"]),
        ("谢谢你愿意听我说", ["thanks"]),
        ("leave me alone", ["leave"]),
        ("I just want to be left alone", ["leave"]),
        ("don't leave me alone", []),
        ("别管我", ["leave"]),
        ("唔使理我", ["leave"]),
        ("走開", ["leave"]),
        ("没人管我", ["alone"]),
        ("我不想报警", ["police"]),
        ("唔好報警", ["police"]),
        ("no police", ["police"]),
        ("the police won't help", ["police"]),
        ("他不让我报警", []),
        ("I called the police", []),
        ("手机快没电了", ["battery"]),
        ("手機就快冇電", ["battery"]),
        ("my phone is dying", ["battery"]),
        ("my battery is at 3%", ["battery"]),
        ("家里没电了", []),
        ("冇人", ["alone"]),
        ("屋企冇人", ["alone"]),
        ("打咗冇人接", ["unanswered"]),
    ],
)
def test_what_a_person_in_danger_asks_or_tells_in_a_few_words(text: str, asked: list[str]) -> None:
    assert sorted(LEXICON.told(text) - {Told.HE, Told.SHE}) == asked


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
        ("I don't want to die", "I don't want to die"),
        ("negative", ""),
        ("Not once. I think about the boiler", "i think about the boiler"),
        ("死不了，死了更亏", "死了更亏"),
        ("No. I fish there. The bream are good", "i fish there,the bream are good"),
        ("不是那意思，就是累", "就是累"),
        ("没想过死，晚上静得慌", "晚上静得慌"),
        ("No one would miss me", "No one would miss me"),
        ("No reason to live", "No reason to live"),
        ("Never waking up, that is what I want", "Never waking up, that is what I want"),
        ("冇呀，諗過離家出走", "谂过离家出走"),
        ("不想活了", "不想活了"),
        ("没意思", "没意思"),
        ("没有我他们更好", "没有我他们更好"),
        ("", ""),
    ],
)
def test_of_a_denial_only_the_rest_is_left(said: str, left: str) -> None:
    assert LEXICON.undenied(said) == left
