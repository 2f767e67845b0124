"""C-Eval, run by evalscope on a local folder; its answers are cached by evalscope below OUT/answers/ceval."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import EvaluationError, ModelAway, ModelTimeout
from psylite_pipeline.evals.cases import published
from psylite_pipeline.evals.endpoint import Endpoint
from psylite_pipeline.evals.figures import Row
from psylite_pipeline.evals.provider import System, answerer
from psylite_pipeline.evals.run import Plan, keep

HOW = (
    "it needs README.md with the subjects' configs, SUBJECT/val-… and SUBJECT/dev-…, as in the data set "
    "ceval/ceval-exam; evals/README.md says how to get it."
)


def subjects_in(folder: Path) -> list[str]:
    """The subjects of which `folder` has the split `val`. Raises EvaluationError saying what must lie there."""
    found = sorted({path.parent.name for path in folder.glob("*/val*")})
    if not found or not (folder / "README.md").is_file():
        raise EvaluationError(f"{folder} holds no C-Eval: {HOW}")
    return found


def prepare(out: Path) -> None:
    """Before evalscope is imported: nothing is fetched, nothing is kept outside `out`."""
    os.environ["HF_HOME"] = str((out / "cache" / "datasets").resolve())
    os.environ["MODELSCOPE_CACHE"] = os.environ["EVALSCOPE_CACHE"] = str((out / "cache" / "evalscope").resolve())
    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"


def run(plan: Plan, folder: Path, subjects: list[str], limit: int, shots: int = 5) -> None:
    """Ask every system: `limit` questions a subject (0: all), `shots` solved examples before each.

    Raises EvaluationError.
    """
    from evalscope import TaskConfig, run_task

    there = subjects_in(folder)
    if unknown := sorted(set(subjects) - set(there)):
        raise EvaluationError(f"{folder} has no subject {', '.join(unknown)}; it has {', '.join(there)}.")
    for system in plan.systems:
        work = plan.out / "answers" / "ceval" / _folder(system, folder, shots)
        config = TaskConfig(
            model=_api(system),
            model_id=system.slug,
            datasets=["ceval"],
            dataset_args={
                "ceval": {"local_path": str(folder), "subset_list": subjects or there, "few_shot_num": shots}
            },
            dataset_dir=str(plan.out / "cache" / "evalscope"),
            generation_config={"temperature": system.sampling.temperature, "seed": plan.seed},
            eval_batch_size=plan.at_once,
            limit=limit or None,
            seed=plan.seed,
            work_dir=str(work),
            no_timestamp=True,
            use_cache=str(work) if (work / "predictions").is_dir() else None,
            ignore_errors=True,
        )
        run_task(config)
        rows = list(rows_in(work))
        if not rows:
            raise EvaluationError(f"{system.label} answered no question; the log in {work} says why.")
        keep(plan, "ceval", system, rows, max(0, _questions(folder, subjects or there, limit) - len(rows)))


def _questions(folder: Path, subjects: list[str], limit: int) -> int:
    """How many questions there are, at most `limit` a subject (0: all)."""
    counts = [sum(1 for path in (folder / one).glob("val*") for _ in published(path)) for one in subjects]
    return sum(min(count, limit or count) for count in counts)


def _folder(system: System, data: Path, shots: int) -> str:
    """The name of the folder for what evalscope keeps: it reuses answers by their number, whatever was asked."""
    asked = json.dumps([system.scope, str(data), shots])
    return f"{system.slug}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"


def rows_in(work: Path) -> Iterator[Row]:
    """The rows of what evalscope left in `work`: one a question, with 1.0 or 0.0 for right or wrong. A question without
    an answer that could be read counts as wrong, as in the published protocol."""
    for path in sorted(work.glob("reviews/*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            review: dict[str, Any] = json.loads(line)
            told = review["sample_score"]
            about = told.get("sample_metadata") or {}
            subject = str(about.get("subject") or path.stem)
            name = f"{subject}/{about.get('id', review['index'])}"
            right = float(told["score"]["value"][told["score"]["main_score_name"]])
            yield Row(name, name, {"subject": subject, "category": category(subject)}, {"key": {"accuracy": right}})


def category(subject: str) -> str:
    """STEM, Social Science, Humanities or Other, as C-Eval sorts its subjects."""
    from evalscope.benchmarks.ceval.ceval_adapter import SUBJECT_MAPPING

    return str(SUBJECT_MAPPING[subject][-1]) if subject in SUBJECT_MAPPING else "Other"


def _api(system: System) -> Any:
    from evalscope.api.model import ModelAPI, ModelOutput
    from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

    answer = answerer(Endpoint(system.address, system.sampling), pipeline=system.pipeline)
    again = retry(
        retry=retry_if_exception_type((ModelAway, ModelTimeout)),
        stop=stop_after_attempt(4),
        wait=wait_exponential(1, max=60),
        reraise=True,
    )

    class Answering(ModelAPI):
        """evalscope's way to our models."""

        @again
        def generate(self, input: list[Any], tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
            messages = [{"role": message.role, "content": message.text} for message in input]
            reply, _ = answer(messages, None, 0)
            return ModelOutput.from_content(model=self.model_name, content=reply.text)

    return Answering(model_name=system.slug)
