"""Refusals, the direct question, the support line and the notices of one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psylite_pipeline.replies.crisis import CRISIS_KINDS, one_paragraph
from psylite_pipeline.replies.tables import StrictTable, read_toml

NOTICES = (
    "model_away",
    "model_missing",
    "model_slow",
    "model_cut",
    "model_empty",
    "held_back",
    "held_back_support",
    "image_only",
    "image_unseen",
    "empty_turn",
    "ai_reminder",
    "task_title",
    "status_loading",
    "status_thinking",
    "status_slow",
    "snippet_summary",
    "standin",
    "banner",
)
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `concern` is keyed by kind and DEFAULT, `notices` by the names in NOTICES."""

    decline: tuple[str, ...]
    support: str
    here: str
    concern: Mapping[str, str]
    notices: Mapping[str, str]

    @classmethod
    def load(cls, path: Path) -> Words:
        """Read words.<language>.toml. Raises KnowledgeError naming file, table, field and the cure."""
        table = read_toml(path)
        table.only("decline", "support", "here", "concern", "notice")
        concern, notice = table.table("concern"), table.table("notice")
        kinds = (DEFAULT, *(kind.value for kind in CRISIS_KINDS))
        concern.only(*kinds)
        notice.only(*NOTICES)
        return cls(
            decline=tuple(one_paragraph(table, "decline", text) for text in table.strings("decline")),
            support=_text(table, "support"),
            here=_text(table, "here"),
            concern={kind: _text(concern, kind) for kind in kinds},
            notices={name: _text(notice, name) for name in NOTICES},
        )


def _text(table: StrictTable, field: str) -> str:
    return one_paragraph(table, field, table.text(field))
