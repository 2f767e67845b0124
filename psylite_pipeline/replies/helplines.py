"""Helplines as data, and the words that replies put in the place of {line}, {short}, {emergency} and {police}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.replies.tables import StrictTable, read_toml

REGIONS = ("CN", "HK", "TW", "SG", "US", "CA", "GB", "IE", "AU", "EU", "INTL")
TEXT_LANGUAGES = ("zh-Hans", "zh-Hant", "en")
PLACEHOLDERS = ("line", "short", "emergency", "police")
_KINDS = ("crisis", "emergency", "youth")
_HELP = ("ambulance", "police", "both")
_OR = {"zh-Hans": " 或 ", "zh-Hant": " 或 ", "en": " or "}
# Where one number is both police and ambulance, the second mention in a sentence.
_AGAIN = {"zh-Hans": "同一个电话", "zh-Hant": "同一支電話", "en": "the same number"}
_GAP_BETWEEN_HAN = re.compile(r"(?<=[\u3001-\u303f\u4e00-\u9fff\uff00-\uffef]) (?=[\u4e00-\u9fff])")
_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Helpline:
    """One row of helplines.toml. `source_date` is "" where the source bears none; texts are by language."""

    id: str
    regions: tuple[str, ...]
    kind: str
    help: str
    number: str
    spoken: bool
    source: str
    source_date: str
    checked: str
    place: Mapping[str, str]
    name: Mapping[str, str]
    hours: Mapping[str, str]
    says: Mapping[str, str]
    brief: Mapping[str, str]

    def words(self, lang: str, *, named: bool, placed: bool, brief: bool) -> str:
        """The number as a reply says it: with its name (`named`) or its place (`placed`), and hours, in brackets."""
        if brief and lang in self.brief:
            return self.brief[lang]
        if lang in self.says:
            return self.says[lang]
        label = self.place[lang] if placed else self.name[lang] if named else ""
        notes = [note for note in (label, self.hours[lang] if self.kind == "crisis" else "") if note]
        if not notes:
            return self.number
        return f"{self.number} ({', '.join(notes)})" if lang == "en" else f"{self.number}（{'，'.join(notes)}）"


class Helplines:
    """All rows, and the choice of those that a region or, without one, a language calls for."""

    def __init__(self, rows: tuple[Helpline, ...], chosen: Mapping[tuple[str, str], tuple[Helpline, ...]]) -> None:
        self.rows = rows
        self._chosen = chosen
        self._words = {
            (region, lang, brief): self._say(region, lang, brief=brief)
            for region in ("auto", *REGIONS)
            for lang in TEXT_LANGUAGES
            for brief in (False, True)
        }

    @classmethod
    def load(cls, path: Path) -> Helplines:
        """Read helplines.toml. Raises KnowledgeError naming file, row, field and the cure."""
        table = read_toml(path)
        rows = tuple(_row(entry) for entry in table.tables("helpline"))
        by_id = {row.id: row for row in rows}
        if len(by_id) != len(rows):
            raise KnowledgeError(f"{path.name}: two rows of [[helpline]] have the same id; give each its own.")
        chosen: dict[tuple[str, str], tuple[Helpline, ...]] = {}
        for region in REGIONS:
            own = table.table("region").table(region) if region in table.table("region", optional=True).keys else None
            for slot in ("line", "emergency", "police"):
                found = _listed(own, slot, by_id) if own and slot in own.keys else _fitting(rows, region, slot)
                chosen[region, slot] = found or _fitting(rows, "INTL", slot)
                if not chosen[region, slot]:
                    raise KnowledgeError(f"{path.name}: no spoken row gives region {region} a {slot}; add one.")
        for lang in TEXT_LANGUAGES:
            auto = table.table("auto").table(lang)
            for slot in ("line", "emergency", "police"):
                chosen[f"auto.{lang}", slot] = _listed(auto, slot, by_id)
        return cls(rows, chosen)

    def fill(self, text: str, *, region: str, lang: str, brief: bool = False) -> str:
        """`text` with every placeholder replaced, shorter if `brief`. An unknown region counts as "auto", "other" is
        told in English."""
        lang = lang if lang in TEXT_LANGUAGES else "en"
        words = self._words[region if region in REGIONS else "auto", lang, brief]
        told: dict[str, str] = {}

        def put(match: re.Match[str]) -> str:
            slot = match.group(1)
            phrase = words[slot]
            if any(other != slot and said == phrase for other, said in told.items()):
                return _AGAIN[lang]
            told[slot] = phrase
            return phrase

        return _GAP_BETWEEN_HAN.sub("", _FIELD.sub(put, text))

    def _say(self, region: str, lang: str, *, brief: bool) -> dict[str, str]:
        key = f"auto.{lang}" if region == "auto" else region
        lines = self._chosen[key, "line"]
        placed = region == "auto" and len({row.regions for row in lines}) > 1
        return {
            "line": _join([row.words(lang, named=True, placed=placed, brief=brief) for row in lines], lang),
            "short": _join([row.number for row in lines], lang),
            **{
                slot: _emergency(self._chosen[key, slot], lang, placed=placed, brief=brief)
                for slot in ("emergency", "police")
            },
        }


def _emergency(rows: tuple[Helpline, ...], lang: str, *, placed: bool, brief: bool) -> str:
    """One number stands alone; of several, each says what it is for, or where."""
    named = len({row.name[lang] for row in rows}) > 1
    placed = placed and len(rows) > 1
    return _join([row.words(lang, named=named, placed=placed, brief=brief) for row in rows], lang)


def _join(parts: list[str], lang: str) -> str:
    if len(parts) < 3:
        return _OR[lang].join(parts)
    return (", " if lang == "en" else "、").join(parts[:-1]) + _OR[lang] + parts[-1]


def _fitting(rows: tuple[Helpline, ...], region: str, slot: str) -> tuple[Helpline, ...]:
    here = [row for row in rows if row.spoken and region in row.regions]
    if slot == "line":
        return tuple(row for row in here if row.kind == "crisis")
    emergency = [row for row in here if row.kind == "emergency"]
    if slot == "police":
        return tuple(row for row in emergency if row.help != "ambulance")
    return tuple(emergency)


def _listed(table: StrictTable, slot: str, by_id: Mapping[str, Helpline]) -> tuple[Helpline, ...]:
    ids = table.strings(slot)
    for name in ids:
        if name not in by_id:
            raise table.error(slot, f'names the row "{name}", which is not there; use the id of a [[helpline]]')
    return tuple(by_id[name] for name in ids)


def _row(table: StrictTable) -> Helpline:
    kind = table.one_of("kind", _KINDS)
    table.only(*Helpline.__slots__)
    return Helpline(
        id=table.text("id"),
        regions=table.some_of("regions", REGIONS),
        kind=kind,
        help=table.one_of("help", _HELP) if kind == "emergency" else "",
        number=table.text("number"),
        spoken=table.flag("spoken"),
        source=table.text("source"),
        source_date=table.text("source_date", empty=True),
        checked=table.text("checked"),
        place=_by_language(table, "place"),
        name=_by_language(table, "name"),
        hours=_by_language(table, "hours", empty=True),
        says=_by_language(table, "says") if "says" in table.keys else {},
        brief=_by_language(table, "brief") if "brief" in table.keys else {},
    )


def _by_language(table: StrictTable, field: str, *, empty: bool = False) -> dict[str, Any]:
    inner = table.table(field)
    return {lang: inner.text(lang, empty=empty) for lang in TEXT_LANGUAGES}
