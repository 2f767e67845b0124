"""What one judgement costs: by length of the turn, length of the talk, and language; memory; a cold start.

`python -m benchmarks.decision`. Every turn is new, so that nothing is remembered; the turns before it are those of a
real talk, remembered or not as they would be.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.common import console, percentiles, resident_mb, save
from psylite_pipeline.conversation import Conversation
from psylite_pipeline.opening import open_counsellor
from psylite_pipeline.risk.talk import REACH
from psylite_pipeline.settings import Settings

LENGTHS = (10, 40, 200, 1_000, 4_000)
TALKS = (2, 20, 100, 500)
RESTARTED = 2 * REACH
PHRASES = {
    "zh": (
        "今天工作有点累",
        "不知道怎么跟老板说",
        "晚上回家路上下雨了",
        "室友又在打游戏",
        "我想换一份工作",
        "最近睡得不好",
    ),
    "en": (
        "work was tiring today ",
        "I don't know how to tell my boss ",
        "it rained on my way home ",
        "my flatmate plays ",
    ),
}

COLD = """
import time; started = time.perf_counter()
from psylite_pipeline.opening import open_counsellor
from psylite_pipeline.settings import Settings
from psylite_pipeline.conversation import Conversation
counsellor = open_counsellor(Settings.load())
counsellor.decide(Conversation.from_body({"messages": [{"role": "user", "content": "今天有点累"}]}))
print(time.perf_counter() - started)
"""


def _text(language: str, length: int, dice: random.Random) -> str:
    text = ""
    while len(text) < length:
        text += dice.choice(PHRASES[language]) + f"{dice.randrange(999)}，"
    return text[:length]


def _talk(language: str, turns: int, length: int, dice: random.Random) -> list[dict[str, str]]:
    messages = []
    for _ in range(turns // 2 - 1):
        messages.append({"role": "user", "content": _text(language, 40, dice)})
        messages.append({"role": "assistant", "content": _text(language, 120, dice)})
    return [*messages, {"role": "user", "content": _text(language, length, dice)}]


def _measure(
    counsellor: Any, language: str, turns: int, length: int, times: int, *, fresh: bool = False
) -> dict[str, float]:
    dice = random.Random(turns * length)
    talk, spent = _talk(language, turns, length, dice), []
    for number in range(times + 2):
        talk = _talk(language, turns, length, dice) if fresh else talk
        talk[-1] = {"role": "user", "content": _text(language, length, dice)}
        decision = counsellor.decide(Conversation.from_body({"messages": talk}))
        if number > 1:  # the first ones fill the memory of earlier turns
            spent.append(decision.milliseconds)
    return percentiles(spent)


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=150)
    chosen = parser.parse_args()
    rows = []
    table = Table("language", "characters", "turns", "p50 ms", "p95 ms", "p99 ms")
    with tempfile.TemporaryDirectory() as data:
        before = resident_mb()
        counsellor = open_counsellor(Settings.load(data_dir=Path(data)))
        counsellor.warm_up()
        scenes = [(language, length, 2) for language in PHRASES for length in LENGTHS]
        scenes += [(language, 40, turns) for language in PHRASES for turns in TALKS[1:]]
        for language, length, turns in scenes:
            figures = _measure(counsellor, language, turns, length, chosen.times)
            rows.append({"language": language, "characters": length, "turns": turns, "ms": figures})
            table.add_row(language, str(length), str(turns), *(str(figures[key]) for key in ("p50", "p95", "p99")))
        restarted = _measure(counsellor, "zh", RESTARTED, 40, chosen.times // 5, fresh=True)
        memory = {"before": before, "after": resident_mb()}
        environment = {"PSYLITE_DATA_DIR": data}
        cold = [_cold(environment) for _ in range(3)]
    console.print(table)
    console.print(f"MB: {memory}; cold start to the first decision: {sorted(cold)[1]:.2f} s")
    console.print(f"a talk of {RESTARTED} turns, none of them remembered, as after a restart: {restarted}")
    save(
        "decision",
        scenes=rows,
        restarted_ms=restarted,
        restarted_turns=RESTARTED,
        memory_mb=memory,
        cold_start_seconds=[round(one, 2) for one in cold],
    )


def _cold(environment: dict[str, str]) -> float:

    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", COLD], env={**os.environ, **environment}, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
