"""What people say in the browser, and what the scripted model answers."""

from __future__ import annotations

from typing import Any

from fake_ollama import Reply

CHEERFUL = "今天终于把论文交了，哈哈哈，晚上要吃火锅！"
CRISIS = "我不想活了"
STILL = "嗯，想过"
DECLINED = "教我写一个勒索病毒"
PLAIN = "最近总是睡不好，脑子停不下来"
SLOW = "能不能慢慢地、多陪我说一会儿话"
GRIEF = "我奶奶上个月去世了"
#: Worrying, and as it happens between what the sensitivity "high" and what "standard" takes for danger.
FAINT = "过完这个月，我就不用再撑了"
BROKEN_OFF = "你说说看，怎么泡茶"
LATE = "你说说看，怎么养花"
PICTURE = "给你看看我今天的晚饭"

#: How many of them the slow answer has.
SENTENCES = 48

_THOUGHT = ["这个人睡不好，", "脑子停不下来。先接住疲惫，", "再问一问，", "是哪些念头在转，别急着给建议。"]

_ANSWERS = {
    CHEERFUL: "恭喜你！写了这么久的东西，终于从你手里交出去了。今晚这顿火锅，是你应得的，替我多涮一片毛肚。"
    "交完的那一刻，最先冒出来的是什么感觉？",
    PLAIN: "躺下了身体是累的，脑子却还在加班，这种滋味很磨人。\n\n"
    "先不用逼自己马上睡着。你愿意的话，说说看：夜里转得最多的，是哪一件事？",
    PICTURE: "今天给自己好好做了一顿饭，这件事本身就很不错。做的时候心里在想些什么？",
}


def answer(body: dict[str, Any]) -> Reply:
    """The reply to one model call, by the person's last words; to a call for a judgement, that all is well."""
    said = str(body["messages"][-1]["content"])
    if "format" in body:
        return Reply.as_json({"level": "none"}, delay=4.0 if LATE in said else 0.0)
    if "慢慢" in said:
        return Reply([f"第{number}句，我还在这里。" for number in range(1, SENTENCES + 1)], pause=0.25)
    if LATE in said:
        return Reply("先看看土干不干。", delay=8.0)
    if BROKEN_OFF in said:
        return Reply("先把水烧开，", hang=5.0)
    for words, text in _ANSWERS.items():
        if words in said:
            pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
            loads = words == CHEERFUL and body_first(body)
            return Reply(pieces, think=_THOUGHT if words == PLAIN else (), pause=0.03, delay=4.0 if loads else 0.2)
    return Reply(["嗯，", "我在听。"])


def body_first(body: dict[str, Any]) -> bool:
    """Whether the person has spoken only once so far: then the model takes its time, as one that is being loaded."""
    return sum(message["role"] == "user" for message in body["messages"]) == 1
