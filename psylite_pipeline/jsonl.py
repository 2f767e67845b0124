"""`psylite decide`: one judgement for each JSON line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.decision import Decision
from psylite_pipeline.settings import Preferences

# What a message holds: hosts send one without content where it has a call or a picture.
_HOLDS = frozenset({"content", "tool_calls", "function_call", "images"})


def decide_lines(lines: Iterable[str], counsellor: Counsellor, preferences: Preferences) -> Iterator[dict[str, Any]]:
    """One object for each line that is not blank, in order: the decision, or `{"error": …}` with the number of a line
    that cannot be read."""
    for number, line in enumerate(lines, 1):
        line = line.removeprefix("\ufeff") if number == 1 else line  # some editors put a mark at the beginning
        if not line.strip():
            continue
        try:
            line.encode()
        except UnicodeEncodeError:
            yield {"error": f"line {number}: not UTF-8."}
            continue
        try:
            body = json.loads(line)
        except (ValueError, RecursionError):
            yield {"error": f"line {number}: not JSON."}
            continue
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            yield {"error": f'line {number}: must be an object with a list "messages".'}
            continue
        if not all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in body["messages"]):
            yield {"error": f'line {number}: every message must be an object with a "role".'}
            continue
        if not all(_HOLDS & message.keys() for message in body["messages"]):
            yield {"error": f'line {number}: every message must have a "content".'}
            continue
        if not all(isinstance(message.get("content"), str | list | dict | None) for message in body["messages"]):
            yield {"error": f"line {number}: the content of a message must be a text, or a list of parts."}
            continue
        yield as_json(counsellor.decide(Conversation.from_body(body), preferences))


def as_json(decision: Decision) -> dict[str, Any]:
    """A decision as `psylite decide` prints it. `humour_fit`, how well a joke fits, stands among the scores, too."""
    return {
        "route": decision.route.value,
        "risk": decision.risk.label,
        "kind": decision.kind.value if decision.kind else None,
        "humour_fit": round(decision.scores.humour, 4),
        "snippets": list(decision.snippets),
        "rules": list(decision.rules),
        "scores": {
            "risk": round(decision.scores.risk, 4),
            "harmful_request": round(decision.scores.harmful_request, 4),
            "humour": round(decision.scores.humour, 4),
        },
        "ms": round(decision.milliseconds, 3),
    }
