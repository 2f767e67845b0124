"""PsyLite pipeline: judges every turn of a counselling talk, then answers it. Start with `counsellor.Counsellor`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psylite_pipeline.conversation import Conversation, Turn
    from psylite_pipeline.counsellor import Counsellor
    from psylite_pipeline.decision import Decision, Kind, Risk, Route, Scores
    from psylite_pipeline.errors import PsyLiteError
    from psylite_pipeline.opening import open_counsellor
    from psylite_pipeline.pieces import Source, Status, Thought, Words
    from psylite_pipeline.settings import Preferences, Settings

# Imported at first use: a part of the stack that needs none of the core should not wait a second for all of it.
_HOMES = {
    "Conversation": "conversation",
    "Counsellor": "counsellor",
    "Decision": "decision",
    "Kind": "decision",
    "Preferences": "settings",
    "PsyLiteError": "errors",
    "Risk": "decision",
    "Route": "decision",
    "Scores": "decision",
    "Settings": "settings",
    "Source": "pieces",
    "Status": "pieces",
    "Thought": "pieces",
    "Turn": "conversation",
    "Words": "pieces",
    "open_counsellor": "opening",
}

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
    "Source",
    "Status",
    "Thought",
    "Turn",
    "Words",
    "open_counsellor",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
