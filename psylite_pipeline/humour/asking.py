"""What a turn that asks for a joke asks for: about what, about what not, or one more; and who wants none."""

from __future__ import annotations

import re

from psylite_pipeline.embedding import MAX_CHARACTERS
from psylite_pipeline.text import LAUGHTER, amount_said, simplified

#: Characters of a turn that asks for one more and for nothing else: chosen, not measured; more words say more.
LONGEST_MORE = 40

_GENRE = r"(?:笑话|段子|相声|脱口秀|谐音梗)"
_GENRE_EN = r"(?:jokes?|puns?|riddles?|limericks?)"
# That a joke is asked for, if anything is: what the rules in *_signs.toml look for is said around these words.
_JOKE = re.compile(
    rf"{_GENRE}|乐子|包袱|(?:好笑|搞笑|好玩|逗|冷|开心)的|逗(?:逗)?我|"
    rf"\b(?:{_GENRE_EN}|funny|one[- ]liners?|(?:make me|need a) (?:laugh|smile)|cheer me up|entertain me)\b",
    re.IGNORECASE,
)
_MEASURE = r"(?:一?[个段则点些]|[两几][个段则]|一些)"
_ENDS = r"[，,。.！!？?\n]"
# What it shall not be about.
_NOT = re.compile(
    r"(?:不要|别|不想听|不许|除了)(?:再|给我|讲|说|来|听|关于|有关|跟|和)*+(?P<zh>[^，,。.！!？?\s的]{1,8}?)(?:有关|相关)?"
    rf"(?:的{_GENRE}?|(?=以外|之外|都|什么都))"
    r"|\b(?:not|no|nothing|except|without|don['’]?t make it)\s+(?:(?:one|any|another|more|jokes?|anything)\s+)*+"
    r"(?:about|on|with|involving)\s+(?P<en>[^,.!?\n]{2,24})|\bno (?P<en_kind>[a-z]{3,15}) (?:jokes?|ones)\b",
    re.IGNORECASE,
)
_TOPIC = re.compile(
    rf"(?:关于|有关|跟|和|与)(?P<about>[^，,。.！!？?\n的]{{1,12}}?)(?:有关|相关)?的"
    rf"(?=小?冷?{_GENRE}|事|吗|有|没|吧|呗|呀|啊|嘛|{_ENDS}|$)"
    rf"|(?:[来讲说听整换要]|有没有|还有)(?:给我)?{_MEASURE}?+(?P<of>[^，,。.！!？?\n的]{{1,8}}?)的?(?:小|冷)?{_GENRE}"
    r"|\b(?:jokes?|ones?|puns?|something(?: funny)?|anything(?: funny)?|story|stories|riddles?|another|more)\s+"
    r"(?:about|on|with|involving)\s+(?P<on>[^,.!?\n]{2,30}?)"
    r"(?=\s+(?:please|pls|for|to|because|that|so|but)\b|[,.!?\n]|$)"
    r"|\b(?:an?|another|any|some|your|me|more|good)\s+"
    r"(?P<kind>[a-z][a-z'-]{1,15}(?:\s[a-z'-]{2,15})?)\s+(?:jokes?|puns?)\b",
    re.IGNORECASE,
)
# What kind of joke it shall be, which is no topic.
_KIND = re.compile(
    r"(?:很|最|更|特别|超级?|非常|有点|比较)?(?:好笑|好玩|搞笑|有趣|有意思|新|短.*|长.*|冷|不.*|轻松|开心|幽默|经典|简单|温柔|温暖|治愈|别|不一样|不同|其[他它]|好|逗|"
    r"可乐|适合.*|让.*|能.*|会.*|.*听过|一样|[我你他她它这那].*|什么.*|随便)"
    r"|(?:(?:a|an|the|really|very|your|some|more|good|funny|silly|dad|short|dumb|clean|new|quick|corny|bad|terrible|"
    r"cheesy|best|better|knock|different|another|nice|kid|kids|kid['’]s|friendly|little|long|great|random|any|gentle|light|"
    r"last|next|real|it|this|that|me|us|you|them|him|her|my life|myself|one|ones|same|old|first|other|"
    r"[a-z]+-friendly)\s?)+",
    re.IGNORECASE,
)
_PRAISE_ZH = (
    r"(?:(?:哈哈++|嘿嘿++|好[的啊呀听笑]?|不错|有意思|不够|没听够|行|可以|[太好]?冷死?[我了]*|一般般?|"
    r"(?:还是)?(?:不好笑|没笑|没懂)|就这(?:样|个)?|蛤|啊)[，,。！!？?～~\s]*)*+"
)
_PRAISE_EN = (
    r"(?:(?:a?ha(?:ha)++|lo+l|lmao|ok|not funny|(?:that['’]?s (?:a )?)?(?:good|great|nice|funny)(?: one)?)[,.! ]+)*+"
)
# Asking for one more, behind a word of praise or without: it asks for nothing unless something was just told. The
# possessive `++` and `*+` keep a storm of laughter linear.
_MORE = re.compile(
    rf"{_PRAISE_ZH}(?:给我|快|请|麻烦)?"
    rf"(?:(?:再|换|还要|还想听|下)(?:给我)?[来讲说听整换]?{_MEASURE}|[来讲说]一?[个段则]|再来|"
    rf"还有(?:吗|没有|没|别的吗)|(?:继续|接着)[讲说])(?:新的|别的|好笑的|(?:冷|小)?{_GENRE})?[吧呗呀啊嘛呢]*|"
    rf"{_PRAISE_EN}"
    r"(?:(?:tell|give) me |do |can i (?:have|get|hear) |(?:have you )?got (?:any )?|do you have (?:any )?)?"
    r"(?:another(?: (?:different )?(?:one|joke))?|(?:one )?more|(?:the )?next(?: one)?|again|a (?:different|new) one)"
    r"(?: please| pls)?",
    re.IGNORECASE,
)
# The same with a topic ("换个关于猫的", "got one about trains?"), which asks for nothing elsewhere either.
_OF = r"[^，,。.！!？?\n的我你您他她]"
_MORE_ABOUT = re.compile(
    rf"{_PRAISE_ZH}(?:给我|快|请|麻烦)?(?:"
    rf"(?:(?:再|换|还要|还想听|下)?(?:给我)?[来讲说听整换]?{_MEASURE}|(?:还|)有没有|还有)"
    rf"(?:关于|有关|跟|和|讲|说)?(?P<zh>{_OF}{{1,12}}?)(?:有关|相关)?的|"
    rf"(?:关于|有关|跟|和)(?P<zh_about>{_OF}{{1,12}}?)(?:有关|相关)?的(?:有|呢|吗|有没有)?|(?P<zh_bare>{_OF}{{1,6}})的(?:有|有没有)"
    rf"){_GENRE}?[吗嘛吧呗呀啊呢]*|"
    rf"{_PRAISE_EN}(?:"
    r"(?:(?:tell|give) me |can i (?:have|get|hear) |(?:have you |do you )?(?:got|have|know) |now )?"
    r"(?:any(?:thing)?|another(?: one)?|(?:a different )?one|some|more)(?: jokes?| ones?)? (?:about|with) "
    r"(?P<en>[^,.!?\n]{2,30}?)|"
    r"(?:what|how) about (?:some |a |an |one about |jokes about )?"
    r"(?P<en_what>(?!you|me|it\b|this|that|him|her|them|us\b|my)[a-z]{3,15}(?: [a-z]{3,15})?)(?: jokes?| ones?| one)?|"
    r"(?:tell me |do |give me |now )?(?:an?|another|any|some|got any) (?P<en_kind>[a-z]{3,15}) (?:one|ones|joke|jokes)|"
    r"(?P<en_bare>(?!yes|this|thanks|jokes|always|does|was|has|plus|unless|perhaps|sometimes|kids|tears|pills)[a-z]{3,12}s)(?=\?))"
    r"(?: please| pls)?\??",
    re.IGNORECASE,
)
_NONE = re.compile(
    rf"(?:不想|不要|不用|不需要|没心情|没兴趣|别)(?:再|给我|跟我)?[听讲说来看]?.{{0,2}}{_GENRE}(?![^，,。！!？?]*的)|"
    r"\b(?:no|no more|stop|enough|not in the mood for|(?:don['’]?t|do not) (?:want|need|tell me)(?: to hear)?) "
    r"(?:telling |with )?(?:me )?(?:a |any |your |the |these )?(?:jokes?|puns?)\b|"
    rf"我(?:也|来|就|再)?(?:给|跟)你(?:讲|说)|(?<!再)给你[讲说]一?个|我(?:自己|刚|刚刚)?(?:编|想|写|听|看|讲|说)(?:到|了|过)+一?[个段则]?.{{0,6}}{_GENRE}|"
    rf"(?:谢谢|感谢|多谢).{{0,8}}{_GENRE}|(?:刚才|昨天|上次|那)(?:的|个|那个|讲的)*{_GENRE}|"
    r"\b(?:let me tell you|i(?:['’]ve| have)? (?:got|made up|wrote|heard|know|have) (?:a|this|one)|"
    r"here['’]?s (?:a|my|one)|my own)\b.{0,20}\b(?:joke|one|pun|riddle)\b|"
    r"\bthank(?:s| you)\b.{0,16}\b(?:joke|laugh|funny)|\b(?:that|your|the last) (?:joke|one) (?:was|made|you)\b",
    re.IGNORECASE,
)


def more_of(text: str) -> str | None:
    """What `text` asks for one more of, right after something was told, if it says nothing else.

    Empty for whatever there is ("再来一个", "another one"), a topic ("换个关于猫的", "one about cats"), or None.
    """
    if len(text) > LONGEST_MORE:
        return None
    bare = simplified(text).strip(" ，,。.！!～~…\n")
    if _MORE.fullmatch(bare.strip("？?")):
        return ""
    found = _MORE_ABOUT.fullmatch(bare.replace("？", "?")) or _MORE_ABOUT.fullmatch(bare.strip("？?"))
    return found and _topic(next(filter(None, found.groupdict().values())))


def topic_of(text: str) -> str | None:
    """What a joke is asked to be about; empty where that is left open, None where none is asked for."""
    if (more := more_of(text)) is not None:
        return more
    text = _NOT.sub("，", simplified(text[:MAX_CHARACTERS]))
    if not _JOKE.search(text):
        return None
    named = (_topic(next(filter(None, found.groupdict().values()))) for found in _TOPIC.finditer(text))
    return next(filter(None, named), "")


def unwanted(text: str) -> tuple[str, ...]:
    """What a joke is asked not to be about, in the words that were said, English ones without the `s` at their end."""
    found = (next(filter(None, one.groupdict().values())) for one in _NOT.finditer(simplified(text[:MAX_CHARACTERS])))
    return tuple(one.removesuffix("s") for word in found if (one := _topic(word)))


def says_more(text: str) -> bool:
    """Whether a turn that asks for a joke says something beside that, which may be what it is asked against."""
    text = simplified(text[:MAX_CHARACTERS])
    others = [one for one in re.split(_ENDS, _NOT.sub("，", text)) if not _JOKE.search(one)]
    return bool(_JOKE.search(text)) and any(amount_said(LAUGHTER.sub("", one)) > 2 for one in others)


def wants_none(text: str) -> bool:
    """Whether the person wants no joke, tells one, or thanks for one: who listens, or is thanked, tells no other."""
    return _NONE.search(simplified(text[:MAX_CHARACTERS])) is not None


def _topic(words: str) -> str:
    words = re.sub(r"^(?:关于|有关|[跟和与])|(?:有关|相关)$", "", words.strip(" 个段则点些")).casefold()
    return "" if _KIND.fullmatch(words) else words
