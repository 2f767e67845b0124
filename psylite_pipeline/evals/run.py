"""A run: ask every system, weigh every answer, keep both. Stopped anywhere, the same command goes on where it stopped.

OUT/cache/                          every answer and verdict of a model, by what it depends on
OUT/answers/EVALUATION/SYSTEM/      inspect logs with the raw answers, no score in them
OUT/scores/EVALUATION/SYSTEM.eval   the same with scores; SYSTEM.json: the rows without any text, and where from
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import EvaluationError
from psylite_pipeline.evals import figures
from psylite_pipeline.evals.endpoint import Address, Endpoint, Sampling


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is about. `judges` by the name the report gives them. `at_once`: calls to one model that may be under
    way together."""

    out: Path
    systems: tuple[Any, ...]
    judges: Mapping[str, Any] = field(default_factory=dict)
    at_once: int = 4
    seed: int = 1
    system_text: str = ""
    data: str = ""


def prepare(out: Path) -> None:
    """Point inspect-ai to the run's own folders, before it is imported: nothing is kept elsewhere or sent anywhere."""
    out.mkdir(parents=True, exist_ok=True)
    os.environ["INSPECT_CACHE_DIR"] = str((out / "cache").resolve())
    os.environ.setdefault("INSPECT_LOG_LEVEL", "warning")


def systems_of(models: Sequence[str], pipeline: str, sampling: Sampling) -> tuple[Any, ...]:
    """The columns: each model without (`off`), with (`on`), or both ways. Asks each server for the weights' digest.

    Raises EvaluationError where a model is named wrongly, ModelError where its server does not answer.
    """
    from psylite_pipeline.evals.provider import System

    found: list[Any] = []
    for text in models:
        address = Address.parse(text)
        digest = Endpoint(address, sampling).digest()
        found += [System(address, with_it, sampling, digest) for with_it in _WAYS[pipeline]]
    return tuple(found)


def named(judges: Sequence[Any]) -> dict[str, Any]:
    """Judges by their model's name; with its address where two share a name, so that neither takes the other's place.

    Raises EvaluationError for a judge that is named twice: it would agree with itself.
    """
    twice = [str(one.address) for one in judges if sum(one.address == other.address for other in judges) > 1]
    if twice:
        raise EvaluationError(f"{twice[0]} is named twice as a judge; name two models, or it once.")
    labels = [one.label for one in judges]
    return {one.label if labels.count(one.label) == 1 else str(one.address): one for one in judges}


def gold(plan: Plan, name: str, questions: Sequence[Any]) -> None:
    """Answer and weigh every question of `name` (cpsycoune, safedialbench). Raises EvaluationError."""
    from psylite_pipeline.evals.scoring import Judge, judged
    from psylite_pipeline.evals.tasks import gold_task

    if not plan.judges:
        raise EvaluationError(f"{name} is scored by a judge model: name one with --judge.")
    judges = [Judge(label, judge, plan.at_once) for label, judge in plan.judges.items()]
    _all(plan, name, lambda scope: gold_task(name, questions, scope, plan.system_text), lambda: judged(name, judges))


def scripted(plan: Plan, talks: Sequence[Any]) -> None:
    """Play every talk and weigh it, by rules and by the judges there are. Raises EvaluationError."""
    from psylite_pipeline.evals.scoring import Judge, crisis
    from psylite_pipeline.evals.tasks import talk_task

    judges = [Judge(label, judge, plan.at_once) for label, judge in plan.judges.items()]
    _all(plan, "crisis", lambda scope: talk_task("crisis", talks, scope, plan.system_text), lambda: crisis(judges))


def _all(plan: Plan, name: str, task: Callable[[Mapping[str, str]], Any], scorer: Callable[[], Any]) -> None:
    from inspect_ai import eval_set, score
    from inspect_ai.log import read_eval_log, write_eval_log

    display: Any = "rich" if sys.stdout.isatty() else "plain"
    logs: list[tuple[Any, Any]] = []
    for system in plan.systems:
        done, found = eval_set(
            [task(system.scope)],
            log_dir=str(plan.out / "answers" / name / system.slug),
            model=system.model(plan.at_once),
            score=False,
            max_samples=plan.at_once,
            fail_on_error=False,
            continue_on_fail=True,
            retry_attempts=1,
            display=display,
            log_dir_allow_dirty=True,
            metadata={"system": system.label},
        )
        if not done and not any(log.samples or log.location for log in found):
            raise EvaluationError(f"{system.label} gave no answers; the log in {plan.out / 'answers'} says why.")
        logs.append((system, max(found, key=lambda log: log.stats.started_at)))
    folder = plan.out / "scores" / name
    for system, log in logs:
        answered = read_eval_log(log.location)
        scored = score(answered, scorer(), action="overwrite", display=display)
        write_eval_log(scored, str(folder / f"{system.slug}.eval"))
        keep(plan, name, system, *_rows(scored))


def keep(plan: Plan, name: str, system: Any, rows: Sequence[figures.Row], failed: int) -> None:
    """Write the rows of one system below OUT/scores: figures, ids and groups, no text."""
    folder = plan.out / "scores" / name
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "evaluation": name,
        "failed": failed,
        "made": made(plan, name, system),
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(record, ensure_ascii=False, indent=1)
    (folder / f"{system.slug}.json").write_text(text + "\n", encoding="utf-8")


def _rows(log: Any) -> tuple[list[figures.Row], int]:
    """Rows without a word of anybody, and in how many samples a model failed."""
    rows: list[figures.Row] = []
    failed = 0
    for sample in log.samples or []:
        if sample.error or not sample.scores:
            failed += 1
            continue
        told = next(iter(sample.scores.values())).metadata or {}
        judges = {label: one["scores"] for label, one in told.get("judges", {}).items()}
        about = sample.metadata
        groups = about.get("groups") or {"persona": about["persona"], "language": about["lang"]}
        routes = tuple(about.get("routes") or ())
        talk = str(about.get("talk", sample.id))
        rows.append(figures.Row(str(sample.id), talk, groups, judges, told.get("rules", {}), routes))
    return rows, failed


def made(plan: Plan, name: str, system: Any) -> dict[str, Any]:
    """Where figures come from: weights, pipeline, judges, sampling, data, versions, time."""
    from psylite_pipeline.evals.provider import pipeline_digest

    runner = "evalscope" if name == "ceval" else "inspect-ai"
    return {
        "system": system.label,
        "model": str(system.address),
        "digest": system.digest,
        "pipeline": pipeline_digest() if system.pipeline else "",
        "sampling": asdict(system.sampling),
        "judges": [
            {"label": label, "model": str(one.address), "digest": one.digest} for label, one in plan.judges.items()
        ],
        "data": plan.data,
        "seed": plan.seed,
        "versions": {name: version(name) for name in ("psylite-pipeline", runner)},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


_WAYS = {"off": (False,), "on": (True,), "both": (False, True)}
