"""Helplines as data, and the words that replies put in the place of {line}, {emergency} and the other placeholders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.replies.places import Places
from psylite_pipeline.replies.tables import StrictTable, read_table
from psylite_pipeline.text import HAN

REGIONS = ("CN", "HK", "TW", "SG", "US", "CA", "GB", "IE", "AU", "IN", "EU", "INTL")
TEXT_LANGUAGES = ("zh-Hans", "zh-Hant", "en")
#: What a talk is written in chooses the numbers where no region is known. "yue": Cantonese in traditional letters.
_WRITTEN = (*TEXT_LANGUAGES, "yue")
#: What `fill` takes for a region: a region itself, or what the talk is written in. "auto": the language of the text.
PLACES = ("auto", *(f"auto.{lang}" for lang in _WRITTEN), *REGIONS)
PLACEHOLDERS = ("line", "short", "abuse_line", "child_line", "emergency", "ambulance", "fire", "police")
_KINDS = ("crisis", "emergency", "abuse", "youth")
# The rows behind each placeholder, and which other ones stand in for them where there are none.
_SLOTS = {
    "line": "",
    "abuse_line": "line",
    "child_line": "abuse_line",
    "emergency": "",
    "fire": "emergency",
    "police": "",
}
_KIND_OF = {"line": "crisis", "abuse_line": "abuse", "child_line": "youth"}
_HELP = ("ambulance", "police", "both", "fire")
_OR = {"zh-Hans": " 或 ", "zh-Hant": " 或 ", "en": " or "}
# Where one number is both police and ambulance, the second mention in a sentence.
_AGAIN = {"zh-Hans": "同一个电话", "zh-Hant": "同一支電話", "en": "the same number"}
_BRACKETS = re.compile(r" ?[(（][^()（）]*[)）]$")
_GAP_BETWEEN_HAN = re.compile(rf"(?<=[\u3001-\u303f{HAN}\uff00-\uffef]) (?=[{HAN}])")
_DIALLED = re.compile(r"\d[\d ()-]*\d|[\w-]+\.[a-z]{2,}", re.IGNORECASE)
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
        notes = [note for note in (label, self.hours[lang] if self.kind != "emergency" else "") if note]
        if not notes:
            return self.number
        return f"{self.number} ({', '.join(notes)})" if lang == "en" else f"{self.number}（{'，'.join(notes)}）"

    def shortly(self, lang: str) -> str:
        """The number alone, or the words that stand for an address: nobody can ring a website."""
        return self.brief.get(lang) or self.says.get(lang) or self.number


class Helplines:
    """All rows, and the choice of those that a region or, without one, a language calls for."""

    def __init__(
        self,
        rows: tuple[Helpline, ...],
        chosen: Mapping[tuple[str, str], tuple[Helpline, ...]],
        places: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.rows = rows
        self._chosen = chosen
        self._places = Places(places or {})
        self._descriptions = {lang: [row.says[lang] for row in rows if row.says] for lang in TEXT_LANGUAGES}
        self._words = {
            (region, lang, brief): self._say(region, lang, brief=brief)
            for region in PLACES
            for lang in TEXT_LANGUAGES
            for brief in (False, True)
        }

    @classmethod
    def load(cls, path: Path) -> Helplines:
        """Read helplines.toml. Raises KnowledgeError naming file, row, field and the cure."""
        table = read_table(path)
        rows = tuple(_row(entry) for entry in table.tables("helpline"))
        by_id = {row.id: row for row in rows}
        if len(by_id) != len(rows):
            raise KnowledgeError(f"{path.name}: two rows of [[helpline]] have the same id; give each its own.")
        chosen: dict[tuple[str, str], tuple[Helpline, ...]] = {}
        places: dict[str, tuple[str, ...]] = {}
        for region in REGIONS:
            own = table.table("region").table(region) if region in table.table("region", optional=True).keys else None
            if own and "said" in own:
                places[region] = own.strings("said")
            for slot, instead in _SLOTS.items():
                found = _listed(own, slot, by_id) if own and slot in own else _fitting(rows, region, slot)
                chosen[region, slot] = found or chosen.get((region, instead)) or _fitting(rows, "INTL", slot)
                if not chosen[region, slot]:
                    raise KnowledgeError(f"{path.name}: no spoken row gives region {region} a {slot}; add one.")
        for lang in _WRITTEN:
            auto = table.table("auto").table(lang)
            for slot, instead in _SLOTS.items():
                missing = instead and slot not in auto
                chosen[f"auto.{lang}", slot] = (
                    chosen[f"auto.{lang}", instead] if missing else _listed(auto, slot, by_id)
                )
        return cls(rows, chosen, places)

    def region_of(self, said: Sequence[str]) -> str:
        """The region of the place where a person says they are, of all their turns; "" where they named none."""
        return self._places.region_of(said)

    def fill(self, text: str, *, region: str, lang: str, brief: bool = False) -> str:
        """`text` with every placeholder replaced, shorter if `brief`. A region that is not in PLACES counts as "auto",
        "other" is told in English. Where {police} stands too, {emergency} is the ambulance alone."""
        lang = lang if lang in TEXT_LANGUAGES else "en"
        words = self._words[region if region in PLACES else "auto", lang, brief]
        if "{police}" in text:
            words = words | {"emergency": words["ambulance"]}
        told: dict[str, str] = {}

        def put(match: re.Match[str]) -> str:
            slot = match.group(1)
            phrase = words[slot]
            if phrase not in self._descriptions[lang] and any(
                other != slot and said == phrase for other, said in told.items()
            ):
                return _AGAIN[lang]
            told[slot] = phrase
            return phrase

        return self.described_once(_GAP_BETWEEN_HAN.sub("", _FIELD.sub(put, text)), lang=lang)

    def described_once(self, text: str, *, lang: str) -> str:
        """`text` where words that stand for a number, told again, lose what stands in brackets behind them."""
        for description in self._descriptions.get(lang, ()):
            first, found, rest = text.partition(description)
            text = first + found + rest.replace(description, _BRACKETS.sub("", description))
        return text

    def _say(self, region: str, lang: str, *, brief: bool) -> dict[str, str]:
        key = f"auto.{lang}" if region == "auto" else region
        lines, abuse, child = (self._chosen[key, slot] for slot in _KIND_OF)
        placed = key.startswith("auto") and len({row.regions for row in lines}) > 1
        ambulance = tuple(row for row in self._chosen[key, "emergency"] if row.help != "police")

        def named(rows: Sequence[Helpline]) -> str:
            return _join([row.words(lang, named=True, placed=placed, brief=brief) for row in rows], lang)

        def shortly(rows: Sequence[Helpline]) -> str:
            return _join([row.shortly(lang) for row in rows], lang)

        return {
            "line": named(lines),
            "short": shortly(lines),
            "abuse_line": shortly(abuse) if brief else named(abuse),
            "child_line": named(child),
            **{
                slot: _emergency(self._chosen[key, slot], lang, placed=placed, brief=brief)
                for slot in ("emergency", "fire", "police")
            },
            "ambulance": _emergency(ambulance, lang, placed=placed, brief=brief),
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
    if slot in _KIND_OF:
        return tuple(row for row in here if row.kind == _KIND_OF[slot])
    wanted = {"fire": ("fire",), "police": ("police", "both")}.get(slot, ("ambulance", "police", "both"))
    return tuple(row for row in here if row.kind == "emergency" and row.help in wanted)


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
        number=_number(table),
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


def _number(table: StrictTable) -> str:
    """As it is dialled, or an address; other words only where the row has words of its own to say in its place."""
    number = table.text("number")
    if not _DIALLED.search(number) and "says" not in table.keys:
        raise table.error("number", f'is "{number}", which nobody can dial; write digits, or an address')
    return number


def _by_language(table: StrictTable, field: str, *, empty: bool = False) -> dict[str, Any]:
    inner = table.table(field)
    return {lang: inner.text(lang, empty=empty) for lang in TEXT_LANGUAGES}
