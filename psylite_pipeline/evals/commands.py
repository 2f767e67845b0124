"""`psylite eval cpsycoune | safedialbench | ceval | crisis | report`. Each is a few lines; the work is beside."""

# Without `from __future__ import annotations`: a command that is made by a function has help texts of its own.

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from psylite_pipeline.errors import EvaluationError
from psylite_pipeline.evals.endpoint import KEY_VARIABLE, Sampling
from psylite_pipeline.settings import bundled

console = Console()

Way = Literal["off", "on", "both"]
_EXAMPLE = "ollama:NAME or openai:NAME, then @http://… if it is elsewhere"

_COUNSELLING = "Counselling: one answer to each client turn of the CPsyCounE cases, scored by a judge model."
_SAFETY = "Safety: one answer to each turn of the SafeDialBench dialogues, the lowest turn of each counts."

Models = Annotated[
    list[str], typer.Option("--model", help=f"A model to measure: {_EXAMPLE} (key in {KEY_VARIABLE}). May be repeated.")
]
Judges = Annotated[
    list[str], typer.Option("--judge", help="A model that judges, written like --model. Repeated: their agreement.")
]
Out = Annotated[Path, typer.Option(help="For answers, scores and report; the same folder goes on where it stopped.")]
Pipeline = Annotated[Way, typer.Option(help="Without the pipeline in front, with it, or both ways.")]
Limit = Annotated[int, typer.Option(min=0, help="So many talks by chance of the seed; 0: all.")]
AtOnce = Annotated[int, typer.Option(min=1, help="Calls under way together.")]
Seed = Annotated[int, typer.Option(help="For the choice of talks, the model's sampling and the intervals.")]
Tokens = Annotated[int, typer.Option(min=1, help="Most tokens of an answer, reasoning included.")]
System = Annotated[Path | None, typer.Option(help="File with a system text for the models without the pipeline.")]


def register(evaluations: typer.Typer) -> None:
    """Add the evaluations of models to the command line's group `eval`."""
    evaluations.command("cpsycoune")(_gold("cpsycoune", "id, label, messages", _COUNSELLING))
    evaluations.command("safedialbench")(_gold("safedialbench", "id, label, method, messages", _SAFETY))
    for command in (ceval, crisis, report):
        evaluations.command()(command)


def _gold(name: Literal["cpsycoune", "safedialbench"], fields: str, about: str) -> Callable[..., None]:
    """The command that asks for one answer to each turn of talks with gold answers, and has judges score them."""

    def command(
        model: Models,
        judge: Judges,
        data: Annotated[Path, typer.Option(help=f"The gold talks as published, or JSON lines {{{fields}}}.")],
        out: Out = Path("eval-results"),
        pipeline: Pipeline = "both",
        limit: Limit = 0,
        at_once: AtOnce = 4,
        seed: Seed = 1,
        max_tokens: Tokens = 1024,
        system: System = None,
    ) -> None:
        from psylite_pipeline.evals import cases, run

        read = {"cpsycoune": cases.cpsycoune, "safedialbench": cases.safedialbench}[name]
        dialogues = cases.some(read(data), limit, seed)
        asked = cases.questions(dialogues)
        told = f"{data.name}, {len(dialogues)} talks, {len(asked)} answers"
        run.gold(_plan(told, model, judge, out, pipeline, at_once, seed, max_tokens, system), name, asked)
        report(out)

    command.__doc__ = about
    return command


def crisis(
    model: Models,
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="As above; without one only the rules score.")
    ] = None,
    talks: Annotated[Path | None, typer.Option(help="Folder of scripted talks; empty: the shipped ones.")] = None,
    out: Out = Path("eval-results"),
    pipeline: Pipeline = "both",
    limit: Limit = 0,
    at_once: AtOnce = 4,
    seed: Seed = 1,
    max_tokens: Tokens = 1024,
    system: System = None,
) -> None:
    """Crisis handling: scripted talks from no danger to danger now, by rules and, with a judge, by a rubric."""
    from psylite_pipeline.evals import cases, run

    folder = talks or bundled("evals/crisis")
    played = cases.some(cases.talks(folder), limit, seed)
    told = f"{len(played)} talks, {folder.name}"
    plan = _plan(told, model, judge or [], out, pipeline, at_once, seed, max_tokens, system)
    run.scripted(plan, played)
    report(out)


def ceval(
    model: Models,
    data: Annotated[Path, typer.Option(help="Folder of C-Eval: README.md, SUBJECT/val-…, SUBJECT/dev-….")],
    subject: Annotated[list[str] | None, typer.Option("--subject", help="May be repeated; empty: all.")] = None,
    out: Out = Path("eval-results"),
    pipeline: Pipeline = "both",
    limit: Annotated[int, typer.Option(min=0, help="So many questions a subject; 0: all.")] = 0,
    shots: Annotated[int, typer.Option(min=0, max=5, help="Solved examples before each question.")] = 5,
    at_once: AtOnce = 4,
    seed: Seed = 1,
    max_tokens: Tokens = 1024,
) -> None:
    """General knowledge in Chinese: C-Eval through evalscope, from a local folder."""
    from psylite_pipeline.evals import ceval as knowledge

    _need("evalscope")
    knowledge.prepare(out)
    subjects = subject or knowledge.subjects_in(data)
    told = f"{data.name}, {len(subjects)} subjects, {limit or 'all'} questions each, {shots} shots"
    plan = _plan(told, model, [], out, pipeline, at_once, seed, max_tokens)
    knowledge.run(plan, data.resolve(), subjects, limit, shots)
    report(out)


def report(
    out: Annotated[Path, typer.Argument(help="Folder that the evaluations wrote to.")] = Path("eval-results"),
    to: Annotated[Path | None, typer.Option(help="File to write; empty: report.html in that folder.")] = None,
) -> None:
    """Write the report on all results in a folder again, systems side by side."""
    _need("matplotlib")
    from psylite_pipeline.evals import measures
    from psylite_pipeline.evals.report import write

    path = to or out / "report.html"
    write(measures.load(out), path)
    console.print(f"Report: {path}", soft_wrap=True)


def _plan(
    told: str,
    model: list[str],
    judge: list[str],
    out: Path,
    pipeline: Way,
    at_once: int,
    seed: int,
    max_tokens: int,
    system: Path | None = None,
):
    _need("inspect_ai")
    from psylite_pipeline.evals import run

    run.prepare(out)
    sampling = Sampling(seed=seed, max_tokens=max_tokens)
    systems = run.systems_of(model, pipeline, sampling)
    judges = run.named(run.systems_of(judge, "off", replace(sampling, max_tokens=max(512, max_tokens), num_ctx=8192)))
    text = system.read_text(encoding="utf-8").strip() if system else ""
    return run.Plan(out, systems, judges, at_once, seed, text, told)


def _need(*modules: str) -> None:
    from importlib.util import find_spec

    if any(find_spec(module) is None for module in modules):
        raise EvaluationError("This command needs the extra: install psylite-pipeline[eval], or run `make eval-demo`.")
