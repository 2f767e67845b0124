"""A death that is settled, made ready, asked for or begun, in Chinese words that name none; and the same words of every
day."""

from __future__ import annotations

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Kind, Risk

LEXICON = shipped_lexicon()

GRAVE = {
    "day": ["下个月十五号以后我就不在这世上了", "哪天走我都想好了，日历上圈着呢", "连走的日子都看好了，不打扰别人过年"],
    "enough": [
        "我活得够够的了，真的",
        "死我已经不怕了，只差最后一步",
        "逼得我只能走绝路了",
        "我自己有办法，活不活不用你们管",
    ],
    "ready": ["绳打好结了，凳子也搬来了", "窗户缝都堵好了，就我一个人在屋", "这几天站到煤气灶前好几趟了，又关上"],
    "road": ["过马路我故意不看车", "红灯我也往前走，盼着来车", "上班站在冲床前，故意把手往里伸"],
    "asks": ["求你一下子给我了结了吧", "大夫，能不能帮我打一针，睡过去就别醒", "老头子，你把我掐死算了"],
    "follow": ["等老伴头七过了我就跟去", "办完他的后事我就跟着走", "等她七七一过，我就随她去了"],
    "again": ["上次没成，这次我选了个更稳的法子", "上回药量不够，这次我算过了"],
    "injury": ["腿上又多了五条", "刚又cut了一下", "难受就拿针扎自己", "扇自己扇到嘴角出血", "挠到见血才停手"],
    "another": [
        "他给我发了个定位，在天台",
        "水友说看完你下播我就走了，桌上还有药",
        "奶奶把存折放哪都交代了，说自己要走",
    ],
    "tongues": ["我活够哉，勿想活了", "唔想捱落去喇，做人好攰", "我毋想欲活矣", "俺不想搁这世上待了", "𠊎毋想生咧"],
}

HARMLESS = {
    "day": ["我已经想好哪天走了，年假批了", "还剩六天就发售了，激动", "下个月十五号我就不在这个公司了"],
    "enough": [
        "我想好怎么走了，先坐高铁再转大巴",
        "这婚我不打算过了，离",
        "这件衣服穿够本了",
        "主角最后走绝路了，看哭",
    ],
    "ready": [
        "跳绳打好结了，凳子也搬来了，孩子们开练",
        "窗户缝都堵好了，今年冬天不漏风了",
        "站在煤气灶前好几趟了，汤还没开",
    ],
    "road": ["那个大爷过马路故意不看车，气死我了", "站在路口盼着来车，公交等了半小时", "冲床前要戴手套，别把手往里伸"],
    "asks": ["这案子一下子给我了结了吧，拖两年了", "医生，你给我一针麻药吧", "麻烦师傅送我走吧，去机场"],
    "follow": ["头七过了我就回去上班", "等过了百日宴我就下去陪她吃饭", "等她一过安检我就跟去"],
    "again": ["上次蛋糕没做成，这次我选了个更稳的方子", "上次相亲没成，这次我换了媒人"],
    "injury": ["腿上又多了五个蚊子包", "刚又cut了一个镜头", "刷牙刷到牙龈出血"],
    "another": ["他给我发了个定位，在天台餐厅", "我妈拿着剪子求我让她给我剪头"],
    "tongues": ["俺不想搁这单位待了", "唔想行落去喇，对脚好攰", "𠊎毋想食咧", "我唔生得出细路"],
}


def _each(texts: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(family, text) for family, some in texts.items() for text in some]


@pytest.mark.parametrize(("family", "text"), _each(GRAVE))
def test_what_is_settled_is_a_crisis_whoever_it_is(family: str, text: str) -> None:
    first = LEXICON.findings(text)[0]
    assert first.level >= Risk.HIGH
    assert first.kind is (Kind.SOMEONE_ELSE if family == "another" else Kind.SELF_HARM)


@pytest.mark.parametrize(("family", "text"), _each(HARMLESS))
def test_the_same_words_of_journeys_kitchens_and_games_are_none(family: str, text: str) -> None:
    assert all(finding.level is Risk.NONE for finding in LEXICON.findings(text)), family


def test_not_caring_whether_a_car_comes_is_cause_for_care() -> None:
    assert LEXICON.findings("每次过马路都不看车了，撞上就撞上")[0].level is Risk.CONCERN
