"""Reading TOML strictly: every complaint names the file, the place in it, the field and the cure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import read_toml

_FIELD = re.compile(r"\{(\w*)[^}]*\}")


class StrictTable:
    """One table of a file. Each reader returns a value of the promised form or raises KnowledgeError."""

    def __init__(self, values: Mapping[str, Any], *, file: str, place: str) -> None:
        self._values = values
        self._file = file
        self._place = place

    @property
    def keys(self) -> Iterable[str]:
        """The fields that are there."""
        return self._values.keys()

    def error(self, field: str, what: str) -> KnowledgeError:
        """The error to raise about `field`; `what` says what is wrong and what to do."""
        return KnowledgeError(f'{self._file}, {self._place}: field "{field}" {what}.')

    def text(self, field: str, *, empty: bool = False) -> str:
        """A string, not blank unless `empty`."""
        value = self._values.get(field)
        if not isinstance(value, str):
            raise self.error(field, "is missing or is not text; write it between quotes")
        if not empty and not value.strip():
            raise self.error(field, "is empty; write a text")
        return value

    def __contains__(self, field: str) -> bool:
        return field in self._values

    def flag(self, field: str) -> bool:
        """true or false."""
        value = self._values.get(field)
        if not isinstance(value, bool):
            raise self.error(field, "must be true or false")
        return value

    def one_of(self, field: str, allowed: Iterable[str]) -> str:
        """A string out of `allowed`."""
        value = self.text(field)
        if value not in (choices := list(allowed)):
            raise self.error(field, f'is "{value}"; use one of {", ".join(choices)}')
        return value

    def strings(self, field: str) -> tuple[str, ...]:
        """A list of at least one string."""
        value = self._values.get(field)
        good = isinstance(value, list) and value and all(isinstance(item, str) and item.strip() for item in value)
        if not good:
            raise self.error(field, "must be a list of texts with at least one in it")
        return tuple(value or ())

    def some_of(self, field: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """A list of strings out of `allowed`."""
        values, choices = self.strings(field), list(allowed)
        for value in values:
            if value not in choices:
                raise self.error(field, f'has "{value}"; use {", ".join(choices)}')
        return values

    def paragraph(self, field: str, placeholders: Sequence[str]) -> str:
        """One line of text without outer blanks; what stands in curly brackets is one of `placeholders`."""
        return self._paragraph(field, self.text(field), placeholders)

    def paragraphs(self, field: str, placeholders: Sequence[str]) -> tuple[str, ...]:
        """A list of at least one such paragraph."""
        return tuple(self._paragraph(field, text, placeholders) for text in self.strings(field))

    def _paragraph(self, field: str, text: str, placeholders: Sequence[str]) -> str:
        if "\n" in text.strip():
            raise self.error(field, "has a line break; write it as one paragraph")
        known = [f"{{{name}}}" for name in placeholders]
        found = [match.group() for match in _FIELD.finditer(text)]
        for one in found:
            if one not in known:
                raise self.error(field, f"has the placeholder {one}; use {', '.join(known)}")
        if text.count("{") != text.count("}") or text.count("{") != len(found):
            raise self.error(field, "has a curly bracket without its partner; remove it or write a placeholder")
        return text.strip()

    def table(self, field: str, *, optional: bool = False) -> StrictTable:
        """An inner table; with `optional` an empty one where it is missing."""
        value = self._values.get(field, {} if optional else None)
        if not isinstance(value, dict):
            raise self.error(field, f"is missing or is not a table; add [{field}]")
        return StrictTable(value, file=self._file, place=f"{self._place}, [{field}]")

    def tables(self, field: str) -> list[StrictTable]:
        """A list of at least one table; messages count them from 1."""
        value = self._values.get(field)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            raise self.error(field, f"is missing; add at least one [[{field}]]")
        return [
            StrictTable(item, file=self._file, place=f"[[{field}]] no. {number}{_called(item)}")
            for number, item in enumerate(value, start=1)
        ]

    def only(self, *allowed: str) -> None:
        """Refuse fields that nobody reads: most are misspelt."""
        for field in self._values:
            if field not in allowed:
                raise self.error(field, f"is not known here; use {', '.join(allowed)}")


def read_table(path: Path) -> StrictTable:
    """The whole file. Raises KnowledgeError if it cannot be read or is not TOML."""
    return StrictTable(read_toml(path), file=path.name, place="top of the file")


def _called(item: Mapping[str, Any]) -> str:
    """Words that help to find a row: its id, or its kind and stage."""
    known = [str(item[field]) for field in ("id", "kind", "stage") if isinstance(item.get(field), str)]
    return f" ({', '.join(known)})" if known else ""
