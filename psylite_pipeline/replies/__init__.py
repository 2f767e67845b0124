"""What is said without a model: crisis stages, refusals, helplines, notices. Texts are data in knowledge/replies."""

from __future__ import annotations

from psylite_pipeline.replies.book import LANGUAGES, Replies
from psylite_pipeline.replies.crisis import JOINT
from psylite_pipeline.replies.crisis_texts import Stage
from psylite_pipeline.replies.helplines import PLACES, REGIONS, Helpline, Helplines
from psylite_pipeline.replies.last_resort import last_resort
from psylite_pipeline.replies.notices import Notice

__all__ = [
    "JOINT",
    "LANGUAGES",
    "PLACES",
    "REGIONS",
    "Helpline",
    "Helplines",
    "Notice",
    "Replies",
    "Stage",
    "last_resort",
]
