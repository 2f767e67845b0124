"""Reads the lexicon's files into a Rulebook. Anything amiss is a KnowledgeError naming file, rule and field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import read_toml
from psylite_pipeline.risk.normalise import Folder, Spellings, default_folder
from psylite_pipeline.risk.rules.phrases import Phrase, PhraseError, expand, is_sign, parse, split
from psylite_pipeline.risk.rules.rulebook import SIGNS, Frame, Marker, Rule, Rulebook
from psylite_pipeline.text import HAN

GAP_HAN, GAP_LATIN = 6, 24
"""Greatest gap, in characters, that a plain `…` allows in a phrase with Chinese characters, and in one without."""

_HAN = re.compile(f"[{HAN}]")
#: What may stand in each: a misspelt field would be ignored, and a frame without its `needs` explains danger away.
_FIELDS = {
    "rule": frozenset({
        "id", "level", "kind", "sign", "sure", "tells", "match", "unless", "not_with", "frames", "gap", "examples",
        "counterexamples",
    }),
    "frame": frozenset({"name", "cue", "stops", "needs", "never", "where", "scope", "reach", "kinds", "effect"}),
    "marker": frozenset({"name", "match", "unless"}),
}  # fmt: skip
_NAMED, _COUNTED = frozenset({"lists", "rewrite", "whole"}), frozenset({"marker", "frame", "rule"})
_TABLES = _NAMED | _COUNTED | {"files", "kept", "watched", "idioms", "yes", "no", "asks_back"}
_WHOLE = frozenset({*Told, "called", "one more", "of a joke"})


def read_rulebook(folder: Path) -> tuple[Rulebook, Spellings]:
    """What the TOML files in `folder` say. Raises KnowledgeError naming file, rule and field."""
    paths = {path.name: path for path in sorted(folder.glob("*.toml"))}
    if not paths:
        raise KnowledgeError(f"{folder}: no .toml file of rules here; restore them from the package")
    files = {f"{folder.name}/{name}": read_toml(path) for name, path in paths.items()}
    for name, tables in files.items():
        if not tables:  # as a full disk or a power cut leaves it
            raise KnowledgeError(f"{name}: is empty; restore it from where the others came from")
        if unknown := sorted(set(tables) - _TABLES):
            raise KnowledgeError(f"{name}: unknown table or key {unknown[0]!r}")
        for table in sorted(tables.keys() & _NAMED):
            if not isinstance(tables[table], dict):
                raise KnowledgeError(f"{name}: {table}: must be a table, [{table}]")
        for table in sorted(tables.keys() & _COUNTED):
            if not isinstance(tables[table], list) or not all(isinstance(one, dict) for one in tables[table]):
                raise KnowledgeError(f"{name}: {table}: must be tables in double brackets, [[{table}]]")
        if missing := sorted(set(_strings(name, "files", tables, "files")) - set(paths)):
            raise KnowledgeError(f"{folder / missing[0]} is missing, and {name} says it belongs here; restore it")
        if wrong := sorted(set(tables.get("whole", {})) - _WHOLE):
            raise KnowledgeError(f"{name}: whole: {wrong[0]!r} is none of {', '.join(sorted(_WHOLE))}")
    return _Parser(files, default_folder()).book()


class _Parser:
    def __init__(self, files: Mapping[str, dict[str, Any]], folder: Folder) -> None:
        self._files = files
        self._folder = folder
        self._lists: dict[str, tuple[str, ...]] = {}
        self._spellings = self._read_spellings()
        self._pieces = _Pieces(folder, self._spellings)
        self._fold_pieces()

    def book(self) -> tuple[Rulebook, Spellings]:
        self._read_lists()
        markers = tuple(
            Marker(name, self._phrases(file, f"marker {name}", table, "match", required=True),
                   self._phrases(file, f"marker {name}", table, "unless"))
            for file, table in self._tables("marker")
            for name in (_text(file, "marker", table, "name"),)
        )  # fmt: skip
        names = {marker.name for marker in markers}
        frames = tuple(self._frame(file, table, names) for file, table in self._tables("frame"))
        rules = tuple(self._rule(file, table, frames) for file, table in self._tables("rule"))
        seen: set[str] = set()
        for rule in rules:
            if rule.id in seen:
                raise KnowledgeError(f"rule {rule.id}, field id: used twice")
            seen.add(rule.id)
        idioms = tuple(
            phrase for file, tables in self._files.items() for phrase in self._phrases(file, "idioms", tables, "idioms")
        )
        yes, no = (self._folded(self._lines(field)) for field in ("yes", "no"))
        whole = {
            told: self._folded(
                one
                for line in _strings(file, "whole", tables["whole"], told)
                for one in self._expanded(file, f"whole {told}", line)
            )
            for file, tables in self._files.items()
            for told in tables.get("whole", {})
        }
        asks_back = tuple(self._fold(line) for line in self._lines("asks_back"))
        return Rulebook(rules, frames, markers, idioms, yes, no, whole, asks_back), self._spellings

    def _read_spellings(self) -> Spellings:
        rewrites: dict[str, str] = {}
        for file, tables in self._files.items():
            for meant, written in tables.get("rewrite", {}).items():
                for line in _strings(file, "rewrite", {meant: written}, meant):
                    for spelling in self._expanded(file, "rewrite", line):
                        rewrites[self._fold(spelling)] = self._fold(meant)
        kept = [
            self._fold(word)
            for file, tables in self._files.items()
            for line in _strings(file, "kept", tables, "kept")
            for word in self._expanded(file, "kept", line)
        ]
        return Spellings(rewrites, kept, self._lines("watched"))

    def _read_lists(self) -> None:
        for file, tables in self._files.items():
            for name in tables.get("lists", {}):
                if name in self._lists:  # the later one would change rules in the other file, silently
                    raise KnowledgeError(f"{file}: list {name}: there is one of this name already; choose another")
                pieces = _strings(file, f"list {name}", tables["lists"], name)
                words = [word for one in pieces for word in self._expanded(file, f"list {name}", self._marked(one))]
                self._lists[name] = tuple(dict.fromkeys(words))

    def _expanded(self, file: str, where: str, line: str) -> tuple[str, ...]:
        try:
            return expand(line, self._lists)
        except PhraseError as error:
            raise KnowledgeError(f"{file}: {where}, {line!r}: {error}") from error

    def _rule(self, file: str, table: dict[str, Any], frames: tuple[Frame, ...]) -> Rule:
        ident = _text(file, "rule", table, "id")
        where = f"rule {ident}"
        sign = table.get("sign", "")
        if not isinstance(sign, str) or (sign and sign not in SIGNS):
            raise KnowledgeError(f"{file}: {where}, field sign: {sign!r} is none of {', '.join(sorted(SIGNS))}")
        try:
            level = Risk.parse(_text(file, where, table, "level"))
        except KeyError:
            raise KnowledgeError(f"{file}: {where}, field level: must be none, concern, high or imminent") from None
        try:
            kind = Kind(table["kind"]) if "kind" in table else None
        except ValueError:
            raise KnowledgeError(f"{file}: {where}, field kind: must be one of {', '.join(Kind)}") from None
        if not sign and kind is None:
            raise KnowledgeError(f"{file}: {where}, field kind: a rule without a sign needs one")
        gap = table.get("gap")
        if gap is not None and (not isinstance(gap, int) or not 0 <= gap <= 80):
            raise KnowledgeError(f"{file}: {where}, field gap: must be a whole number from 0 to 80")
        sure = table.get("sure", False)
        if not isinstance(sure, bool):
            raise KnowledgeError(f"{file}: {where}, field sure: must be true or false")
        try:
            tells = Told(table["tells"]) if "tells" in table else None
        except ValueError:
            raise KnowledgeError(f"{file}: {where}, field tells: must be one of {', '.join(Told)}") from None
        chosen = _strings(file, where, table, "frames") if "frames" in table else None
        if chosen is not None and (wrong := sorted(set(chosen) - {frame.name for frame in frames})):
            raise KnowledgeError(f"{file}: {where}, field frames: there is no frame {wrong[0]!r}")
        return Rule(
            id=ident,
            level=level,
            kind=kind,
            sign=sign,
            sure=sure,
            tells=tells,
            match=self._phrases(file, where, table, "match", gap, required=True),
            unless=self._phrases(file, where, table, "unless", gap),
            not_with=self._phrases(file, where, table, "not_with", gap),
            frames=chosen,
            examples=_strings(file, where, table, "examples", required=True),
            counterexamples=_strings(file, where, table, "counterexamples", required=True),
        )

    def _frame(self, file: str, table: dict[str, Any], markers: set[str]) -> Frame:
        name = _text(file, "frame", table, "name")
        where = f"frame {name}"
        cue = _text(file, where, table, "cue")
        stops, needs, never = (_strings(file, where, table, field) for field in ("stops", "needs", "never"))
        for marker in (cue, *stops, *needs, *never):
            if marker not in markers:
                raise KnowledgeError(f"{file}: {where}: there is no marker {marker!r}")
        choices = {"where": ("before", "after"), "scope": ("clause", "sentence", "text"),
                   "effect": ("drop", "concern", "other")}  # fmt: skip
        for field, allowed in choices.items():
            if table.get(field) not in allowed:
                raise KnowledgeError(f"{file}: {where}, field {field}: must be one of {', '.join(allowed)}")
        reach = table.get("reach")
        if not isinstance(reach, int) or not 0 <= reach <= 2000:
            raise KnowledgeError(f"{file}: {where}, field reach: must be a whole number from 0 to 2000")
        try:
            kinds = frozenset(Kind(kind) for kind in _strings(file, where, table, "kinds", required=True))
        except ValueError:
            raise KnowledgeError(f"{file}: {where}, field kinds: must be among {', '.join(Kind)}") from None
        return Frame(name, cue, stops, needs, never, table["where"], table["scope"], reach, kinds, table["effect"])

    def _phrases(
        self,
        file: str,
        where: str,
        table: dict[str, Any],
        field: str,
        gap: int | None = None,
        *,
        required: bool = False,
    ) -> tuple[Phrase, ...]:
        phrases = []
        for line in _strings(file, where, table, field, required=required):
            usual = GAP_HAN if _HAN.search(line) else GAP_LATIN
            try:
                phrases.append(parse(self._marked(line), self._lists, usual if gap is None else gap))
            except PhraseError as error:
                raise KnowledgeError(f"{file}: {where}, field {field}, {line!r}: {error}") from error
        return tuple(phrases)

    def _tables(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        found = [(file, table) for file, tables in self._files.items() for table in tables.get(name, [])]
        for file, table in found:
            if unknown := sorted(set(table) - _FIELDS[name]):
                called = table.get("id", table.get("name", ""))
                raise KnowledgeError(f"{file}: {name} {called}: unknown field {unknown[0]!r}")
        return found

    def _lines(self, field: str) -> tuple[str, ...]:
        return tuple(line for file, tables in self._files.items() for line in _strings(file, field, tables, field))

    def _folded(self, texts: Iterable[str]) -> frozenset[str]:
        return frozenset(self._spellings.apply(one.strip(" ,")) for one in self._folder.fold_pieces([*texts]))

    def _fold(self, text: str) -> str:
        return self._folder.fold(text)

    def _fold_pieces(self) -> None:
        """Fold the plain pieces of all phrases at once, which takes a third of the time of one by one."""
        pieces: set[str] = set()
        for tables in self._files.values():
            fields = [tables.get("idioms"), *tables.get("lists", {}).values()]
            fields += [table.get(field) for kind in ("marker", "rule") for table in tables.get(kind, ())
                       for field in ("match", "unless", "not_with")]  # fmt: skip
            for lines in fields:
                for line in lines if isinstance(lines, list) else ():
                    pieces.update(split(line) if isinstance(line, str) else ())
        plain = [piece for piece in pieces if not is_sign(piece)]
        for piece, folded in zip(plain, self._folder.fold_pieces(plain), strict=True):
            self._pieces.add(piece, folded)

    def _marked(self, phrase: str) -> str:
        """The phrase with its plain pieces folded as people's turns are, so that the two can meet."""
        return "".join(map(self._pieces.__getitem__, split(phrase)))


class _Pieces(dict[str, str]):
    """Pieces of phrases as they are looked for, filled as they turn up."""

    def __init__(self, folder: Folder, spellings: Spellings) -> None:
        self._folder = folder
        self._spellings = spellings

    def __missing__(self, piece: str) -> str:
        if is_sign(piece):
            self[piece] = piece
        else:
            self.add(piece, *self._folder.fold_pieces([piece]))
        return self[piece]

    def add(self, piece: str, folded: str) -> None:
        self[piece] = self._spellings.apply(folded)


def _text(file: str, where: str, table: Mapping[str, Any], field: str) -> str:
    value = table.get(field)
    if not isinstance(value, str) or not value:
        raise KnowledgeError(f"{file}: {where}, field {field}: a text is needed")
    return value


def _strings(file: str, where: str, table: Mapping[str, Any], field: str, *, required: bool = False) -> tuple[str, ...]:
    value = table.get(field, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise KnowledgeError(f"{file}: {where}, field {field}: a list of texts is needed")
    if required and not value:
        raise KnowledgeError(f"{file}: {where}, field {field}: at least one text is needed")
    return tuple(cast("list[str]", value))
