"""The messages that go to the model, fitted to its window. Ollama cuts silently; we cut knowingly, from the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psylite_pipeline.conversation import Conversation, Turn
from psylite_pipeline.decision import Decision, Risk, Route
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import read_toml
from psylite_pipeline.model import ANSWER_SHARE, Message
from psylite_pipeline.risk import judge
from psylite_pipeline.settings import Preferences
from psylite_pipeline.text import ends_of, fenced

# The numbers below are chosen, not measured; so is ANSWER_SHARE.

#: One part in so many of the rest is the talk's, whatever else there is: 955 tokens of the default window. A turn of
#: knowledge/risk/turns has 30 in the median, one in a hundred more than 103.
_TALK_PART = 3

#: Characters of the host's own system text that are passed on: some people keep pages there.
MAX_NOTE = 1500

#: Tokens below which a text is not shortened any further, about a sentence, and what stands where its middle was.
_SHORTEST, _CUT = 32, "\n……\n"

#: Which line recalls what was left out, by the worst level in it.
_MEMORY = {
    Risk.NONE: "earlier_none",
    Risk.CONCERN: "earlier_concern",
    Risk.HIGH: "earlier_high",
    Risk.IMMINENT: "earlier_high",
}

# What is said when the prompt files are broken: worse than the files, but never dangerous. Each of these parts must
# stand in them.
_LAST_RESORT = {
    "counselling": "You are PsyLite, an AI companion, not a doctor. Listen first, be brief and kind. Answer in the "
    "language of the person. 你是 PsyLite，人工智能，不是医生。先倾听，简短而温和，用对方的语言回答。",
    "care": "The person may be at risk. Be gentle and brief, do not joke, encourage them to reach somebody they trust.",
    "care_lines": "End your answer with these lines, word for word:",
    "humour": "",
    "humour_asked": "",
    "humour_told": "",
    "humour_refused": "",
    "earlier": "({earlier})",
    "earlier_none": "",
    "earlier_concern": "worrying thoughts were spoken of earlier",
    "earlier_high": "wanting to die or doing harm was spoken of earlier",
    "host_note": "",
}


@dataclass(frozen=True, slots=True)
class Prompts:
    """The texts of knowledge/prompts by language (`zh`, `en`), and what the second judge is asked."""

    texts: Mapping[str, Mapping[str, str]]
    judge: str

    @classmethod
    def load(cls, folder: Path) -> Prompts:
        """Read `zh.toml`, `en.toml` and `judge.toml`. Raises KnowledgeError naming file and field."""
        texts = {language: _read(folder / f"{language}.toml", _LAST_RESORT) for language in ("zh", "en")}
        return cls(texts, _read(folder / "judge.toml", ("instruction",))["instruction"])

    def of(self, language: str) -> Mapping[str, str]:
        """The texts for a language as `language_of` names it."""
        return self.texts["en" if language in {"en", "other"} else "zh"]

    def care_lines(self, lines: Sequence[str], language: str) -> list[str]:
        """The lines for another model to end its answer with, and what it shall do with them."""
        return [self.of(language)["care_lines"], *lines] if lines else []

    def humour(self, decision: Decision, snippet: str | None, preferences: Preferences, language: str) -> str:
        """What is said of a joke: the fenced snippet, under HUMOUR, and what to do with it, or that one was asked for
        and none may be told. Who asked reads the snippet below the answer, or is told it where the valve hides it."""
        texts = self.of(language)
        if decision.joke == "refused":
            return texts["humour_refused"]
        if decision.route is not Route.HUMOUR or not snippet:
            return ""
        part = ("humour_asked" if preferences.show_snippet else "humour_told") if decision.joke else "humour"
        return texts[part].replace("{snippet}", fenced(snippet))

    @classmethod
    def last_resort(cls) -> Prompts:
        """Texts held in code, for when the files cannot be read."""
        return cls({"zh": _LAST_RESORT, "en": _LAST_RESORT}, judge.LAST_RESORT)


def _read(path: Path, parts: Iterable[str]) -> Mapping[str, str]:
    table = read_toml(path)
    for part in parts:
        if not isinstance(table.get(part), str):
            raise KnowledgeError(f"{path}: `{part}` is missing or is not text.")
    return {part: table[part].strip() for part in parts}


def tokens(text: str) -> int:
    """An estimate of a text's tokens: one for each character beyond ASCII, one for each three of ASCII."""
    ascii_count = sum(1 for letter in text if letter < "\x80")
    return (len(text) - ascii_count) + (ascii_count + 2) // 3 + 4


def build(
    prompts: Prompts,
    conversation: Conversation,
    *,
    route: Route,
    language: str,
    humour: str = "",
    num_ctx: int,
    worst_of: Callable[[Sequence[str]], Risk],
) -> list[Message]:
    """System text, then as many of the last turns as fit, the person's last turn always among them.

    `humour`, see `Prompts.humour`, is left out of a window too small for it; the host's own system text is
    shortened. `worst_of` gives the worst level of the turns that had to be left out, which is told in one line. The
    result is estimated to stay within `(1 - ANSWER_SHARE) * num_ctx` tokens.
    """
    texts = prompts.of(language)
    budget = int(num_ctx * (1 - ANSWER_SHARE))
    memory = {part: texts["earlier"].replace("{earlier}", texts[part]) for part in _MEMORY.values()}
    spare = budget - budget // _TALK_PART - max(map(tokens, memory.values()))
    parts = [texts["counselling"]]
    added = texts["care"] if route is Route.SUPPORT else humour
    if added and (route is Route.SUPPORT or tokens(added) <= spare - tokens(parts[0])):
        parts.append(added)
    spare -= sum(map(tokens, parts))
    note_room = spare - tokens(texts["host_note"])
    if conversation.system and texts["host_note"] and note_room >= _SHORTEST:
        note = _shorten(conversation.system[:MAX_NOTE], note_room)
        parts.append(texts["host_note"].replace("{note}", fenced(note)))
    room = budget - sum(map(tokens, parts)) - max(map(tokens, memory.values()))
    turns = _alternating(conversation.turns)
    kept, left_out = _fit(turns, room)
    if left_out:
        worst = worst_of([turn.text for turn in turns[:left_out] if turn.speaker == "user"])
        parts.append(memory[_MEMORY[worst]])
    return [{"role": "system", "content": "\n\n".join(part for part in parts if part)}, *kept]


def task_messages(conversation: Conversation, num_ctx: int) -> list[Message]:
    """The messages of a background task, as the host wrote them, fitted to the window."""
    room = int(num_ctx * (1 - ANSWER_SHARE))
    system = [{"role": "system", "content": _shorten(conversation.system, room // 2)}] if conversation.system else []
    turns = [replace(turn, text=turn.raw) for turn in conversation.turns]
    kept, _ = _fit(turns, room - sum(tokens(message["content"]) for message in system))
    return [*system, *kept]


def _fit(turns: Sequence[Turn], room: int) -> tuple[list[Message], int]:
    """The last turns that fit `room` tokens, in order, and how many were left out before them.

    The person's last turn stays in any case, shortened if need be, and so does an answer that follows it.
    """
    kept: list[Message] = []
    for turn in reversed(turns):
        continues = not kept and turn.speaker == "assistant"  # an answer to be continued leaves half to what it answers
        allowed = room // 2 if continues else room
        text = turn.text
        if tokens(text) > allowed:
            if len(kept) > 1 or any(message["role"] == "user" for message in kept):
                break
            text = _shorten(text, allowed)
        kept.append({"role": turn.speaker, "content": text})
        room -= tokens(text)
    while 1 < len(kept) < len(turns) and kept[-1]["role"] == "assistant":
        kept.pop()  # a window that opens with an answer to nothing confuses small models
    kept.reverse()
    return kept, len(turns) - len(kept)


def _shorten(text: str, room: int) -> str:
    """Head and tail of `text` within `room` tokens. People put the question first or last."""
    room = max(room, _SHORTEST)
    if tokens(text) <= room:
        return text
    most = max(int(len(text) * (room - 16) / tokens(text)), 16)
    while most > 16 and tokens(ends_of(text, most, _CUT)) > room:  # one end may be denser than the whole
        most = most * 9 // 10
    return ends_of(text, most, _CUT)


def _alternating(turns: Sequence[Turn]) -> list[Turn]:
    """Turns from the person's first on, without empty ones, neighbours joined: some templates refuse anything else."""
    joined: list[Turn] = []
    for turn in turns:
        if not turn.text.strip() or (not joined and turn.speaker == "assistant"):
            continue
        if joined and joined[-1].speaker == turn.speaker:
            text = f"{joined[-1].text}\n{turn.text}"
            joined[-1] = Turn(turn.speaker, text, text)
        else:
            joined.append(turn)
    return joined
