"""PsyLite pipeline: judges every turn of a counselling talk, then answers it. Start with `counsellor.Counsellor`."""

from __future__ import annotations

from psylite_pipeline.conversation import Conversation, Turn
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.decision import Decision, Kind, Risk, Route, Scores
from psylite_pipeline.errors import PsyLiteError
from psylite_pipeline.model import Thought, Waiting, Words
from psylite_pipeline.opening import open_counsellor
from psylite_pipeline.settings import Preferences, Settings

__all__ = [
    "Conversation",
    "Counsellor",
    "Decision",
    "Kind",
    "Preferences",
    "PsyLiteError",
    "Risk",
    "Route",
    "Scores",
    "Settings",
    "Thought",
    "Turn",
    "Waiting",
    "Words",
    "open_counsellor",
]
