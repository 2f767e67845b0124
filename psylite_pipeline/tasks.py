"""The host's background tasks: titles, follow-ups, completions. What of a result people read, what stands for one."""

from __future__ import annotations

import json
from contextlib import suppress

#: What a background task gets whose text speaks of danger, or whose result is not fit to be shown: the form that the
#: host parses, and nothing of the talk.
_NEUTRAL_TASKS = {
    "title_generation": '{"title": "%s"}',
    "tags_generation": '{"tags": []}',
    "follow_up_generation": '{"follow_ups": []}',
    "query_generation": '{"queries": []}',
    "autocomplete_generation": '{"text": ""}',
    "image_prompt_generation": '{"prompt": ""}',
    "emoji_generation": "💬",
    "function_calling": '{"tool_calls": []}',
}

#: The tasks that are nobody's turn, as Open WebUI names them. Any other name is judged as a person's turn.
BACKGROUND_TASKS = frozenset(_NEUTRAL_TASKS)

#: Characters of a background task's result, reasoning included: many times what titles, follow-ups or a call need.
MOST_TASK_CHARS = 8000


def neutral_result(task: str, title: str) -> str:
    """What a background task gets in place of a model's words; `title` where a title or plain text is wanted."""
    return _NEUTRAL_TASKS.get(task, "%s").replace("%s", title)


def as_people_read(result: str) -> str:
    """A background task's result as people will read it, each text of its JSON on a line of its own, below it as it
    came: what is escaped there is not read as words, and neighbours must not excuse each other."""
    lines = [result]
    with suppress(ValueError, RecursionError):
        left: list[object] = [json.loads(result[result.find("{") : result.rfind("}") + 1])]
        while left:
            one = left.pop()
            left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            lines += [one] if isinstance(one, str) else []
    return "\n".join(reversed(lines))
