"""The staged talk of a crisis, as tests speak it and read it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.replies import JOINT, Replies, Stage
from psylite_pipeline.replies.crisis_texts import Variant

STAGED = ("zh-Hans", "zh-Hant", "en")


def speak(
    replies: Replies,
    turns: list[Risk],
    *,
    lang: str,
    kind: Kind,
    seed: int = 0,
    region: str = "auto",
    told: Collection[Told] = (),
    after: Sequence[str] = (),
) -> list[str]:
    """A scripted talk: what is said at each turn, each seeing what was said before, and `after` what."""
    said = list(after)
    for number, risk in enumerate(turns, seed):
        said.append(replies.crisis(kind=kind, risk=risk, lang=lang, region=region, said=said, seed=number, told=told))
    return said[len(after) :]


def variant_of(replies: Replies, text: str, lang: str) -> Variant:
    """The variant whose question ends `text`."""
    found = [v for v in replies.crisis_texts.variants[lang] if text.endswith(JOINT + v.question)]
    assert len(found) == 1, text
    return found[0]


def stage_of(replies: Replies, text: str, lang: str) -> Stage:
    """The stage whose question ends `text`."""
    return variant_of(replies, text, lang).stage
