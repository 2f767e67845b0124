"""An attempt or an injury of long ago, told from safety, is no danger; what is not over is."""

from __future__ import annotations

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Risk

LEXICON = shipped_lexicon()


def level(text: str) -> Risk:
    return max((finding.level for finding in LEXICON.findings(text)), default=Risk.NONE)


@pytest.mark.parametrize(
    "text",
    [
        "五年前自杀过一次，现在挺好的，别担心",
        "我十八岁时割过腕，如今当了老师，偶尔讲给学生听",
        "自杀未遂第七年，体检全是好消息",
        "当年喝了农药，老伴背我去的卫生院，现在金婚都过了",
        "我舅舅年轻时自杀过，救回来以后迷上了钓鱼",
        "初三那年割腕留的疤，去年纹了一朵花，我喜欢看它",
        "从“不想活到二十岁”到今天二十六岁生日",
        "给十七岁想死的自己写了一封信",
        "Ten years ago I tried to kill myself. I'm a nurse now and married",
        "I took an overdose at 15. I'm fine now, two kids",
        "I survived a suicide attempt in 1999. These days I run a support group",
        "My brother overdosed on purpose at 17. He is a teacher now and I'm so proud of him",
        "I was sixteen when I tried to hang myself. I'm 40 now, happily married",
        "asks if I ever attempted suicide. I did at 14, I'm fine now. Do I have to tick yes?",
    ],
)
def test_long_past_and_well_now_is_no_danger(text: str) -> None:
    assert level(text) is Risk.NONE


@pytest.mark.parametrize(
    "text", ["我以前自杀过", "高中的时候割过腕", "两年前我自杀过，没跟谁讲过", "I was suicidal two years ago"]
)
def test_long_past_alone_is_a_concern(text: str) -> None:
    assert level(text) is Risk.CONCERN


@pytest.mark.parametrize(
    "text",
    [
        "三年前那次没成，现在后悔没成",
        "五年前自杀过，现在当老师，可是晚上又想死",
        "以前跳过楼，下回选高点儿",
        "下次别被救回来就好",
        "我外甥抢救过来才半年，说上次太急，这次想好了",
        "我想死。我爸是2010年走的，我现在是护士",
        "Ten years ago I took an overdose. I'm a nurse now, and I wish it had worked",
        "I want to kill myself. My husband died in 2015. I'm a nurse",
        "I took an overdose at 19 and I'm fine now, married. I have the pills in my bag tonight",
        "I regret surviving",
    ],
)
def test_what_is_not_over_is_danger(text: str) -> None:
    assert level(text) >= Risk.HIGH


@pytest.mark.parametrize(
    "text",
    [
        "以前割过腕，现在挺好，就是最近又想割",
        "十年前自杀过，现在结婚了，但我还是会想",
        "I tried to kill myself ten years ago. I'm a nurse now, but lately I think about it again",
    ],
)
def test_thoughts_that_come_back_keep_the_past_a_concern(text: str) -> None:
    assert level(text) >= Risk.CONCERN
