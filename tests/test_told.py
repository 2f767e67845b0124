"""What a person in danger tells unasked, and asks, of what the staged talk is about."""

from __future__ import annotations

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Told

LEXICON = shipped_lexicon()


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
        ("手里拿着刀片", ["brink", "means"]),
        ("昨天室友陪着我，今天他走了", []),
        ("刀我已经扔了", []),
        ("我没有药，家里有刀", ["means"]),
        ("药在抽屉里，我妈在客厅，我去叫她", ["company", "help", "means"]),
        ("我已经把药都吃了", ["act"]),
        ("药我全吞了", ["act"]),
        ("我吃了30片药", ["act"]),
        ("吞了大概四十五片", ["act"]),
        ("I took about 30 paracetamol", ["act"]),
        ("我吃了两片药", []),
        ("I took two paracetamol", []),
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
    assert sorted(LEXICON.read(text).told - {Told.HE, Told.SHE}) == told


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
    assert (Told.INJURY in LEXICON.read(text).told) is told


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
    assert (Told.YOUNG in LEXICON.read(text).told) is told


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
    assert told in LEXICON.read(text).told


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
    assert not LEXICON.read(text).told & {Told.BABY, Told.TOUCHED, Told.NUMBER}


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
    assert sorted(LEXICON.read(text).told - {Told.HE, Told.SHE}) == asked
