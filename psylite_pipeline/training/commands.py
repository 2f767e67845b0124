"""`psylite train` and `psylite eval judgement`. Each is a few lines; the work is in the modules beside."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from psylite_pipeline.errors import PsyLiteError

console = Console()

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def register(app: typer.Typer, evaluations: typer.Typer) -> None:
    """Add `train` to the command line and `judgement` to its group `eval`."""
    app.command()(train)
    evaluations.command()(judgement)


def train(
    data: Annotated[
        Path, typer.Option(help="Folder with the public sets (the model card says where each comes from).")
    ],
    out: Annotated[Path | None, typer.Option(help="Where to write; empty: the shipped place.")] = None,
    turns: Annotated[Path | None, typer.Option(help="Folder of our own turns; empty: the shipped ones.")] = None,
    cache: Annotated[Path | None, typer.Option(help="File that keeps encoded vectors for the next run.")] = None,
) -> None:
    """Train the classifier, print its figures, write weights and model card. Half an hour to an hour, 9 GB."""
    for name in _THREADS:  # before numpy is there: several threads add numbers in another order
        os.environ[name] = "1"
    _need("sklearn", "scipy")
    from psylite_pipeline.settings import bundled
    from psylite_pipeline.training.run import run

    risk = bundled("knowledge") / "risk"
    with _progress() as progress:
        bar = progress.add_task("Reading", total=None)

        def step(note: str, done: int = 0, total: int = 0) -> None:
            progress.update(bar, description=note, completed=done, total=total or None)

        found = run(data, turns or risk / "turns", risk / "lexicon", out or risk / "classifier", cache, step)
        progress.update(bar, visible=False)
    found.show(console)


def judgement(
    files: Annotated[list[Path], typer.Argument(help='JSON-lines files: our turns, or {"text", "label"}.')],
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Also the floors: an eleven-word rule, n-grams.")
    ] = False,
    amid: Annotated[
        bool, typer.Option("--amid", help="Each single turn between two light ones of the same files, as one turn.")
    ] = False,
    figure: Annotated[Path | None, typer.Option(help="Write a picture (PNG).")] = None,
    out: Annotated[Path | None, typer.Option(help="Write all figures as JSON.")] = None,
    show_text: Annotated[bool, typer.Option("--show-text", help="Print the text of rows judged wrongly.")] = False,
) -> None:
    """Score the judgement on labelled rows: recall and false alarms with intervals, confusion, latency, wrong rows."""
    _need("sklearn", "scipy", *(("matplotlib",) if figure else ()))
    from psylite_pipeline.opening import open_counsellor
    from psylite_pipeline.settings import Settings
    from psylite_pipeline.training import evaluate, scoreboard
    from psylite_pipeline.training.amid import amid as put_amid

    cases = [case for path in files for case in evaluate.cases_of(path)]
    cases = put_amid(cases) if amid else cases
    if not cases:
        raise PsyLiteError("No rows in the files given.")
    counsellor = open_counsellor(Settings.load())
    counsellor.warm_up()
    with _progress() as progress:
        bar = progress.add_task("Judging", total=len(cases))
        judged = evaluate.judge(cases, counsellor.decide, lambda done, _: progress.update(bar, completed=done))
        progress.update(bar, visible=False)
    report: dict[str, Any] = evaluate.report(judged, baseline=baseline)
    scoreboard.show(report, console)
    for one in judged:
        if one.wrong:
            words = f"  {one.case.text}" if show_text else ""
            console.print(
                f"{one.case.file} {one.case.id} ({one.case.group}): {one.decision.route.value}, "
                f"wrong on {', '.join(one.wrong)}{words}",
                highlight=False, markup=False,
            )  # fmt: skip
    if out:
        out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if figure:
        scoreboard.draw(report, figure)


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)


def _need(*modules: str) -> None:
    from importlib.util import find_spec

    if any(find_spec(module) is None for module in modules):
        raise PsyLiteError("This command needs the extra: install psylite-pipeline[train].")
