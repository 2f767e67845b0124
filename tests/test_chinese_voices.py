"""What people in China say in the fewest words: whose danger it is, how near, and what only sounds like it."""

from __future__ import annotations

import pytest
from scripted import shipped_lexicon

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.risk.verdict import by_rules

LEXICON = shipped_lexicon()
NONE, CONCERN, HIGH, IMMINENT = Risk


def told(text: str) -> tuple[Risk, Kind | None]:
    """The level of a turn and the kind that answers it: the first of the gravest findings."""
    findings = LEXICON.findings(text)
    return (findings[0].level, findings[0].kind) if findings else (NONE, None)


def level(text: str) -> Risk:
    return told(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "我吞了药",
        "我把药全吃了",
        "我吃了六片舍曲林还喝了酒 睡过去就好了",
        "我食咗成樽安眠药",
        "我吞了藥 頭好暈",
        "我把降压药全吃了",
        "药我全吃完了 好困",
        "她刚挂我电话，最后一句是药吃完了，别来，来了也晚了",
        "我割了",
        "手腕 好多血",
        "我跳下来了 腿断了",
        "我要跳了",
        "我已经爬上栏杆了",
        "俺爬到塔吊上了",
        "我在铁轨上",
        "我坐喺天台栏杆",
        "我在地铁站台上 他们让我跳",
    ],
)
def test_an_act_in_the_fewest_words_is_imminent(text: str) -> None:
    assert told(text)[0] is IMMINENT


@pytest.mark.parametrize(
    "text",
    [
        "我吃了感冒药 好困",
        "医生开的 感冒药",
        "我把整盒感冒药吃完了 疗程结束",
        "上次跟你说的那个药我吃完了",
        "我把药都扔了",
        "胶囊好大 我吞了药片卡住了",
        "今天大盘跌 我割了",
        "我割了双眼皮，肿着呢",
        "游戏里我跳下来了 没摔死",
        "我从床上跳下来了 摔了一跤",
        "我站在窗台上擦玻璃",
        "我们在天台烧烤",
        "我在楼顶装太阳能",
    ],
)
def test_medicine_surgery_and_roofs_of_every_day_are_not(text: str) -> None:
    assert level(text) is NONE


@pytest.mark.parametrize("text", ["我在天台", "我在楼顶", "俺在塔吊", "我企咗喺天台", "我一个人坐在江边", "护栏挺矮的"])
def test_a_height_said_of_oneself_now_is_a_concern(text: str) -> None:
    assert told(text) == (CONCERN, Kind.SELF_HARM)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我老公喝农药了", IMMINENT),
        ("我老婆喝农药了", IMMINENT),
        ("我爱人喝農藥了", IMMINENT),
        ("我嫂子喝农药了", IMMINENT),
        ("他站在窗台上 六楼", IMMINENT),
        ("我儿子把自己关在厕所 里面有血", IMMINENT),
        ("同学在班群里说要跳楼 已经上去了", IMMINENT),
        ("我阿妈想跳楼 佢喺窗边", IMMINENT),
        ("我妈把银行卡密码都告诉我了 出门没带手机 找不到人", IMMINENT),
        ("我爱人说要走 让我别找他 他把手机留在家里 车开走了", IMMINENT),
        ("他留了一张纸条 说对不起我和孩子", IMMINENT),
        ("女儿说 我死了你就满意了", HIGH),
        ("我女儿跟我说妈妈我死了你就满意了", HIGH),
        ("我男朋友说分手他就去死", HIGH),
        ("我女朋友说我不陪她她就去死", HIGH),
        ("我男朋友说分手就死给我看", HIGH),
        ("佢话分手就死俾我睇", HIGH),
        ("我先生喝農藥了", IMMINENT),
        ("我儿子15岁，在房间里说不想活了", CONCERN),
        ("我女儿13岁了，在日记里写不想活了", CONCERN),
    ],
)
def test_somebody_elses_danger_is_theirs(text: str, expected: Risk) -> None:
    assert told(text) == (expected, Kind.SOMEONE_ELSE)


@pytest.mark.parametrize(
    "text",
    [
        "猫站在窗台上",
        "我爸去给果树打农药了",
        "闹钟响了三遍都叫不醒我",
        "他把自己关在厕所打游戏不开门",
        "男友说分手 让我别找他 电话关机",
        "客户失联了",
        "我妈说再不找对象她就死给我看",
        "我说分手他就哭",
    ],
)
def test_kin_on_ordinary_days_are_in_no_danger(text: str) -> None:
    assert level(text) is NONE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我姐夫打我姐", HIGH),
        ("我哥打我嫂子", HIGH),
        ("她不肯报警 他还说要弄死她", HIGH),
        ("我弟弟说要杀了我爸", HIGH),
        ("隔壁邻居天天打孩子 惨叫", IMMINENT),
        ("我爸对我动手动脚", HIGH),
        ("老师摸我", HIGH),
        ("我弟弟要杀我爸 手里拿着刀", IMMINENT),
        ("他拿着刀在门外", IMMINENT),
        ("前男友说要跟我同归于尽 他有刀 就在楼下", IMMINENT),
        ("我男朋友打我 我躲在厕所 他在踹门", IMMINENT),
        ("救救我 他要打死我", IMMINENT),
        ("我爸喝醉了在砸门", IMMINENT),
        ("隔壁在打孩子 孩子叫救命", IMMINENT),
        ("他拿刀在門外 我好怕", IMMINENT),
        ("佢揸住把刀喺门口", IMMINENT),
        ("我爸打我妈 我妈头上流血 叫不醒", IMMINENT),
        ("他打死我妈了", IMMINENT),
    ],
)
def test_who_tells_of_violence_means_none(text: str, expected: Risk) -> None:
    verdict = by_rules(LEXICON.findings(text))
    assert (verdict.level, verdict.kind) == (expected, Kind.ABUSE)
    assert Kind.HARM_TO_OTHERS not in {finding.kind for finding in LEXICON.findings(text)}


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("今晚我就动手 刀带上了", IMMINENT, Kind.HARM_TO_OTHERS),
        ("我在他公司楼下 汽油带来了", IMMINENT, Kind.HARM_TO_OTHERS),
        ("孩子哭我就想把他扔出去", HIGH, Kind.HARM_TO_OTHERS),
        ("我控制不住想摔孩子", HIGH, Kind.HARM_TO_OTHERS),
        ("有时候觉得抱着他一起跳下去就解脱了", HIGH, Kind.SELF_HARM),
        ("真想带着孩子一起死", HIGH, Kind.SELF_HARM),
    ],
)
def test_whom_one_would_hurt_oneself(text: str, expected: Risk, kind: Kind) -> None:
    assert told(text) == (expected, kind)


@pytest.mark.parametrize(
    "text",
    [
        "快递员在砸门",
        "我爸拿着菜刀在门口杀鸡",
        "我姐夫打我姐电话没人接",
        "我妈打我弟打得好惨 哈哈他偷吃冰棍",
        "考不好我妈会杀了我",
        "不带作业老师会杀了我",
        "老婆说要杀了我 因为我偷买手办 哈哈",
        "老公又打呼噜了 想掐死他",
        "想把孩子扔给我妈带一天",
        "我想带着孩子一起跳舞",
    ],
)
def test_family_noise_is_no_violence(text: str) -> None:
    assert level(text) is NONE


@pytest.mark.parametrize(
    "text",
    [
        "热死我了 想死",
        "困得想死",
        "好攰…返工返到想死",
        "我儿子作业写到我想跳楼",
        "我想跳楼 不是 我想跳楼机 周末去欢乐谷",
        "高兴得想从阳台跳下去哈哈",
        "考试周 想从一楼跳下去",
        "不活了 今天没抢到演唱会票",
        "我上辈子杀了人 这辈子写代码",
        "熬夜就是慢性自杀",
        "人间不值得 今天又堵车",
        '"不想活了"用英语怎么说',
        "翻译 I want to die",
        "加缪那他为什么反对自杀",
        "黛玉焚稿是不是因为想死",
        "自残行为的心理学解释",
        "自杀未遂的人回家后家人要注意什么",
        "僵尸进程的父进程自杀了",
        '我写的歌词"我从桥上跳下去 变成一条鱼"',
        "我再也不想死了",
        "我不想死 我想活",
    ],
)
def test_exaggeration_and_words_about_words_are_no_crisis(text: str) -> None:
    assert level(text) is NONE


@pytest.mark.parametrize(
    "text",
    [
        "热死了 我真的不想活了",
        "没考好 我不想活了",
        "今天被点名批评 我想死",
        "游戏被删了我想自杀",
        "程序员压力太大 我想自杀",
        "看了黛玉焚稿那集，我也想死",
        "加缪让我想死",
        "我是护士，我知道吃多少安眠药会死",
        "要是没有家人我就自杀了",
        "闺女你行行好让我死吧",
        "痛得想死",
        "心累到想死",
        "我哥自杀走了 我也想死",
    ],
)
def test_a_harmless_reason_nearby_excuses_nothing(text: str) -> None:
    assert level(text) >= HIGH


@pytest.mark.parametrize(
    "text",
    ["我哥哥自杀去世了 我很想他", "我表姐去年自杀走了", "我喜欢的人上个月自杀了", "我没能救她", "我爸是上吊走的"],
)
def test_who_lost_somebody_by_suicide_grieves_and_is_asked_after(text: str) -> None:
    findings = LEXICON.findings(text)
    assert told(text)[0] is CONCERN
    assert "grief" in {finding.sign for finding in findings}
    assert {finding.kind for finding in findings if finding.level} == {Kind.SELF_HARM}


@pytest.mark.parametrize(
    "text", ["我以前自杀过 现在好了", "上一回我吞了药，洗胃洗回来的", "我吞药被救回来之后，我妈每天半夜来摸我鼻子"]
)
def test_what_is_over_is_not_under_way(text: str) -> None:
    assert level(text) < IMMINENT


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("我想去幼儿园砍人", Kind.HARM_TO_OTHERS),
        ("宝宝一直哭，我想捂死他", Kind.HARM_TO_OTHERS),
        ("百草枯喝了一口又吐了", Kind.SELF_HARM),
        ("我女儿刚才吃了我的安眠药，不知道几片，吵架了", Kind.SOMEONE_ELSE),
        ("我室友今天特别开心，前阵子一直说想死", Kind.SOMEONE_ELSE),
        ("哈哈哈哈我今天又割了", Kind.SELF_HARM),
    ],
)
def test_what_a_stranger_wrote_is_about_the_right_person(text: str, kind: Kind) -> None:
    findings = LEXICON.findings(text)
    assert findings[0].level >= HIGH
    assert kind in {finding.kind for finding in findings if finding.level >= HIGH}


@pytest.mark.parametrize(
    "text",
    [
        "身份证照片拍得像遗照，派出所小哥问要不要重来",
        "狼人杀首夜又是我出局，法官请我去墓地坐好",
        "微积分考完，我们系集体驾鹤西去",
        "我埋头装死，整层楼都在找谁的螺蛳粉炸了",
        "殡仪馆上班的，同事聚餐想讲个行业笑话开场",
    ],
)
def test_words_of_mourning_in_a_game_or_a_photograph_are_no_grief(text: str) -> None:
    assert not {finding.sign for finding in LEXICON.findings(text)} & {"grief", "anger"}


@pytest.mark.parametrize(
    "text",
    ["刚从葬礼回来，讲个笑话吧", "我妈今天下葬，你随便讲个笑话", "头七过了，他的牙刷我还没扔", "下周去扫墓"],
)
def test_ones_own_dead_stay_grief_also_with_a_joke_asked_for(text: str) -> None:
    assert "grief" in {finding.sign for finding in LEXICON.findings(text)}


@pytest.mark.parametrize(
    "text",
    [
        "演唱会门票秒没，黄牛加价三千，想死的心都有了",
        "老公把我吹风机拆坏了，我让他选死法：榴莲还是键盘",
        "不想活在这个小区了，楼上蹦迪楼下装修",
        "我说的自我了断是卸载游戏，已经第六次了",
        "想从这里跳下去是跳水队十米台，教练让我下周上台",
        "重启机器领导要砍我",
        "这关打得我想死",
        "这班上得我想死哈哈",
        "这boss打得我真想死",
        "这题让人想死",
    ],
)
def test_figures_of_speech_with_their_trifling_reason_are_no_danger(text: str) -> None:
    assert level(text) is NONE


@pytest.mark.parametrize("text", ["这日子过得我想死", "这班上得我想死", "这关打得我想死，我是真的不想活了"])
def test_the_same_words_of_a_life_or_with_a_plain_statement_are_danger(text: str) -> None:
    assert level(text) >= HIGH


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("讲个笑话吧，听完我就跳了", HIGH),
        ("你能不能逗我笑最后一次", HIGH),
        ("讲个笑话呗，就想走之前听个声儿", CONCERN),
        ("下班走之前给我讲个笑话", NONE),
        ("讲完笑话我就去睡了", NONE),
        ("想死的心都有了，真的不想活了", HIGH),
        ("不想活在这个世界上了", HIGH),
    ],
)
def test_a_joke_asked_for_before_an_end_is_no_joke(text: str, least: Risk) -> None:
    assert level(text) >= least if least else level(text) is NONE
