"""One picture for each file of figures: benchmarks/results/NAME.png beside NAME.json.

`save` draws it whenever it writes figures; `python -m benchmarks.figures` draws all again from the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
RESULTS = Path(__file__).parent / "results"


def draw(name: str, found: Figures, folder: Path) -> None:
    """Write `folder`/NAME.png, where NAME has a picture."""
    if name not in DRAWN:
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    DRAWN[name](axes, found)
    drawing.savefig(folder / f"{name}.png", dpi=130, metadata={"Software": None})
    plt.close(drawing)


def decision(axes: Any, found: Figures) -> None:
    """Milliseconds by length of the turn."""
    for language in dict.fromkeys(one["language"] for one in found["scenes"]):
        scenes = [one for one in found["scenes"] if one["language"] == language and one["turns"] == 2]
        across, middle = [one["characters"] for one in scenes], [one["ms"]["p50"] for one in scenes]
        late = [one["ms"]["p99"] - one["ms"]["p50"] for one in scenes]
        axes.errorbar(across, middle, [[0] * len(late), late], fmt="o-", capsize=3, label=f"{language}: p50, up to p99")
    axes.set_xscale("log")
    _named(axes, "One judgement", "characters of the turn", "ms")


def overhead(axes: Any, found: Figures) -> None:
    """The first token, alone and through us, as a share of the time alone."""
    scenes = found["scenes"]
    for place, (way, label) in enumerate((("straight", "Ollama alone"), ("pipe", "through us"))):
        ms = [one["first_token_ms"][way]["p50"] for one in scenes.values()]
        shares = [
            value / one["first_token_ms"]["straight"]["p50"] for value, one in zip(ms, scenes.values(), strict=True)
        ]
        bars = axes.barh([at + 0.38 * place for at in range(len(ms))], shares, 0.34, label=label)
        axes.bar_label(bars, [f"{value:.0f} ms" for value in ms], fontsize=8, label_type="center", color="white")
    axes.axvline(1.05, color="grey", linestyle=":", label="aim: 1.05 times")
    axes.set_yticks([at + 0.19 for at in range(len(scenes))], list(scenes))
    axes.set_xlim(0, 1.3)
    _named(axes, "The first token", "times as late as from Ollama alone", "", columns=3)


def load(axes: Any, found: Figures) -> None:
    """What is added to the first token, by people at once."""
    people = [one["people"] for one in found["levels"]]
    for share, form in (("p50", "o-"), ("p99", "s--")):
        axes.plot(people, [one["added_first_ms"][share] for one in found["levels"]], form, label=f"added, {share}")
    axes.plot(64, 150, "kx", label="aim: 64 people, p99 below 150 ms")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(people, list(map(str, people)))
    _named(axes, "Many people at once", "people", "ms until the first token")


def usual_way(axes: Any, found: Figures) -> None:
    """What each judge sees, and what it takes for danger where there is none."""
    judges = list(found["judges"].items())[::-1]
    for place, (key, label) in enumerate(
        (("alarm_where_none", "alarm where none"), ("alarm_where_danger", "alarm where danger"))
    ):
        shares = [one[key][0] / one[key][1] for _, one in judges]
        bars = axes.barh([at + 0.38 * place for at in range(len(judges))], shares, 0.34, label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=3)
    axes.set_yticks(
        [at + 0.19 for at in range(len(judges))], [f"{name}\n{one['ms']['p50']:g} ms" for name, one in judges]
    )
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlim(0, 1.2)
    _named(axes, "Against the usual way (p50 of one judgement)", "share of the rows", "")


def output_check(axes: Any, found: Figures) -> None:
    """How long a letter waits, by the model's pace."""
    columns = [
        (f"{language}, {scene}", one["waited_ms"][scene])
        for language, one in found["languages"].items()
        for scene in one["waited_ms"]
    ]
    for place, share in enumerate(("mean", "p95", "p99")):
        bars = axes.bar([at + 0.27 * place for at in range(len(columns))], [ms[share] for _, ms in columns], 0.25)
        bars.set_label(share)
        axes.bar_label(bars, fmt="%.3g", fontsize=8)
    axes.set_xticks([at + 0.27 for at in range(len(columns))], [name for name, _ in columns], fontsize=8)
    _named(axes, "The last look at the model's words", "", "ms that a letter waits")


def soak(axes: Any, found: Figures) -> None:
    """Who answered while each thing went wrong."""
    episodes = found["episodes"][::-1]
    names, left = [one["fault"] for one in episodes], [0.0] * len(episodes)
    for key, label in (("by_model", "the model's words"), ("fixed_words", "fixed words"), ("silent", "no words")):
        shares = [one[key] / max(one["turns"], 1) for one in episodes]
        axes.barh(names, shares, left=left, label=label)
        left = [before + share for before, share in zip(left, shares, strict=True)]
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlim(0, 1)
    axes.figure.legend(
        *axes.get_legend_handles_labels(), ncols=3, loc="outside lower center", fontsize=8, frameon=False
    )
    axes.set_title("While everything goes wrong in turn", fontsize=10)
    axes.set_xlabel("share of the turns")


def retrieval(axes: Any, found: Figures) -> None:
    """Both measures by system, and the silence where none fits."""
    labels = ("hit@3", "nDCG@5", "nothing where none fits")
    for place, (name, of) in enumerate(found["systems"].items()):
        values = (of["hit@3"], of["ndcg@5"], of["nothing_where_none_fits"])
        bars = axes.bar([at + 0.27 * (place - 1) for at in range(3)], values, 0.25, label=name)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set_xticks(range(3), labels)
    axes.set_ylim(0, 1.2)
    _named(axes, "Finding a snippet", "", "", columns=3)


def index(axes: Any, found: Figures) -> None:
    """Milliseconds by size, with recall."""
    sizes = found["sizes"]
    across = [one["snippets"] for one in sizes]
    axes.plot(across, [one["p50_ms"] for one in sizes], "o-", label="the nearest ten")
    turns = [one["as_a_turn_asks"]["processor_p50_ms"] for one in sizes]
    axes.plot(across, turns, "s--", label="as a turn asks")
    for one in sizes:
        label, at = f"recall@10 {one['recall_at_10']:.3f}", (one["snippets"], one["p50_ms"])
        axes.annotate(label, at, (0, -14), textcoords="offset points", fontsize=8, ha="center")
    axes.set_xscale("log")
    axes.set_ylim(bottom=-0.8)
    _named(axes, "Searching the index", "snippets", "p50, ms of one core")


def _named(axes: Any, title: str, across: str, up: str, columns: int = 1) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.legend(fontsize=8, frameon=False, ncols=columns)


DRAWN: dict[str, Callable[[Any, Figures], None]] = {
    one.__name__: one for one in (decision, overhead, load, usual_way, output_check, soak, retrieval, index)
}


def main() -> None:
    """Draw all that is measured."""
    for name in DRAWN:
        path = RESULTS / f"{name}.json"
        if path.is_file():
            draw(name, json.loads(path.read_text(encoding="utf-8")), RESULTS)


if __name__ == "__main__":
    main()
