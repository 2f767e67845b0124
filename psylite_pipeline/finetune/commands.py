"""`psylite model mix | reason | pairs | llama | train | merge | internlm2 | gguf | check`. The work is beside."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from psylite_pipeline.errors import RecipeError

console = Console()
model = typer.Typer(
    help="Make the PsyLite model: data, two stages of training, export (model/README.md).", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the group `model` to the command line."""
    app.add_typer(model, name="model")


@model.command()
def mix(
    out: Annotated[Path, typer.Option(help="File to write; card and statistics go beside it.")],
    general: Annotated[list[Path] | None, typer.Option(help="JSON lines of general reasoning; repeatable.")] = None,
    counselling: Annotated[list[Path] | None, typer.Option(help="JSON lines of counselling. May be repeated.")] = None,
    evaluated: Annotated[
        list[Path] | None, typer.Option(help="Evaluation sets to hold out, files or folders. May be repeated.")
    ] = None,
    general_rows: Annotated[int, typer.Option(min=0, help="Rows of general reasoning.")] = 10_000,
    counselling_rows: Annotated[int, typer.Option(min=0, help="Rows of counselling.")] = 3_000,
    seed: Annotated[int, typer.Option(help="For the choice and the order.")] = 1,
) -> None:
    """Build the training set of stage 1: no twins, nothing of the evaluation sets, with data card and statistics."""
    from psylite_pipeline.finetune import mix as mixing

    held_out, sources = evaluated or [], (general or [], counselling or [])
    rows, counts = mixing.build(*sources, held_out, (general_rows, counselling_rows), seed)
    mixing.save(rows, counts, [*sources[0], *sources[1]], held_out, seed, out)
    for kind, told in counts.items():
        console.print(
            f"{kind}: {told.kept} kept of {told.read} read; {told.twins} twins, {told.leaks} leaks, "
            f"{told.too_long} too long"
        )
    if not held_out:
        console.print("No leakage check was made: name the evaluation sets with --evaluated.", style="yellow")


@model.command()
def reason(
    rows: Annotated[Path, typer.Argument(help="JSON lines of counselling, in any layout that `mix` reads.")],
    teacher: Annotated[str, typer.Option(help="ollama:NAME or openai:NAME, then @http://… (key in PSYLITE_EVAL_KEY).")],
    out: Annotated[Path, typer.Option(help="File to write; the same one goes on where it stopped.")],
    at_once: Annotated[int, typer.Option(min=1, help="Calls under way together.")] = 4,
    seed: Annotated[int, typer.Option(help="Which answer of a talk is learnt, and the teacher's sampling.")] = 1,
) -> None:
    """Let a teacher model write the reasoning before each answer that has none; checked, tried three times, resumed."""
    from psylite_pipeline.evals.endpoint import Address, Endpoint, Sampling
    from psylite_pipeline.finetune import data
    from psylite_pipeline.finetune import reason as reasoning

    asked = list(data.rows(rows, "counselling", seed))
    model = Endpoint(Address.parse(teacher), Sampling(seed=seed, temperature=0.7, max_tokens=2048, num_ctx=8192))
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console) as progress:
        bar = progress.add_task("Thinking", total=len(asked))
        counts = reasoning.inject(asked, model, out, at_once, lambda n, of: progress.update(bar, completed=n, total=of))
    told = Counter(counts)
    console.print(f"{told.pop('', 0)} of {len(asked)} rows have reasoning. Given up: {dict(told) or 'none'}.")


@model.command()
def pairs(
    files: Annotated[list[Path], typer.Argument(help="Preferences: chosen and rejected, or PKU-SafeRLHF.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    limit: Annotated[int, typer.Option(min=0, help="So many pairs by chance of the seed; 0: all.")] = 0,
    seed: Annotated[int, typer.Option()] = 1,
    evaluated: Annotated[list[Path] | None, typer.Option(help="As for `mix`.")] = None,
) -> None:
    """Prepare the preferences of stage 2: no twins, nothing of the evaluation sets."""
    from psylite_pipeline.finetune import data
    from psylite_pipeline.finetune import mix as mixing

    kept, told = mixing.preferences(files, evaluated or [], limit, seed)
    data.write(out, kept)
    console.print(f"{told.kept} pairs kept of {told.read} read; {told.twins} twins, {told.leaks} leaks")


@model.command()
def llama(
    base: Annotated[Path, typer.Argument(help="Folder of an InternLM2, in safetensors.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
) -> None:
    """The base as a Llama: the same function, and no code that comes with it has to be run. Training starts from it."""
    from psylite_pipeline.finetune import internlm

    _need("torch", "safetensors", "transformers", "sentencepiece")
    internlm.as_llama(base, out)
    console.print(f"As a Llama: {out}")


@model.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="model/sft.yaml or model/orpo.yaml.")],
    base: Annotated[str, typer.Option(help="Folder of the base model, or a name that is here already.")],
    rows: Annotated[Path, typer.Option(help="What `mix`, `reason` or `pairs` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for adapter, checkpoints, curves.png; goes on where it stopped.")],
    change: Annotated[
        list[str] | None, typer.Option("--set", help="name=value of the recipe. May be repeated.")
    ] = None,
) -> None:
    """One stage of training. Resumes; writes loss curves, and the margin of the better answer for ORPO."""
    from psylite_pipeline.finetune import recipe as recipes
    from psylite_pipeline.finetune.train import train as run

    _need("torch", "trl", "peft", "datasets", "yaml", "matplotlib")
    changes = {name: value for name, _, value in (text.partition("=") for text in change or [])}
    told = run(recipes.load(recipe, changes), base, rows, out)
    names = ("train_loss", "loss", "eval_loss", "rewards/margins", "train_runtime", "peak_gpu_gb")
    shown = {key: told[key] for key in names if key in told}
    figures = ", ".join(f"{key} {float(value):.4f}" for key, value in shown.items())
    console.print(f"{out / 'adapter'}: {figures}", soft_wrap=True)


@model.command()
def merge(
    base: Annotated[str, typer.Option(help="The model that the adapter was trained on.")],
    adapter: Annotated[Path, typer.Option(help="Folder `adapter` of a stage.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
) -> None:
    """Put an adapter into the weights; stage 2 and the export start from the result."""
    from psylite_pipeline.finetune import export

    _need("torch", "peft", "transformers")
    export.merge(base, adapter, out)
    console.print(f"Merged: {out}")


@model.command()
def internlm2(
    merged: Annotated[Path, typer.Argument(help="Folder that `merge` wrote.")],
    like: Annotated[Path, typer.Option(help="The base as it came: its shards, configuration and tokenizer.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
) -> None:
    """Back from Llama: llama.cpp reads InternLM2's vocabulary in a way of its own."""
    from psylite_pipeline.finetune import internlm

    _need("torch", "safetensors")
    internlm.as_internlm2(merged, like, out)
    console.print(f"As an InternLM2: {out}")


@model.command()
def gguf(
    merged: Annotated[Path, typer.Argument(help="Folder that `internlm2` or `merge` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the GGUF files and the Modelfile.")],
    kind: Annotated[str, typer.Option(help="Quantisation, as llama-quantize names it.")] = "q4_k_m",
    example: Annotated[Path, typer.Option(help="Modelfile whose FROM is replaced.")] = Path("model/Modelfile"),
    create: Annotated[str, typer.Option(help="Also `ollama create` under this name.")] = "",
) -> None:
    """GGUF by llama.cpp's own tools, quantised, checked, with a Modelfile."""
    from psylite_pipeline.finetune import export

    _need("gguf", "jinja2", "torch")
    full, small = out / "psylite-f16.gguf", out / f"psylite-{kind}.gguf"
    export.gguf(merged, full)
    export.quantise(full, small, kind)
    export.modelfile(small, example, out / "Modelfile")
    check(small)
    if create:
        export.create(create, out / "Modelfile")


@model.command()
def check(path: Annotated[Path, typer.Argument(help="A GGUF file.")]) -> None:
    """Look whether chat template, stop tokens and <think> survived, and whether it stays within 5 GB. Exit 1 if not."""
    from psylite_pipeline.finetune import check as checking

    _need("gguf", "jinja2")
    found = checking.check(path)
    for one in found:
        console.print(f"{'ok' if one.good else 'NO'}  {one.what}: {one.seen}", markup=False, highlight=False)
    if not all(one.good for one in found):
        raise typer.Exit(1)


def _need(*modules: str) -> None:
    from importlib.util import find_spec

    if any(find_spec(module) is None for module in modules):
        raise RecipeError(
            "This command needs the extra: install psylite-pipeline[train-model], or run `make train-demo`."
        )
