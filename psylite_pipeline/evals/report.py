"""The report: one HTML file without any script or address in it, systems side by side."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby, product
from pathlib import Path

from psylite_pipeline.evals.figures import RESAMPLES, Figure
from psylite_pipeline.evals.measures import KINDS, Result, highest

#: Fewer talks than this say little; the report then says so.
FEW = 20

_STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1d2733; }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #ccd5dd }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #e3e8ec; vertical-align: top }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 2px solid #8fa1b0 }
td small { color: #5a6b7a; white-space: nowrap } .note { color: #5a6b7a; max-width: 48rem }
.warn { background: #fff4dc; border-left: 4px solid #d99a1b; padding: .5rem 1rem; max-width: 48rem }
details summary { cursor: pointer } code { font-size: .85em; overflow-wrap: anywhere }
svg { max-width: 100%; height: auto }
"""

_COLOURS = ("#9fb3c4", "#3b6f94", "#e0b36a", "#b4622d", "#a9c79c", "#4f8a4a", "#c3a5cf", "#75508a")


def write(results: Sequence[Result], path: Path) -> None:
    """Write the report on `results` to `path`."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"<h1>Evaluation</h1><p class=note>Made {now}. In brackets: 95 % bootstrap intervals ({RESAMPLES} resamples of "
        "talks), then the number of talks. Figures made by different judges cannot be compared. Agreement of judges: "
        "share of equal scores, Cohen's kappa with quadratic weights, the number of verdicts.</p>"
    ]
    grouped = {name: list(group) for name, group in groupby(results, key=lambda one: one.evaluation)}
    if len(grouped) > 1:
        parts.append(_summary(grouped))
    parts += [_evaluation(name, group) for name, group in grouped.items()]
    parts.append(_provenance(results))
    page = f"<!doctype html>\n<html lang=en><meta charset=utf-8><title>Evaluation</title><style>{_STYLE}</style>\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page + "\n".join(parts) + "\n</html>\n", encoding="utf-8")


def _summary(grouped: Mapping[str, Sequence[Result]]) -> str:
    """What each evaluation is summed up by, all systems of the report side by side."""
    columns: dict[str, dict[str, str]] = {}
    for name, results in grouped.items():
        for one, figure in product(results, KINDS[name].main):
            row = f"{KINDS[name].title.partition(':')[0]}, {_with_highest(name, figure)}"
            columns.setdefault(one.system, {})[row] = _cell(one.headline.get(figure))
    return f"<h2>In short</h2>{_table('', columns)}"


def _evaluation(name: str, results: Sequence[Result]) -> str:
    kind = KINDS[name]
    parts = [f"<h2>{escape(kind.title)}</h2><p class=note>{escape(kind.told)}</p>", *_warnings(results)]
    headline = {one.system: one.headline for one in results}
    parts += [chart(headline, highest(name)), _figures(name, "", headline)]
    for group in kind.groups:
        values = list(dict.fromkeys(value for one in results for value in one.tables[group]))
        inner = "".join(
            _figures(
                name, value, {one.system: one.tables[group][value] for one in results if value in one.tables[group]}
            )
            for value in values
        )
        parts.append(f"<details><summary>By {escape(group)} ({len(values)})</summary>{inner}</details>")
    return "\n".join([*parts, _judges(results)])


def _warnings(results: Sequence[Result]) -> list[str]:
    told: list[str] = []
    # A rule that few talks call for makes no small evaluation: its own number stands beside it.
    fewest = min(max((figure.n for figure in one.headline.values()), default=0) for one in results)
    if fewest < FEW:
        counted = "questions" if results[0].evaluation == "ceval" else "talks"
        told.append(f"No more than {fewest} {counted}: a check that everything runs, no result.")
    judged = {judge["model"] for one in results for judge in one.made["judges"]}
    if own := sorted({one.system for one in results if one.made["model"] in judged}):
        told.append(f"{', '.join(own)}: judged by the same model that answered. Models favour their own words.")
    if len({tuple((judge["model"], judge["digest"]) for judge in one.made["judges"]) for one in results}) > 1:
        told.append("These systems were weighed by different judges and cannot be compared.")
    for key, what in (("data", "answered different talks"), ("sampling", "answered with different settings")):
        if len({str(one.made[key]) for one in results}) > 1:
            told.append(f"These systems {what} (see the end of the page): compare with care.")
    told += [
        f"{one.system}: nothing came for {one.failed} of them, which are not counted." for one in results if one.failed
    ]
    return [f"<p class=warn>{escape(text)}</p>" for text in told]


def _table(title: str, columns: Mapping[str, Mapping[str, str]]) -> str:
    """A column a system; the cells are HTML."""
    rows = list(dict.fromkeys(name for column in columns.values() for name in column))
    head = "".join(f"<th>{escape(system)}" for system in columns)
    body = "".join(
        f"<tr><td>{escape(name)}" + "".join(f"<td>{column.get(name, '–')}" for column in columns.values())
        for name in rows
    )
    return f"<table><thead><tr><th>{escape(title)}{head}<tbody>{body}</table>"


def _figures(name: str, title: str, columns: Mapping[str, Mapping[str, Figure]]) -> str:
    cells = {
        system: {_with_highest(name, figure): _cell(value) for figure, value in column.items()}
        for system, column in columns.items()
    }
    return _table(title, cells)


def _with_highest(name: str, figure: str) -> str:
    return f"{figure} (of {highest(name)[figure]:g})"


def _cell(figure: Figure | None) -> str:
    if figure is None or not figure.n:
        return "–"
    return f"{figure.mean:.2f} <small>({figure.low:.2f} to {figure.high:.2f}; {figure.n})</small>"


def _judges(results: Sequence[Result]) -> str:
    unread = {
        one.system: {judge: f"{bad} of {of}" for judge, (bad, of) in one.unread.items()}
        for one in results
        if one.unread
    }
    parts = [_table("unreadable verdicts", unread)] if unread else []
    for judges in dict.fromkeys(pair.judges for one in results for pair in one.agreement):
        cells = {
            one.system: {
                pair.scale: f"{pair.equal:.0%} <small>(kappa {_number(pair.kappa)}; {pair.n})</small>"
                for pair in one.agreement
                if pair.judges == judges
            }
            for one in results
        }
        parts.append(_table(f"agreement of {' and '.join(judges)}", cells))
    return "".join(parts)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _provenance(results: Sequence[Result]) -> str:
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{text}"
            for text in (
                escape(f"{one.evaluation}, {one.system}"),
                f"<code>{escape(one.made['digest'])}</code>",
                f"<code>{escape(one.made['pipeline'] or 'none')}</code>",
                "<br>".join(f"{escape(j['label'])} <code>{escape(j['digest'][:16])}</code>" for j in one.made["judges"])
                or "none",
                escape(", ".join(f"{name} {value}" for name, value in one.made["sampling"].items())),
                escape(f"{one.made['data']}; {one.made['at']}"),
                escape(", ".join(f"{name} {value}" for name, value in one.made["versions"].items())),
            )
        )
        for one in results
    )
    head = "<th>".join(("what", "weights", "pipeline", "judges", "sampling", "data and time", "versions"))
    return f"<h2>Where the figures come from</h2><table><thead><tr><th>{head}<tbody>{rows}</table>"


def chart(columns: Mapping[str, Mapping[str, Figure]], most: Mapping[str, float]) -> str:
    """Bars with their intervals, each as a share of the highest value there is, one colour a system, as SVG text. Needs
    matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    height = 0.6 + len(names) * (0.16 + 0.15 * len(columns))
    drawing, axes = pyplot.subplots(figsize=(9, max(1.8, height)), layout="constrained")
    wide = 0.8 / max(1, len(columns))
    for place, (system, column) in enumerate(columns.items()):
        there = [row for row, name in enumerate(names) if name in column and column[name].n]
        shown = [(column[names[row]], most[names[row]]) for row in there]
        at = [row + (place - (len(columns) - 1) / 2) * wide for row in there]
        spread = [[(f.mean - f.low) / top for f, top in shown], [(f.high - f.mean) / top for f, top in shown]]
        colour = _COLOURS[place % len(_COLOURS)]
        axes.barh(
            at, [f.mean / top for f, top in shown], wide, xerr=spread, color=colour, label=_ascii(system), capsize=2
        )
    axes.set_yticks(range(len(names)), [_ascii(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("of the highest possible")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")
    text = io.StringIO()
    drawing.savefig(text, format="svg", metadata={"Date": None})
    pyplot.close(drawing)
    return re.sub(r"^.*?(?=<svg)|<metadata>.*?</metadata>", "", text.getvalue(), flags=re.DOTALL)


def _ascii(text: str) -> str:
    """matplotlib's own font has no Chinese letters."""
    return text.encode("ascii", "replace").decode()
