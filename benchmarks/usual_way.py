"""The same turns judged three ways: by asking a chat model, by a rule of eleven words, and by us.

`python -m benchmarks.usual_way` (PSYLITE_DATA_DIR names the folder with the stand-in's weights). The chat model is the
stand-in, asked as our optional second judge asks: one level in JSON. All of evals/judgement/rows.jsonl goes to us and
to the rule; the model, which needs seconds for each, gets a sample that is the same in every run (`--rows`), and the
others are shown on that sample too. An alarm is any level above none.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.progress import track
from rich.table import Table

from benchmarks.common import console, cpu_seconds, percentiles, save
from benchmarks.servers import ROOT, free_port, wait_for
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Risk
from psylite_pipeline.errors import ModelError
from psylite_pipeline.ollama_model import OllamaModel
from psylite_pipeline.opening import open_counsellor, open_prompts
from psylite_pipeline.risk import judge
from psylite_pipeline.settings import Settings
from psylite_pipeline.training.evaluate import ELEVEN

ROWS = ROOT / "evals" / "judgement" / "rows.jsonl"
SECONDS = 120.0

Judge = Callable[[Conversation], Risk | None]


def _judged(rows: list[dict[str, Any]], level_of: Judge, cpu: Callable[[], float], name: str) -> dict[str, Any]:
    said, times = [], []
    before = cpu()
    for row in track(rows, description=name, console=console, transient=True):
        started = time.perf_counter()
        said.append(level_of(Conversation.from_body(row)))
        times.append(1000 * (time.perf_counter() - started))
    spent = 1000 * (cpu() - before) / len(rows)
    pairs = [(Risk.parse(row["risk"]), level) for row, level in zip(rows, said, strict=True)]
    answered = [(true, level) for true, level in pairs if level is not None]
    danger = [level for true, level in answered if true > Risk.NONE]
    grave = [level for true, level in answered if true >= Risk.HIGH]
    calm = [level for true, level in answered if true is Risk.NONE]

    def share(levels: list[Risk], least: Risk) -> list[float]:
        """Part and whole, so that the interval can be seen from the table."""
        return [sum(level >= least for level in levels), len(levels)]

    right = sum((true > Risk.NONE) == (level > Risk.NONE) for true, level in answered)
    return {
        "rows": len(rows),
        "no_answer": len(rows) - len(answered),
        "alarm_where_danger": share(danger, Risk.CONCERN),
        "crisis_where_high": share(grave, Risk.HIGH),
        "alarm_where_none": share(calm, Risk.CONCERN),
        "accuracy": round(right / max(1, len(answered)), 3),
        "ms": percentiles(times),
        "cpu_ms": round(spent, 2),
    }


def _rule(conversation: Conversation) -> Risk:
    return Risk.HIGH if conversation.last and ELEVEN.search(conversation.last.text) else Risk.NONE


def _model_judge(url: str) -> Judge:
    model = OllamaModel(url, num_ctx=2048, keep_alive="30m")
    asked = open_prompts(Settings.load()).judge

    def level(conversation: Conversation) -> Risk | None:
        try:
            return judge.ask(model, "psylite", conversation.turns, SECONDS, asked)
        except ModelError:
            return None

    return level


def _own_cpu() -> float:
    return time.process_time()


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100, help="how many of the rows the chat model gets; 0: none")
    chosen = parser.parse_args()
    rows = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    sample = random.Random(11).sample(rows, min(chosen.rows, len(rows)))
    settings = Settings.load()
    counsellor = open_counsellor(settings)
    counsellor.warm_up()
    counsellor.decide(Conversation.from_body(rows[0]))

    def ours(conversation: Conversation) -> Risk:
        return counsellor.decide(conversation).risk

    found: dict[str, Any] = {}
    for name, level_of in (("eleven words", _rule), ("PsyLite", ours)):
        found[f"{name}, all rows"] = _judged(rows, level_of, _own_cpu, name)
        if sample:
            found[f"{name}, sample"] = _judged(sample, level_of, _own_cpu, name)
    if sample:
        port = free_port()
        command = [sys.executable, "-m", "psylite_pipeline.stack.standin", "serve", "--port", str(port)]
        command += ["--data-dir", str(_weights(settings)), "--name", "psylite"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(process, f"http://127.0.0.1:{port}", 300)
            ask = _model_judge(f"http://127.0.0.1:{port}")
            ask(Conversation.from_body(rows[0]))  # it reads its instruction once
            cpu = lambda: cpu_seconds(process.pid)  # noqa: E731
            found["chat model, sample"] = _judged(sample, ask, cpu, "chat model")
        finally:
            process.terminate()
            process.wait(30)
    _show(found)
    save("usual_way", judges=found)


def _weights(settings: Settings) -> Path:
    """The folder in which `psylite up` keeps the stand-in's weights."""
    return settings.data_dir / "standin"


def _show(found: dict[str, Any]) -> None:
    table = Table("judge", "danger: alarm", "high: crisis", "none: alarm", "accuracy", "p50 ms", "p95 ms", "CPU ms")
    for name, one in found.items():
        shares = ["{}/{}".format(*one[key]) for key in ("alarm_where_danger", "crisis_where_high", "alarm_where_none")]
        table.add_row(name, *shares, *map(str, (one["accuracy"], one["ms"]["p50"], one["ms"]["p95"], one["cpu_ms"])))
    console.print(table)


if __name__ == "__main__":
    main()
