"""The tables of docs/trust.md, from benchmarks/results/*.json: a figure that no command wrote cannot stand there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
_COMMANDS = "`python -m benchmarks.{}`"


def _read(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _with_machine(name: str, text: str) -> str:
    found = _read(name)
    if found is None:
        return f"Not measured yet: {_COMMANDS.format(name)}."
    m = found["machine"]
    facts = (
        f"{_COMMANDS.format(name)}, {m['when']}, {m['processor']}, {m['cores']} cores, {m['memory_gb']} GB, "
        f"Python {m['python']}, load average {m['load_average']} when it ended, commit {m['commit']}."
    )
    return f"{facts}\n\n{text}"


def decision() -> str:
    """Milliseconds of one judgement."""
    found = _read("decision")
    if found is None:
        return _with_machine("decision", "")
    rows = [
        [one["language"], one["characters"], one["turns"], *(one["ms"][key] for key in ("p50", "p95", "p99"))]
        for one in found["scenes"]
    ]
    table = _table(["language", "characters", "turns", "p50 ms", "p95 ms", "p99 ms"], rows)
    memory, cold = found["memory_mb"], sorted(found["cold_start_seconds"])[1]
    tail = f"Memory of the process: {memory['before']} MB before, {memory['after']} MB after. "
    tail += (
        f"A new process gives its first decision after {cold} s (median of 3), and its first in the midst of a talk "
    )
    turns, restarted = found.get("restarted_turns", 40), found["restarted_ms"]["p50"]
    tail += f"of {turns} turns, none of them remembered, takes {restarted} ms (p50)."
    return _with_machine("decision", f"{table}\n\n{tail}")


def overhead() -> str:
    """First token and pace against Ollama alone."""
    found = _read("overhead")
    if found is None:
        return _with_machine("overhead", "")
    rows = []
    for scene, one in found["scenes"].items():
        first, rate = one["first_token_ms"], one["letters_a_second"]
        row = [scene, first["straight"]["p50"], first["pipe"]["p50"], one["first_token_ratio"]]
        rows.append([*row, rate["straight"], rate["pipe"], one["rate_ratio"]])
    head = ["model", "first token alone, ms", "through us, ms", "times", "letters/s alone", "through us", "times"]
    return _with_machine("overhead", _table(head, rows))


def load() -> str:
    """Many people at once."""
    found = _read("load")
    if found is None:
        return _with_machine("load", "")
    rows = []
    for one in found["levels"]:
        added, whole, alone = one["added_first_ms"], one["added_whole_ms"], one["straight_first_ms"]
        row = [one["people"], one["turns_a_second"], one["errors"], added["p50"], added["p99"], whole["p99"]]
        rows.append([*row, alone["p99"], one["loop_lag_ms"]["p99"], one["cpu_ms_a_turn"]])
    head = ["people", "turns/s", "errors", "added to first token, p50 ms", "p99", "added to whole answer, p99"]
    table = _table([*head, "machine alone, p99", "event-loop lag, p99", "processor ms a turn"], rows)
    memory = ", ".join(f"{mb} after {turns:,}" for turns, mb in found["memory_mb"])
    return _with_machine("load", f"{table}\n\nMemory of the server in MB: {memory} turns.")


def output_check() -> str:
    """The last look at the model's words."""
    found = _read("output_check")
    if found is None:
        return _with_machine("output_check", "")
    rows = []
    for language, one in found["languages"].items():
        work = one["processor_ms"]
        row = [language, one["pieces"], work["p50"], work["p99"], f"{one['share_that_waits']:.1%}"]
        row += [one["letters_held_mean"], one["letters_held_most"]]
        rows.append([*row, *(f"{ms['mean']} / {ms['p95']} / {ms['p99']}" for ms in one["waited_ms"].values())])
    scenes = [f"waiting at the pace of a {scene}, ms" for scene in next(iter(found["languages"].values()))["waited_ms"]]
    head = ["language", "pieces", "processor ms a piece, p50", "p99", "letters that wait", "letters held, mean", "most"]
    stopped = sum(one["answers_stopped"] for one in found["languages"].values())
    tail = f"{stopped} of {found['answers'] * len(rows)} answers were stopped and count up to there."
    for language, one in found["languages"].items():
        words = one["forbidden"]
        tail += (
            f" Of {words['examples']} forbidden sentences ({language}) {words['stopped']} were stopped, with"
            f" {words['letters_shown'] / words['letters']:.1%} of their letters shown before that."
        )
    return _with_machine("output_check", f"{_table([*head, *scenes], rows)}\n\n{tail}")


def start() -> str:
    """The start of the server, as it is and as it was, and its parts."""
    found = _read("start")
    if found is None:
        return _with_machine("start", "")
    loads = {way: one["median"] for way, one in found["loads"].items()}
    ways = _table(["loads", *loads["beside it"]], [[way, *one.values()] for way, one in loads.items()])
    parts = found["parts_processor_s"]
    whole = sum(parts.values())
    shares = _table(
        ["part", "processor s", "share"], [[part, took, f"{took / whole:.0%}"] for part, took in parts.items()]
    )
    return _with_machine("start", f"Median of {found['starts']} starts of each kind.\n\n{ways}\n\n{shares}")


def usual_way() -> str:
    """A chat model as judge, eleven words, and us."""
    found = _read("usual_way")
    if found is None:
        return _with_machine("usual_way", "")
    rows = []
    for name, one in found["judges"].items():
        shares = [
            "{} of {}".format(*one[key]) for key in ("alarm_where_danger", "crisis_where_high", "alarm_where_none")
        ]
        times = [one["ms"]["p50"], one["ms"]["p95"], one["cpu_ms"]]
        rows.append([name, one["rows"], *shares, one["accuracy"], *times])
    head = ["judge", "rows", "alarm where danger", "crisis where high", "alarm where none", "accuracy"]
    return _with_machine("usual_way", _table([*head, "p50 ms", "p95 ms", "processor ms"], rows))


def soak() -> str:
    """Everything goes wrong in turn."""
    found = _read("soak")
    if found is None:
        return _with_machine("soak", "")
    rows = [
        [
            one["fault"],
            one["turns"],
            one["by_model"],
            one["fixed_words"],
            one["silent"],
            "yes" if one["recovered"] else "no",
            ", ".join(f"{mb:.0f}" for mb in one["mb"]),
        ]
        for one in found["episodes"]
    ]
    head = ["fault", "turns", "model's words", "fixed words", "no words", "next turn works", "MB held after each round"]
    tail = (
        f"{found['minutes']} minutes; memory {found['mb'][0]} MB before, {found['mb'][1]} MB after; "
        f"{found['open_files']} open files; words of a talk in the log: {'yes' if found['words_in_log'] else 'none'}."
    )
    return _with_machine("soak", f"{_table(head, rows)}\n\n{tail}")


def faults() -> str:
    """What a person reads and what the log says at each fault, as the tests have noted it; like cases in one row."""
    path = RESULTS / "faults.jsonl"
    if not path.is_file():
        return "Not written yet: `make faults`."
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        noted = json.loads(line)
        came, cut, notice = noted["reads"].rpartition("\n\n")
        reads = f"what had come, then: {notice}" if cut and len(came) < 5 else noted["reads"].replace("\n", " ")
        cases, logs = rows.setdefault(reads, ([], []))
        cases.append(noted["fault"])
        new = [one for one in noted["log"] or ["nothing"] if one not in logs]
        logs += new if len(new) <= 5 else [*new[:5], f"and {len(new) - 5} more"]
    return _table(
        ["fault", "the person reads", "the log says"],
        [["; ".join(cases), reads, "<br>".join(logs)] for reads, (cases, logs) in rows.items()],
    )
