"""What the start of the server costs: until it answers, until the first turn is answered, and what each part takes.

`python -m benchmarks.start` (about two minutes). The server is started in turn as it is, loading beside its first
answers, and as it was, loading everything before it listens; the index is there, as in the image. Processor seconds
are those of the server's process: other work on the machine does not change them much.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.common import console, cpu_seconds, save
from benchmarks.servers import KEY, ROOT, Started, pipelines

#: A loader file that loads everything before the server listens.
LOADS_FIRST = """
import asyncio

from psylite_pipeline.host import PipePipeline


class Pipeline(PipePipeline):
    async def on_startup(self):
        await asyncio.to_thread(lambda: self._counsellor().warm_up())
"""

#: What is loaded, in this order; each line is timed.
PARTS = {
    "imports: upstream's server": "import uvicorn, uvloop, psylite_pipeline.stack.server as server; server.upstream()",
    "imports: ours": "import psylite_pipeline.host; from psylite_pipeline import opening; "
    "from psylite_pipeline.settings import Settings; settings = Settings.load()",
    "rules": "opening.open_lexicon(settings)",
    "classifier": "opening.open_classifier(settings)",
    "replies, prompts, output check": "opening.open_replies(settings); opening.open_prompts(settings); "
    "opening.open_output_check(settings); opening.open_model(settings)",
    "encoder": "encoder = opening.BundledEncoder(); encoder.encode([''])",
    "snippets and index": "opening.open_shelf(settings, encoder).open()",
}
TIMED = """
import json, time
taken, namespace = {}, {}
for part, code in %r.items():
    begun = time.process_time()
    exec(code, namespace)
    taken[part] = time.process_time() - begun
print(json.dumps(taken))
"""
NOBODY = "http://127.0.0.1:9"  # a turn of danger needs no model


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5, help="of each kind")
    parser.add_argument("--name", default="start", help="name of the file with the figures")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        data, first = Path(kept) / "data", Path(kept) / "first"
        first.mkdir()
        (first / "psylite.py").write_text(LOADS_FIRST, encoding="utf-8")
        shutil.copy(ROOT / "pipelines" / "psylite_filter.py", first)
        ways = {"before it listens": first, "beside it": ROOT / "pipelines"}
        _started(data, first)  # builds the index
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        parts: list[dict[str, float]] = []
        for _ in range(chosen.starts):
            for way, loaders in ways.items():
                found[way].append(_started(data, loaders))
            parts.append(_parts(data))
    table = Table("loads", *found["beside it"][0])
    for way, starts in found.items():
        table.add_row(way, *(str(value) for value in _middle(starts).values()))
    console.print(table)
    ways_measured = {way: {"median": _middle(starts), "each": starts} for way, starts in found.items()}
    save(chosen.name, starts=chosen.starts, loads=ways_measured, parts_processor_s=_middle(parts))


def _middle(measured: list[dict[str, float]]) -> dict[str, float]:
    return {what: round(statistics.median(one[what] for one in measured), 2) for what in measured[0]}


def _started(data: Path, loaders: Path) -> dict[str, float]:
    begun = time.monotonic()
    with pipelines(NOBODY, data, loaders) as server:
        healthy, processor = time.monotonic(), cpu_seconds(server.process.pid)
        _ask(server)
        return {
            "seconds to the first answer": round(healthy - begun, 2),
            "processor s to it": processor,
            "seconds a first turn takes": round(time.monotonic() - healthy, 2),
            "processor s until then": cpu_seconds(server.process.pid),
        }


def _ask(server: Started) -> None:
    """One turn of somebody in danger, who gets fixed words."""
    body = {"model": "psylite", "stream": False, "messages": [{"role": "user", "content": "我不想活了"}]}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert "12356" in json.load(answer)["choices"][0]["message"]["content"]


def _parts(data: Path) -> dict[str, Any]:
    environment = {
        **os.environ,
        "PSYLITE_DATA_DIR": str(data),
        "PIPELINES_API_KEY": KEY,
        "PIPELINES_DIR": str(data / "p"),
    }
    done = subprocess.run(
        [sys.executable, "-c", TIMED % PARTS], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
