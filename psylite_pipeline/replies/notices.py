"""The notices: short sentences when something breaks, takes long, or belongs under an answer. A new one begins here;
its words go into words.<language>.toml, under [notice], where it is asked for by name."""

from __future__ import annotations

from enum import StrEnum

_AWAY = (
    "我现在没法好好回答，请过一会儿再试。着急的话，请找身边信得过的人，"
    "或拨打 12356；危急时拨 110、120。\n"
    "I cannot answer properly right now; please try again in a little while. If it is urgent, turn to somebody "
    "you trust, to findahelpline.com, or to your local emergency number."
)
_HELD_BACK = (
    "我刚才起草的话里有不合适的内容，我把它收住了。这不是你的错。你可以换个说法再问一次，"
    "也请和一个信得过的人聊聊。\n"
    "My draft was not fit to say, so I stopped it. It is not your fault. Please ask again in other words, and talk to "
    "somebody you trust."
)
_BANNER = (
    "回答要是迟迟不来，难受的时候请打 12356；危急时拨 110、120。\n"
    "If an answer doesn't come, findahelpline.com lists lines to call; in danger, call your local emergency number."
)
_WAIT = "请稍候 · One moment"


class Notice(StrEnum):
    """One notice. `last`: what is said in its place, in both languages, where no file can be read; "" where it only
    stands under an answer. `appended`: it may stand under words of the model, and is taken out of what the model reads
    again of the talk, lest it learn to say it."""

    last: str
    appended: bool

    def __new__(cls, name: str, last: str = _AWAY, appended: bool = False) -> Notice:
        notice = str.__new__(cls, name)
        notice._value_, notice.last, notice.appended = name, last, appended
        return notice

    MODEL_AWAY = "model_away"
    MODEL_MISSING = "model_missing"
    MODEL_SLOW = "model_slow"
    MODEL_CUT = "model_cut", _AWAY, True
    MODEL_EMPTY = "model_empty"
    HELD_BACK = "held_back", _HELD_BACK, True
    HELD_BACK_SUPPORT = "held_back_support", _HELD_BACK, True
    IMAGE_ONLY = "image_only"
    IMAGE_UNSEEN = "image_unseen", "", True
    READ_IN_PART = "read_in_part", "", True
    EMPTY_TURN = "empty_turn"
    AI_REMINDER = "ai_reminder", "", True
    STANDIN = "standin", "", True
    TASK_TITLE = "task_title", "新对话"
    STATUS_LOADING = "status_loading", _WAIT
    STATUS_THINKING = "status_thinking", _WAIT
    STATUS_SLOW = "status_slow", _WAIT
    SNIPPET_SUMMARY = "snippet_summary", "相声一段"
    BANNER = "banner", _BANNER
