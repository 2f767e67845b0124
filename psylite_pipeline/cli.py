"""The command `psylite`. Each command is a few lines; the work is elsewhere."""

from __future__ import annotations

import json
import logging
import os
import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from psylite_pipeline.errors import PsyLiteError
from psylite_pipeline.evals.commands import register as register_evaluations
from psylite_pipeline.finetune.commands import register as register_model
from psylite_pipeline.settings import Preferences, Settings, misspelt
from psylite_pipeline.training.commands import register as register_training

if TYPE_CHECKING:
    from psylite_pipeline.embedding import Embedder

app = typer.Typer(
    name="psylite",
    help="PsyLite pipeline: a safety-first counselling pipeline for Open WebUI.\n\n"
    "Start everything with `psylite up`, look after it with `psylite doctor`, try the judgement with `psylite decide`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True)


class Sensitivity(StrEnum):
    """What `--sensitivity` takes: the values of the valve."""

    STANDARD = "standard"
    HIGH = "high"


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"psylite {version('psylite-pipeline')}\n")
        raise typer.Exit


@app.callback()
def start(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Before every command."""
    for sentence in misspelt(os.environ):
        errors.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)


@app.command()
def decide(
    explain: Annotated[
        bool, typer.Option("--explain", help="Also say, on standard error, why: rules and scores.")
    ] = False,
    sensitivity: Annotated[Sensitivity, typer.Option(help="Like the valve.")] = Sensitivity.STANDARD,
) -> None:
    """Judge talks: one JSON object {"messages": [...]} a line in, one decision a line out, in the same order;
    blank lines are passed over.

    Exit code 1 when a line could not be read; its place then holds {"error": ...}. Nothing is stored or logged. To
    report a false alarm, give the rule ids and the label you expected, never the words.
    """
    from psylite_pipeline.jsonl import decide_lines
    from psylite_pipeline.opening import open_counsellor

    preferences = Preferences.model_validate({"sensitivity": sensitivity.value})
    counsellor = open_counsellor(Settings.load())
    failed = False
    if sys.stdin.isatty():
        errors.print('Waiting for one JSON object {"messages": [...]} a line. Ctrl-D ends.', markup=False)
    # What is not UTF-8 arrives as lone surrogates, by which decide_lines knows it.
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    for number, found in enumerate(decide_lines(sys.stdin, counsellor, preferences), 1):
        failed = failed or "error" in found
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        if explain and "error" not in found:
            errors.print(_explained(number, found))
    raise typer.Exit(1 if failed else 0)


@app.command()
def up(
    webui: Annotated[bool, typer.Option(help="Start Open WebUI as well; without it, connect your own.")] = True,
) -> None:
    """Start the model, the Pipelines server and Open WebUI on this machine, and wait. Ctrl-C stops all of it."""
    from psylite_pipeline.stack import up as stack

    stack.up(Settings.load(), console, with_webui=webui)


@app.command()
def down() -> None:
    """Stop what a lost terminal left running. Touches nothing that `psylite up` did not start."""
    from psylite_pipeline.stack import up as stack

    stack.down(Settings.load(), console)


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop everything and remove the data folder: keys, models, indexes, Open WebUI and the talks it kept."""
    from psylite_pipeline.stack import up as stack

    settings = Settings.load()
    if yes or typer.confirm(f"Remove all that PsyLite ever wrote to {settings.data_dir}?"):
        stack.clean(settings, console)


def _folder(text: str) -> Path:
    if not text.strip():  # as a path it would be the folder one stands in
        raise typer.BadParameter("is empty: name the folder that holds your scripts.")
    return Path(text)


@app.command()
def index(
    force: Annotated[bool, typer.Option("--force", help="Build again even where nothing changed.")] = False,
    add: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", parser=_folder, help="First make snippets of the scripts in this folder."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --add: only report what would be kept, write and build nothing.")
    ] = False,
) -> None:
    """Build the index over the crosstalk snippets.

    A running server finds changed ones by itself: it looks every few seconds while people talk, and tells of them from
    a later turn. What `--force` has built again it loads at its next start.

    `--add` reads your own scripts (text, Markdown, JSONL), splits long ones into bits of 4 to 12 lines, and reports by
    file and line what was kept, split and refused; beyond 20 of a kind in one file it only counts. Links that lead out
    of the folder are refused.
    """
    from psylite_pipeline.opening import open_shelf

    settings = Settings.load()
    if dry_run:
        if not add:
            raise typer.BadParameter("needs --add FOLDER", param_hint="--dry-run")
        _add(settings, None, add, dry_run=True)
        return
    shelf = open_shelf(settings)
    if add:
        _add(settings, shelf.embedder, add, dry_run=False)
    done = (0, 0)

    def tell(number: int, of: int) -> None:
        nonlocal done
        done = number, of
        progress.update(bar, completed=number, total=of)

    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console) as progress:
        bar = progress.add_task("Encoding", total=None)
        try:
            built = shelf.open(tell, anew=force)
        except KeyboardInterrupt:
            progress.stop()
            errors.print(f"Stopped. {done[0]} of {done[1]} snippets are encoded and kept; the same command goes on.")
            raise typer.Exit(130) from None
        progress.update(bar, visible=False)
    counts = ", ".join(f"{number} {language}" for language, number in sorted(built.corpus.by_language().items()))
    console.print(f"{counts or 'No'} snippets, encoder {shelf.embedder.name}.")


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What a person might say.")],
    most: Annotated[int, typer.Option(help="How many snippets to show.", min=1, max=50)] = 5,
    after: Annotated[
        list[str] | None, typer.Option(help="A turn of theirs before it; give it again for each, oldest first.")
    ] = None,
    told: Annotated[list[str] | None, typer.Option(help="Id of a snippet that the talk had already.")] = None,
) -> None:
    """Show which crosstalk snippets a turn would find, best first, and why.

    `value` is what they are chosen by: the score, a share for the mood, and less the more alike they are to one told
    already. The score is made of meaning (the encoder), words (BM25) and both of the whole topic.
    """
    from psylite_pipeline.conversation import Conversation
    from psylite_pipeline.decision import Route
    from psylite_pipeline.humour.choosing import mood_of, query_of, threshold
    from psylite_pipeline.language import language_of_talk
    from psylite_pipeline.opening import open_counsellor

    said = [*(after or ()), text]
    try:
        "".join(said).encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("is not UTF-8.", param_hint="TEXT or --after") from None
    counsellor = open_counsellor(Settings.load())
    shelf = counsellor.shelf
    language = "en" if language_of_talk(said) == "en" else "zh"
    talk = Conversation.from_body({"messages": [{"role": "user", "content": turn} for turn in said]})
    decision = counsellor.decide(talk)
    asked = bool(decision.joke)
    found = shelf.choices(said, language=language, used=frozenset(told or ()), asked=asked)
    table = Table("value", "score", "meaning", "words", "enough", "mood", "id", box=None, pad_edge=False)
    for choice in found[:most]:
        hit = choice.hit
        numbers = (f"{number:.3f}" for number in (choice.value, hit.score, hit.meaning, hit.words))
        table.add_row(*numbers, "yes" if choice.enough else "no", hit.snippet.mood, hit.snippet.id)
    console.print(table)
    for one in (choice.hit.snippet for choice in found[:most]):
        head = f"{one.id}: {one.title} ({' '.join(one.topics)})"
        console.print(f"\n{head}\n{one.lines}", markup=False, highlight=False)
    console.print(
        f"\nSearched with: {query_of(said, asked=asked)!r}. Mood: {'gentle' if asked else mood_of(text)}. "
        f"Encoder {shelf.embedder.name}, enough from {threshold(shelf.open(), language)}.",
        markup=False,
        highlight=False,
    )
    if not decision.snippets:
        calm = decision.route is Route.PLAIN
        why = "none fits well enough" if calm and not any(one.enough for one in found) else "the turn is not light"
        console.print(
            f"But no snippet would be told: {why} ({decision.route.value}, humour {decision.scores.humour:.2f}).",
            highlight=False,
        )


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with versions and counts.")] = False,
) -> None:
    """Check every part and say what is wrong and what to do. Exit code 0 when all is well, else 1."""
    from psylite_pipeline import doctor as clinic

    found = clinic.report(Settings.load())
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    else:
        table = Table("part", "", "seen", "what to do", box=None, pad_edge=False)
        for part in found["parts"]:
            state = "[green]ok[/]" if part["ok"] else "[red]no[/]"
            table.add_row(part["part"], state, escape(part["seen"]), escape(part["cure"]))
        console.print(table)
    raise typer.Exit(0 if found["ok"] else 1)


evaluations = typer.Typer(help="Measure the judgement, or models behind the pipeline.", no_args_is_help=True)
app.add_typer(evaluations, name="eval")
register_training(app, evaluations)
register_evaluations(evaluations)
register_model(app)


def _add(settings: Settings, embedder: Embedder | None, folder: Path, *, dry_run: bool) -> None:
    importer = None
    try:
        from psylite_pipeline.humour.sources import KINDS
        from psylite_pipeline.opening import open_importer
        from psylite_pipeline.stack.teller import Teller

        importer = open_importer(settings, embedder)
        with Teller(errors, every=10).working("Reading") as update:

            def tell(number: int, of: int, kept: int) -> None:
                update(0, 0, f"file {number} of {of}, {kept} kept")

            done = importer.add(folder, dry_run=dry_run, progress=tell)
    except KeyboardInterrupt:
        written = "What is written is whole" if importer and importer.writing else "Nothing was written"
        errors.print(f"Stopped. {written}; run the same command again to do all of it.", soft_wrap=True)
        raise typer.Exit(130) from None
    for sentence in done.sentences():
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{_many(done.files, 'file')}: {_many(done.count('kept'), 'snippet')} kept, "
        f"{_many(done.count('split'), 'script')} split, {done.count('refused')} refused."
    )
    if not done.files:
        console.print(f"There is nothing to read in {folder}: it takes {KINDS} files.", markup=False, soft_wrap=True)
    changed = ", ".join(str(path) for path in done.written) or "nothing, all is as it was"
    console.print("Nothing was written." if dry_run else f"Written: {changed}.", markup=False, soft_wrap=True)


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _explained(number: int, found: dict) -> Table:
    table = Table(title=f"{number}: {found['route']} ({found['risk']}, {found['kind'] or 'no kind'})", box=None)
    table.add_column("what")
    table.add_column("said")
    for rule in found["rules"]:
        source = rule.split(".", 1)[0] if rule.startswith(("classifier", "context", "judge", "failure")) else "lexicon"
        table.add_row(source, rule)
    for name, value in found["scores"].items():
        table.add_row(f"score {name}", f"{value:.3f}")
    return table


def main() -> None:
    """Entry point: our own errors become one sentence and exit code 1."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app(prog_name="psylite")
    except PsyLiteError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
