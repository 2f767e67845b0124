"""What a bit may not carry, joke or not: ways to reach somebody, known by their form; talk of doing without one's
medicine, and words to the model that is shown it, known by the rules in knowledge/risk/screening."""

from __future__ import annotations

import re
from pathlib import Path

from psylite_pipeline.risk.rules.files import read_rulebook
from psylite_pipeline.risk.rules.lexicon import Lexicon

_FORMS = {
    "a web address": re.compile(
        r"https?://|(?<![a-z0-9])www\."
        r"|[a-z0-9-]{2,}\.(?:com|net|org|info|example|shop|app|io|cn|co\.[a-z]{2})(?![a-z0-9])",
        re.I,
    ),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.\w"),
    # Seven digits in groups of which one has three or more; written together only what begins like a number to dial.
    # Years, dates and thousands are none.
    "a telephone number": re.compile(
        r"(?<![\d.,])(?!(?:19|20)\d\d\b|[1-9]\d{0,2}(?: \d{3})+(?!\d))(?=[\d\s().-]*\d{3})"
        r"(?=(?:[\s().-]*\d){7})\+?\(?\d+(?:[\s().-]{1,2}\d+)+(?![\d,])"
        r"|(?<!\d)(?:\+\d{7,15}|1[3-9]\d{9}|0\d{8,10})(?!\d)"
        r"|(?:电话|電話|热线|熱線|拨打|撥打|微信|QQ|\bvx|\bcall|\bring|\bdial)\D{0,6}\d{5,}",
        re.I,
    ),
    # As written: the rules see neither a colon nor what stands before a word.
    "a line in the system's name": re.compile(
        r"(?:^|[^\w\s])\s*(?:system|系[统統](?:提示|消息)?)\s*[】\])>*]*\s*[:：]", re.I | re.M
    ),
    "a tag": re.compile(r"<[a-z/!?|]", re.I),
}


class UnfitWords:
    """Finds what a bit may not carry. Immutable; safe to share between threads."""

    def __init__(self, lexicon: Lexicon) -> None:
        """`lexicon` holds the rules: whatever it finds is unfit."""
        self.lexicon = lexicon

    @classmethod
    def load(cls, folder: Path) -> UnfitWords:
        """The rules in the TOML files of `folder`. Raises KnowledgeError naming file, rule and field."""
        return cls(Lexicon(*read_rulebook(folder)))

    def found(self, text: str) -> str:
        """What `text` carries that nobody should be shown, a form or the id of a rule; `""` where there is nothing."""
        for what, form in _FORMS.items():
            if form.search(text):
                return what
        # Line by line: folding a whole text joins letters that stand alone in lines.
        said = (finding for line in text.split("\n") for finding in self.lexicon.findings(line))
        return next((finding.rule for finding in said), "")
