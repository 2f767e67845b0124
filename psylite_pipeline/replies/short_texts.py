"""Refusals, the direct question, the support line and the notices of one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psylite_pipeline.replies.crisis_texts import CRISIS_KINDS
from psylite_pipeline.replies.helplines import PLACEHOLDERS
from psylite_pipeline.replies.notices import Notice
from psylite_pipeline.replies.tables import read_table

DEFAULT = "default"
# The places whose numbers do not say whose they are; "undecided": the mainland's, where not even the script told.
_ELSEWHERE = ("mainland", "undecided", "taiwan_hong_kong")


@dataclass(frozen=True, slots=True)
class ShortTexts:
    """One language. `elsewhere` is keyed by the place of the numbers, `concern` by kind and DEFAULT, `notices` by
    Notice."""

    decline: tuple[str, ...]
    support: str
    support_young: str
    support_other: str
    here: str
    elsewhere: Mapping[str, str]
    concern: Mapping[str, str]
    notices: Mapping[str, str]

    @classmethod
    def load(cls, path: Path) -> ShortTexts:
        """Read words.<language>.toml. Raises KnowledgeError naming file, table, field and the cure."""
        table = read_table(path)
        table.only("decline", "support", "support_young", "support_other", "here", "elsewhere", "concern", "notice")
        elsewhere, concern, notice = (table.table(name) for name in ("elsewhere", "concern", "notice"))
        support = table.paragraph("support", PLACEHOLDERS)

        def else_support(name: str) -> str:
            return table.paragraph(name, PLACEHOLDERS) if name in table else support

        kinds = (DEFAULT, *(kind.value for kind in CRISIS_KINDS))
        elsewhere.only(*_ELSEWHERE)
        concern.only(*kinds)
        notice.only(*Notice)
        return cls(
            decline=table.paragraphs("decline", PLACEHOLDERS),
            support=support,
            support_young=else_support("support_young"),
            support_other=else_support("support_other"),
            here=table.paragraph("here", PLACEHOLDERS),
            elsewhere={
                place: elsewhere.paragraph(place if place in elsewhere else "mainland", ()) for place in _ELSEWHERE
            },
            concern={kind: concern.paragraph(kind, PLACEHOLDERS) for kind in kinds},
            notices={name: notice.paragraph(name, PLACEHOLDERS) for name in Notice},
        )
