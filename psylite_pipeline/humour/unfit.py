"""What a bit may not carry, joke or not: ways to reach somebody, talk of doing without one's medicine, and words to the
model that is shown it."""

from __future__ import annotations

import re

from psylite_pipeline.risk.normalise import normalise

_WEB = re.compile(
    r"https?://|(?<![a-z0-9])www\."
    r"|[a-z0-9-]{2,}\.(?:com|net|org|info|example|shop|app|io|cn|co\.[a-z]{2})(?![a-z0-9])",
    re.I,
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w")
# Seven digits in groups of which one has three or more; written together only what begins like a number to dial. Years,
# dates and thousands are none.
_PHONE = re.compile(
    r"(?<![\d.,])(?!(?:19|20)\d\d\b|[1-9]\d{0,2}(?: \d{3})+(?!\d))(?=[\d\s().-]*\d{3})"
    r"(?=(?:[\s().-]*\d){7})\+?\(?\d+(?:[\s().-]{1,2}\d+)+(?![\d,])"
    r"|(?<!\d)(?:\+\d{7,15}|1[3-9]\d{9}|0\d{8,10})(?!\d)"
    r"|(?:电话|電話|热线|熱線|拨打|撥打|微信|QQ|\bvx|\bcall|\bring|\bdial)\D{0,6}\d{5,}",
    re.I,
)
_MEDICINE_EN = (
    r"(?:insulin|anti-?depressants?|medicines?|medication|meds|lithium|prozac|sertraline|pills|chemo\w*|inhaler|statins?"
    r"|antibiotics?|warfarin|blood thinners|prescriptions?)"
)
_MEDICINE_ZH = r"(?:药(?![店房铺膳材罐箱]|不对)|藥(?![店房鋪膳材罐箱]|不對)|胰岛素|胰島素|化疗|化療|透析)"
_WITHOUT_MEDICINE = re.compile(
    rf"\b(?:stop(?:s|ped|ping)?|quit|(?:come|came|get|got|go|went|are|am|i'?m) off|skip(?:ped)?|"
    rf"thr(?:ow|ew) (?:away|out)|flush(?:ed)?|(?:do not|don['’]?t|doesn['’]?t|no) (?:need|longer need)|instead of)\b"
    rf"[^.!?\n]{{0,30}}\b{_MEDICINE_EN}\b"
    rf"|\b{_MEDICINE_EN}\b[^.!?\n]{{0,20}}\b(?:in the bin|down the (?:toilet|drain))\b"
    rf"|(?:停|断|斷|不吃|别吃|別吃|不用吃|甭吃|扔|戒)(?:了|掉|下|)[^，。！？,.!?\n]{{0,4}}{_MEDICINE_ZH}"
    rf"|{_MEDICINE_ZH}[^，。！？,.!?\n]{{0,4}}(?:停了|停掉|断了|斷了|扔了|不吃了|别吃了|別吃了|不用吃|甭吃)",
    re.I,
)


# What is said to the model, or of the person it talks with: a hotline of a radio show is none, "drop the hotline" is.
# Rather too often than too seldom: it costs a bit.
_NOT_ZH = (
    r"(?:不要|不许|不准|不得|不必|不用|不应|不该|不能|不再|无需|无须|甭|勿|禁止|停止|避免"
    r"|(?<![特分区级性差])别(?![人的墅处致]))"
)
_DROP_ZH = rf"(?:忽略|无视|跳过|关闭|绕过|解除|停用|取消|覆盖|忘记|忘掉|{_NOT_ZH})"
_HELP_ZH = r"(?:热线|求助电话|援助电话|心理援助|危机(?!感|公关|意识))"
_NOT_EN = (
    r"(?:do not|don['’]?t|never|stop|avoid|without|not to|no need to|must not|should(?: not|n['’]?t)|refrain from)"
)
_DROP_EN = r"(?:ignore|disregard|forget|override|bypass|disable|skip|turn off|no need for|no more)"
_HELP_EN = r"(?:hot ?lines?|help ?lines?|life ?lines?|crisis (?:line|team|service|number)s?|samaritans)"
_INSTRUCTION = re.compile(
    r"(?<!拨打的)(?<!拨的)(?<!亲爱的)(?<!尊敬的)用户(?!名|协议|关系|体验|手册|密码|数|正忙|不在|暂时|已关机|您好)"
    r"|(?:来访者|求助者|咨询者|提问者)[^。！？\n]{0,8}(?:安全|危险|风险|危机)"
    rf"|{_DROP_ZH}[^，。！？,\n]{{0,12}}{_HELP_ZH}"
    rf"|{_HELP_ZH}[^，。！？\n]{{0,8}}{_NOT_ZH}再?(?:提|说|打|拨|给|用|出现|推荐|回应)"
    r"|危机(?:回应|响应|干预|评估|处理|协议|流程|模式|资源)"
    rf"|{_DROP_ZH}[^。！？\n]{{0,8}}(?:安全|风险)(?:回应|响应|评估|提示|规则|协议|过滤|限制|策略|模式|措施)"
    rf"|{_DROP_ZH}[^。！？\n]{{0,6}}(?:以上|之前|前面|上面|先前|上述|系统|所有|一切)[^。！？\n]{{0,6}}"
    r"(?:指令|指示|提示|规则|设定|命令|要求)"
    r"|(?<![a-z])(?:助手|语言模型|大模型|人工智能|ai)[^，。！？\n]{0,4}"
    r"(?:必须|务必|应当|不得|禁止|不许|不准|不应|不要(?!钱)|只能|只许)"
    r"|(?:助手|语言模型)应该|提示词|系统(?:指令|设定)|^\s*系统(?:提示|消息)?\s*[:：]"
    r"|\b(?:the|this|that|our) user\b(?![ '’-]*(?:s? ?manual|s? ?guide|agreement|name|experience|interface))"
    r"|\buser (?:is|isn['’]?t|has|does|doesn['’]?t|was|says|said|needs|wants|may|should|must|will|can)\b"
    r"|\bthe (?:client|patient|visitor) (?:is|isn['’]?t)\b[^.!?\n]{0,20}\b(?:safe|risk|danger|crisis)\b"
    rf"|\b{_NOT_EN} (?:\w+ ){{0,3}}?(?:mention|giv|offer|show|suggest|call|ring|dial|bring|talk|refer|list|recommend"
    rf"|provid|includ|nam|us)[a-z]*\b[^.!?\n]{{0,30}}\b{_HELP_EN}\b"
    rf"|\b{_DROP_EN}\b[^.!?\n]{{0,20}}\b{_HELP_EN}\b"
    rf"|\b{_HELP_EN} (?:\w+ ){{0,2}}?(?:need not|(?:must|should|may) not|not be|(?:is|are) (?:not needed|needless))\b"
    r"|\bcrisis (?:response|protocol|intervention|assessment|resource|message|mode)s?\b"
    rf"|\b(?:{_DROP_EN}|{_NOT_EN})\b[^.!?\n]{{0,20}}"
    r"\bsafety (?:response|protocol|check|message|rule|guideline|filter|mode|assessment|instruction)s?\b"
    rf"|\b{_DROP_EN}\b[^.!?\n]{{0,15}}\b(?:previous|above|prior|earlier|system|all|your)\b[^.!?\n]{{0,15}}"
    r"\b(?:instructions?|prompts?|rules|guidelines|directives|programming)\b"
    r"|\b(?:the|an?|this) (?:assistant|ai|language model|chatbot|counsellor|therapist) "
    r"(?:must|shall|should|is to|may not|needs to|has to|never|will (?:not|never))\b"
    r"|\byou are now\b[^.!?\n]{0,30}\b(?:ai|assistant|language model|chatbot)\b"
    r"|\bsystem (?:prompt|message|instruction)s?\b|^\s*system\s*:",
    re.I | re.M,
)


def unfit(text: str) -> str:
    """What `text` carries that nobody should be shown; `""` where there is nothing."""
    for what, pattern in (
        ("a web address", _WEB),
        ("an e-mail address", _MAIL),
        ("a telephone number", _PHONE),
        ("doing without medicine", _WITHOUT_MEDICINE),
    ):
        if pattern.search(text):
            return what
    # As written, line by line, and folded: traditional letters, and words spelled with spaces.
    if any(_INSTRUCTION.search(said) for said in (text, *map(normalise, text.split("\n")))):
        return "an instruction to the model"
    return ""
