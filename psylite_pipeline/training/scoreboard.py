"""Shows a report: tables in the terminal, and one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_NAMES = {"concern": "alarm", "high": "crisis", "harmful": "declined", "humour": "joke fits"}


def percent(found: list[float]) -> str:
    """A share with its interval: `97.1 % (95.0-98.4)`."""
    value, low, high = (100 * number for number in found[-3:])
    return f"{value:.1f} % ({low:.1f}-{high:.1f})"


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print the scoreboard."""
    table = Table(
        "file", "question", "should be yes", "said yes", "should be no", "said yes", title="By file", box=None
    )
    for name, found in report["files"].items():
        for question, figures in found["questions"].items():
            yes, no = figures.get("recall"), figures.get("false_alarms")
            table.add_row(
                name, _NAMES[question], str(yes[0]) if yes else "", percent(yes) if yes else "",
                str(no[0]) if no else "", percent(no) if no else "",
            )  # fmt: skip
    console.print(table)
    table = Table(
        "file", "judge", "AUROC", "recall at 5 %", "precision", "recall", "false alarms", title="Ranking", box=None
    )
    for name, found in report["files"].items():
        if found["ranking"]:
            table.add_row(
                name, "PsyLite", str(found["ranking"]["auroc"]), str(found["ranking"]["recall_at_5"]), "", "", ""
            )
        for judge, floor in found.get("baselines", {}).items():
            keys = ("auroc", "recall_at_5", "precision", "recall", "false_alarms")
            table.add_row(name, judge, *(str(floor.get(key, "")) for key in keys))
    console.print(table)
    table = Table("file", "group", "rows", "alarm", "crisis", "declined", "joke fits", title="By group", box=None)
    for one in report["groups"]:
        table.add_row(one["file"], one["group"], str(one["rows"]), *(percent(one[key]) for key in _NAMES))
    console.print(table)
    if report["talks"]:
        table = Table("highest level", "talks", "any alarm", "any crisis", "any joke", title="Whole talks", box=None)
        for one in report["talks"]:
            table.add_row(
                one["highest"], str(one["talks"]), *(percent(one[key]) for key in ("alarm", "crisis", "joke"))
            )
        console.print(table)
    if report["confusion"]:
        routes = ["crisis", "decline", "support", "humour", "plain", "task"]
        table = Table("labelled \\ decided", *routes, title="Confusion", box=None)
        for label in routes:
            if label in report["confusion"]:
                table.add_row(label, *(str(report["confusion"][label].get(route, 0)) for route in routes))
        console.print(table)
    times = report["milliseconds"]
    console.print(
        f"{report['rows']} rows, {len(report['wrong'])} with a wrong answer; "
        f"milliseconds p50 {times['p50']}, p95 {times['p95']}, p99 {times['p99']}."
    )


def draw(report: Mapping[str, Any], path: Path) -> None:
    """One PNG: for each file and question the share of right answers, with intervals."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    bars = []
    for name, found in report["files"].items():
        for question, figures in found["questions"].items():
            for side, colour in (("recall", "#2a6f97"), ("false_alarms", "#c1121f")):
                if side in figures:
                    word = "should" if side == "recall" else "should not"
                    bars.append(
                        (f"{name}: {word} {_NAMES[question]} (n={figures[side][0]})", figures[side][1:], colour)
                    )
    figure, axes = pyplot.subplots(figsize=(11, 1.2 + 0.32 * len(bars)))
    for number, (_, (value, low, high), colour) in enumerate(bars):
        axes.barh(number, value, color=colour, alpha=0.75)
        axes.errorbar(value, number, xerr=[[max(value - low, 0)], [max(high - value, 0)]], color="black", capsize=2)
    axes.set_yticks(range(len(bars)), [label for label, _, _ in bars], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of rows that got this answer, with 95 % Wilson interval (blue: wanted, red: unwanted)")
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    pyplot.close(figure)
