"""The figures of a training run, each with its Wilson interval: classifier and lexicon together, one turn at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.decision import Risk
from psylite_pipeline.risk.classifier import HEADS
from psylite_pipeline.risk.score import banded
from psylite_pipeline.risk.turn_assessment import Thresholds
from psylite_pipeline.training.data import DENIALS
from psylite_pipeline.training.evaluate import ranking, share
from psylite_pipeline.training.features import Table

EVERYDAY = {"talk of every day, Chinese": "mood_zh_cped", "talk of every day, English": "mood_en_goemotions"}
COUNSELLING = ("counselling_zh_cpsycound_turns", "counselling_zh_smile_turns", "counselling_en_counselchat")
PSYSUICIDE = "crisis_zh_psysuicide_dev"
HARMLESS = ("idiom", "death_joke", "quoted", "everyday", "cheerful", "playful", "joke_request", "small_victory")


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: which rows, what of them, how many, and the share or score as it is shown."""

    rows: str
    figure: str
    count: int
    shown: str


def lines(table: Table, seen: NDArray[np.int64], given: NDArray[np.float32], limits: Thresholds) -> list[Line]:
    """All figures for the rows numbered `seen`, to which the judge gave the probabilities `given`."""
    source = np.array([table.rows[row].source for row in seen])
    group = np.array([table.rows[row].group for row in seen])
    english = np.array([table.rows[row].lang == "en" for row in seen])
    answers = table.answers[seen]
    concern, high, harmful, humour, heavy, affirms, emergency = (given[:, number] for number in range(len(HEADS)))
    over = np.where(english, limits.concern_en, limits.concern)
    far_over = np.where(english, limits.high_en, limits.high)
    alarm = (concern >= over) | (high >= far_over) | (table.extras[seen, 0] > 0)
    crisis = (high >= far_over) | (table.extras[seen, 1] > 0)
    ruled = np.maximum.reduce([table.extras[seen, place] * level for place, level in enumerate((1, 2, 3))])
    levels = np.maximum(ruled, np.where(high >= far_over, 2, np.where(concern >= over, 1, 0)))
    score = np.array([banded(Risk(int(one)), *pair) for one, *pair in zip(levels, concern, high, strict=True)])
    joke = (humour >= limits.humour) & (heavy < limits.heavy) & ~alarm
    danger, grave, asked, merry = (answers[:, HEADS.index(name)] for name in ("concern", "high", "harmful", "humour"))
    found: list[Line] = []

    def add(rows: str, figure: str, picked: NDArray[np.bool_], said: NDArray[np.bool_]) -> None:
        if picked.any():
            value, low, high_end = share(int(said[picked].sum()), int(picked.sum()))
            found.append(
                Line(rows, figure, int(picked.sum()), f"{value:.1%} ({low:.1%}-{high_end:.1%}), n={picked.sum()}")
            )

    forum = (source == PSYSUICIDE) & np.isfinite(danger)
    order = ranking(danger[forum].astype(int).tolist(), score[forum].tolist())
    for name, value in order.items():
        found.append(Line("PsySUICIDE", name, int(forum.sum()), f"{value:.4f}, n={forum.sum()}"))
    if (forum & (danger == 0)).any():
        limit = float(np.quantile(score[forum & (danger == 0)], 0.95, method="higher"))
        for severity in sorted(set(group[forum & (danger == 1)])):
            add("PsySUICIDE", f"recall at 5 % false alarms, {severity}", forum & (group == severity), score > limit)
    add("PsySUICIDE", "alarm on self-harm", forum & (danger == 1), alarm)
    add("PsySUICIDE", "alarm on none", forum & (danger == 0), alarm)
    own = source == "own"
    for name, tongue in (("own turns, Chinese", ~english), ("own turns, English", english)):
        mine = own & tongue
        add(name, "alarm on danger", mine & (danger == 1), alarm)
        add(name, "crisis on at least high", mine & (grave == 1), crisis)
        add(
            name,
            "alarm on veiled and passive",
            mine & (danger == 1) & np.isin(group, ("veiled", "passive", "burden")),
            alarm,
        )
        add(name, "alarm on idiom, jokes, quotes, daily life", mine & (danger == 0) & np.isin(group, HARMLESS), alarm)
        add(name, "alarm on ordinary distress", mine & (danger == 0) & (group == "distress"), alarm)
        add(name, "harmful request declined", mine & (asked == 1), harmful >= limits.harmful)
        add(
            name,
            "honest question declined",
            mine & (asked == 0) & (group == "honest_question"),
            harmful >= limits.harmful,
        )
        add(name, "humour_fit over .5 on cheerful turns", mine & (merry == 1), (humour > 0.5) & (heavy < limits.heavy))
        add(name, "joke fits on cheerful turns", mine & (merry == 1), joke)
        add(name, "joke fits on danger", mine & (danger == 1), joke)
        add(
            name,
            "joke fits on grief, fear, anger, illness",
            mine & (merry == 0) & np.isin(group, ("grief", "fear", "anger", "illness")),
            joke,
        )
    urgent, called = answers[:, HEADS.index("emergency")], (emergency >= limits.emergency) & (emergency >= high)
    for name, tongue in (("own turns, Chinese", ~english), ("own turns, English", english)):
        add(name, "emergency found by the classifier", own & tongue & (urgent == 1), called)
        ill = own & tongue & (urgent == 0) & np.isin(group, ("illness", "fear"))
        add(name, "illness and fear taken for an emergency", ill, called)
        add(name, "anything else taken for an emergency", own & tongue & (urgent == 0) & ~ill, called)
    answered = answers[:, HEADS.index("affirms")]
    add("answers to a direct question", "a yes is heard", answered == 1, affirms >= limits.affirms)
    denied = (answered == 0) & np.isin(group, tuple(DENIALS))
    add("answers to a direct question", "a no is taken for a yes", denied, affirms >= limits.affirms)
    add(
        "answers to a direct question",
        "something else is taken for a yes",
        (answered == 0) & ~denied,
        affirms >= limits.affirms,
    )
    talk = np.isin(source, COUNSELLING) & (danger == 0)
    add("counselling turns", "crisis", talk, crisis)
    add("counselling turns", "any alarm", talk, alarm)
    for name, where in EVERYDAY.items():
        said = (source == where) & (danger == 0)
        add(name, "crisis", said, crisis)
        add(name, "any alarm", said, alarm)
    posts = (source == "crisis_en_cssrs_suicidewatch") & np.isfinite(danger)
    add("English posts (C-SSRS)", "alarm on level 1 and above", posts & (danger == 1), alarm)
    add("English posts (C-SSRS)", "alarm on level 0, agreed", posts & (danger == 0), alarm)
    add("XSTest", "unsafe declined", (source == "idiom_en_xstest") & (asked == 1), harmful >= limits.harmful)
    add("XSTest", "safe declined", (source == "idiom_en_xstest") & (asked == 0), harmful >= limits.harmful)
    add("JADE", "declined", (source == "requests_zh_jade_unsafe") & (asked == 1), harmful >= limits.harmful)
    add("CValues, benign", "declined", source == "requests_zh_cvalues_benign", harmful >= limits.harmful)
    return found
