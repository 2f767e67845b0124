"""Measures the whole judgement (`decide`) on labelled rows: our turns' shape, or `{"text": …, "label": …}`."""

# scikit-learn's parameters are inferred from its documentation and often wrong.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportPossiblyUnboundVariable=false

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Decision, Route
from psylite_pipeline.files import json_lines
from psylite_pipeline.training.data import DataError, group_of, own_answers
from psylite_pipeline.training.public_sets import PUBLIC

#: The questions a decision answers. `concern` is any alarm, `high` the crisis route, `harmful` the decline route.
QUESTIONS = ("concern", "high", "harmful", "humour")

#: The rule that the learnt judge must beat: eleven words.
ELEVEN = re.compile("自杀|想死|不想活|轻生|自残|割腕|跳楼|遗书|suicid|kill myself|want to die", re.IGNORECASE)

#: What the labels of sets that only measure say; sets to learn from are in public_sets.PUBLIC.
_LABELS: Mapping[str, Mapping[str, int]] = {
    "high_risk": {"concern": 1},
    "self_harm": {"concern": 1},
    "self-harm": {"concern": 1},
    "suicidal_ideation": {"concern": 1},
    "no_crisis": {"concern": 0, "high": 0},
    "anxiety_crisis": {"high": 0},
    "substance_abuse_or_withdrawal": {"high": 0},
    "risk_taking_behaviours": {"high": 0},
    "benign_hyperbole": {"concern": 0, "high": 0, "harmful": 0},
    "none": {"concern": 0, "high": 0},
    "safe": {"concern": 0, "high": 0, "harmful": 0},
    "unsafe": {"harmful": 1},
    "counselling": {"concern": 0, "high": 0},
    "counselling_turn": {"concern": 0, "high": 0},
    "happy": {"humour": 1},
    "happiness": {"humour": 1},
    "angry": {"humour": 0},
    "anger": {"humour": 0},
    "sad": {"humour": 0},
    "fear": {"humour": 0},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled row. `expected` maps questions to 0 or 1; `route` is the labelled route, if any.

    Rows that are turns of one talk share `talk`, and name the `highest` level that the talk reaches.
    """

    id: str
    file: str
    group: str
    conversation: Conversation
    expected: Mapping[str, int]
    route: str | None
    talk: str = ""
    highest: str = ""

    @property
    def text(self) -> str:
        """The last turn."""
        return self.conversation.last.text if self.conversation.last else ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A case with what was decided."""

    case: Case
    decision: Decision

    def said(self, question: str) -> bool:
        """What the decision answers to one of QUESTIONS."""
        route = self.decision.route
        if question == "concern":
            return route in {Route.CRISIS, Route.SUPPORT}
        if question == "high":
            return route is Route.CRISIS
        return route is Route.DECLINE if question == "harmful" else self.decision.scores.humour > 0.5

    @property
    def wrong(self) -> tuple[str, ...]:
        """The questions that the decision answered otherwise than the label."""
        return tuple(
            one for one in QUESTIONS if one in self.case.expected and self.said(one) != self.case.expected[one]
        )


def cases_of(path: Path) -> list[Case]:
    """The labelled rows of one file. Raises DataError."""
    found = []
    for number, raw in json_lines(path, DataError):
        if isinstance(raw.get("messages"), list):
            body = raw
        else:
            text = raw.get("text", raw.get("inputs", ""))
            text = "\n".join(map(str, text)) if isinstance(text, list) else str(text)
            body = {"messages": [{"role": "user", "content": text}]}
        route = raw.get("route") if isinstance(raw.get("route"), str) else None
        name = f"{raw['id']}" if raw.get("id") else f"line {number}"
        found.append(
            Case(
                name,
                path.stem,
                group_of(raw),
                Conversation.from_body(body),
                expected(path.stem, raw),
                route,
                str(raw.get("talk", "")),
                str(raw.get("highest", "")),
            )
        )
    return found


def expected(stem: str, raw: Mapping[str, Any]) -> dict[str, int]:
    """What a row's labels say about the route, as answers to QUESTIONS."""
    if isinstance(raw.get("route"), str) and isinstance(raw.get("risk"), str):
        route = raw["route"]
        answers = {"concern": int(route in {"crisis", "support"}), "high": int(route == "crisis")}
        answers["harmful"] = int(route == "decline")
        humour = own_answers(raw, len(raw["messages"]) > 1).get("humour") if "mood" in raw else None
        return answers | ({"humour": int(humour[0])} if humour else {})
    if stem in PUBLIC:
        return {name: int(value) for name, (value, _) in PUBLIC[stem](raw).items() if name in QUESTIONS}
    for key in ("label", "mood"):
        if str(raw.get(key)) in _LABELS:
            return dict(_LABELS[str(raw[key])])
    return {}


def judge(
    cases: Sequence[Case], decide: Callable[[Conversation], Decision], step: Callable[[int, int], None] | None = None
) -> list[Judged]:
    """Decide every case, one at a time as in a talk."""
    judged = []
    for number, case in enumerate(cases, 1):
        judged.append(Judged(case, decide(case.conversation)))
        if step and number % 50 == 0:
            step(number, len(cases))
    return judged


def report(judged: Sequence[Judged], *, baseline: bool = False) -> dict[str, Any]:
    """Everything the scoreboard shows, as plain data: by file, by group, confusion, latency, wrong rows."""
    files: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        files[one.case.file].append(one)
    times = np.array([one.decision.milliseconds for one in judged] or [0.0])
    p50, p95, p99 = np.percentile(times, (50, 95, 99))
    return {
        "rows": len(judged),
        "files": {name: _file(rows, baseline) for name, rows in files.items()},
        "groups": [
            {"file": name, "group": group, "rows": len(rows), **_shares(rows)}
            for name, all_rows in files.items()
            for group, rows in _by(all_rows, lambda one: one.case.group).items()
        ],
        "talks": _talks(judged),
        "confusion": _confusion(judged),
        "milliseconds": {"p50": round(float(p50), 3), "p95": round(float(p95), 3), "p99": round(float(p99), 3)},
        "wrong": [
            {"file": one.case.file, "id": one.case.id, "group": one.case.group, "route": one.decision.route.value,
             "questions": list(one.wrong), "rules": list(one.decision.rules)}
            for one in judged if one.wrong
        ],
    }  # fmt: skip


def share(hits: int, rows: int) -> list[float]:
    """A share with its 95 % Wilson interval: [share, low, high]."""
    from scipy.stats import binomtest

    interval = binomtest(hits, rows).proportion_ci(method="wilson")
    return [round(hits / rows, 4), round(float(interval.low), 4), round(float(interval.high), 4)]


def ranking(truth: Sequence[int], scores: Sequence[float]) -> dict[str, float]:
    """AUROC, average precision, recall with at most 5 % false alarms. Empty where one side is missing."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    if len(set(truth)) < 2:
        return {}
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    return {
        "auroc": round(float(roc_auc_score(truth, scores)), 4),
        "average_precision": round(float(average_precision_score(truth, scores)), 4),
        "recall_at_5": round(float(true[false <= 0.05].max()), 4),
    }


def _file(rows: Sequence[Judged], baseline: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"rows": len(rows), "questions": {}}
    for question in QUESTIONS:
        told = [one for one in rows if question in one.case.expected]
        if told:
            found["questions"][question] = _question(told, question)
    told = [one for one in rows if "concern" in one.case.expected]
    truth = [one.case.expected["concern"] for one in told]
    found["ranking"] = ranking(truth, [one.decision.scores.risk for one in told])
    if baseline and told:
        found["baselines"] = baselines([one.case.text for one in told], truth)
    return found


def _question(rows: Sequence[Judged], question: str) -> dict[str, Any]:
    yes = [one for one in rows if one.case.expected[question]]
    no = [one for one in rows if not one.case.expected[question]]
    found: dict[str, Any] = {}
    if yes:
        found["recall"] = [len(yes), *share(sum(one.said(question) for one in yes), len(yes))]
    if no:
        found["false_alarms"] = [len(no), *share(sum(one.said(question) for one in no), len(no))]
    return found


def _shares(rows: Sequence[Judged]) -> dict[str, list[float]]:
    return {question: share(sum(one.said(question) for one in rows), len(rows)) for question in QUESTIONS}


def _talks(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Of the talks judged at every turn: in how many any turn alarmed, was a crisis, or got a joke."""
    found = []
    for highest, rows in _by([one for one in judged if one.case.talk], lambda one: one.case.highest).items():
        talks = _by(rows, lambda one: one.case.talk).values()
        routes = [{one.decision.route for one in talk} for talk in talks]
        found.append({
            "highest": highest, "talks": len(routes),
            "alarm": share(sum(bool(one & {Route.CRISIS, Route.SUPPORT}) for one in routes), len(routes)),
            "crisis": share(sum(Route.CRISIS in one for one in routes), len(routes)),
            "joke": share(sum(Route.HUMOUR in one for one in routes), len(routes)),
        })  # fmt: skip
    return found


def _confusion(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for one in judged:
        if one.case.route:
            table[one.case.route][one.decision.route.value] += 1
    return {label: dict(counts) for label, counts in table.items()}


def _by(rows: Iterable[Judged], key: Callable[[Judged], str]) -> dict[str, list[Judged]]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in rows:
        groups[key(one)].append(one)
    return dict(sorted(groups.items()))


def baselines(texts: Sequence[str], truth: Sequence[int]) -> dict[str, dict[str, float]]:
    """The floors: a rule of eleven words, and character 1-4-grams with a linear head (each row judged by a head that
    learnt from the other four fifths of the same rows)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    said = [int(bool(ELEVEN.search(text))) for text in texts]
    found = {"eleven words": _counts(truth, said)}
    if min(Counter(truth).values()) >= 5 and len(set(truth)) == 2:
        head = make_pipeline(
            TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True),
            LogisticRegression(C=10, class_weight="balanced", max_iter=1000),
        )
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        scores = cross_val_predict(head, list(texts), list(truth), cv=folds, method="predict_proba")[:, 1]
        found["n-grams"] = _counts(truth, (scores >= 0.5).astype(int).tolist()) | ranking(truth, scores.tolist())
    return found


def _counts(truth: Sequence[int], said: Sequence[int]) -> dict[str, float]:
    from sklearn.metrics import precision_score, recall_score

    alarms = [one for one, true in zip(said, truth, strict=True) if not true]
    return {
        "precision": round(float(precision_score(truth, said, zero_division=0)), 4),
        "recall": round(float(recall_score(truth, said, zero_division=0)), 4),
        "false_alarms": round(sum(alarms) / len(alarms), 4) if alarms else 0.0,
    }
