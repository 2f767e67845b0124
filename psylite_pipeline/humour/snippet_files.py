"""The files that an import writes, where the shelf finds them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import read_toml, write_whole
from psylite_pipeline.humour.corpus import MAX_FILE_BYTES, Snippet
from psylite_pipeline.text import printable

_HEADER = """\
# Made by `psylite index --add` from "{source}".
# Written anew whenever that folder is added again. To change something by hand, move this file to a folder of your own
# (PSYLITE_SNIPPETS_DIR) and edit it there.
"""

_FIELDS = ("id", "title", "language", "mood", "topics", "lines")


class SnippetFiles:
    """What an import of `source`, a resolved path, put into `folder`: one file, or parts of it where it is large."""

    def __init__(self, folder: Path, source: Path) -> None:
        self._folder = folder
        self._source = source
        # The source's name as far as it is plain, and a number for its place.
        plain = re.sub(r"[^a-z0-9]+", "-", source.name.lower()).strip("-")[:40] or "own"
        self._stem = f"{plain}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:8]}"

    def ids(self) -> frozenset[str]:
        """The snippets of an earlier import, as far as the files can be read."""
        found: set[str] = set()
        for path in self._paths():
            try:
                entries = read_toml(path).get("snippet", [])
            except KnowledgeError:
                continue
            found |= {str(entry.get("id")) for entry in entries if isinstance(entry, dict)}
        return frozenset(found)

    def write(self, snippets: Sequence[Snippet]) -> list[Path]:
        """Write each changed part whole, then remove what is left of an earlier import; returns the paths that changed.
        Raises KnowledgeError."""
        wanted = {path: text.encode() for path, text in self._texts(snippets).items()}
        changed: list[Path] = []
        try:
            if wanted:
                self._folder.mkdir(parents=True, exist_ok=True)
            for path, data in wanted.items():
                if not path.is_file() or path.read_bytes() != data:
                    write_whole(path, data)
                    changed.append(path)
            for path in self._paths():
                if path not in wanted:
                    path.unlink()
                    changed.append(path)
        except OSError as error:
            raise KnowledgeError(
                f"{self._folder}: cannot be written ({error.strerror or type(error).__name__}). "
                "Make room there or make it writable, or set PSYLITE_DATA_DIR to another folder."
            ) from None
        return changed

    def _texts(self, snippets: Sequence[Snippet]) -> dict[Path, str]:
        texts: list[str] = []
        for snippet in snippets:
            entry = {name: getattr(snippet, name) for name in _FIELDS}
            text = "\n" + tomli_w.dumps({"snippet": [entry]}, multiline_strings=True)
            if not texts or len(texts[-1].encode()) + len(text.encode()) > MAX_FILE_BYTES // 2:
                texts.append(_HEADER.format(source=printable(self._source.name)))
            texts[-1] += text
        return {self._folder / f"{self._stem}{f'-{n}' if n > 1 else ''}.toml": text for n, text in enumerate(texts, 1)}

    def _paths(self) -> list[Path]:
        beside = self._folder.glob(f"{self._stem}*.toml")
        return sorted(path for path in beside if re.fullmatch(r"(-\d+)?", path.stem[len(self._stem) :]))
