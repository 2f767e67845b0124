"""Vectors that are encoded already, kept on disk as they come, so that a build killed at any moment goes on from there.

One SQLite file an encoder: a batch is in it whole or not at all, and a check sum beside each vector finds what the disk
has changed since.
"""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from psylite_pipeline.embedding import Vectors
from psylite_pipeline.errors import EncoderError

log = logging.getLogger(__name__)

#: Vectors of snippets that are no more, beyond as many as there are, until they are dropped.
SPARE = 1_000


class Journal:
    """A mapping from digests of texts to vectors. A file that cannot be read or written costs only time."""

    def __init__(self, path: Path, encoder: str, *, anew: bool = False) -> None:
        self._path = path
        self._table = f"vectors_{zlib.crc32(encoder.encode()):08x}"  # names of encoders may share a file's name
        self._dimensions = 0
        self._saved: dict[bytes, int] = {}  # row of each
        self._unsaved: dict[bytes, Vectors] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = self._opened(anew)
        except (OSError, sqlite3.Error):
            self._database = sqlite3.connect(":memory:")  # without a table: all stays unsaved

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._saved or digest in self._unsaved

    def add(self, digests: Sequence[bytes], vectors: Vectors) -> None:
        """Keep `vectors`, shape (len(digests), dimensions). Once this returns they survive the process."""
        if anew := self._dimensions != vectors.shape[1]:  # the first, or an encoder of the same name and another size
            self._dimensions = vectors.shape[1]
            self._saved.clear()
            self._unsaved.clear()
        blobs = [row.astype("<f4").tobytes() for row in vectors]
        rows = [(digest, blob, _crc(digest, blob)) for digest, blob in zip(digests, blobs, strict=True)]
        insert = f"INSERT INTO {self._table} (digest, vector, crc32) VALUES (?, ?, ?)"
        try:
            with self._database:  # a transaction
                if anew:
                    self._database.execute(f"DELETE FROM {self._table}")
                places = [self._database.execute(insert, row).lastrowid or 0 for row in rows]
            self._saved.update(zip(digests, places, strict=True))
        except sqlite3.Error:  # no room, or another process keeps it for too long
            self._unsaved.update(zip(digests, vectors, strict=True))

    def vectors(self, digests: Sequence[bytes]) -> Vectors:
        """The vectors of `digests`, in that order, shape (len(digests), dimensions).

        Raises KeyError for a new one, EncoderError where the file was cut or changed since it was opened.
        """
        rows = [self._stored(self._saved[one]) if one in self._saved else self._unsaved[one] for one in digests]
        return np.stack(rows).astype(np.float32)

    def close(self, live: Iterable[bytes] = ()) -> None:
        """Let go of the file. Where most of it is not among `live`, the rest is dropped."""
        wanted = self._saved.keys() & set(live)
        gone = [(place,) for digest, place in self._saved.items() if digest not in wanted]
        if wanted and len(gone) > len(wanted) + SPARE:
            with suppress(sqlite3.Error):
                with self._database:
                    self._database.executemany(f"DELETE FROM {self._table} WHERE place = ?", gone)
                self._database.execute("VACUUM")
        self._database.close()

    def _opened(self, anew: bool) -> sqlite3.Connection:
        """The database, read. Raises OSError, sqlite3.Error where it can be neither read nor made."""
        if anew:
            self._remove()
        try:
            return self._read()
        except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite names in its message what it stumbled over
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise  # no room, no right, no time: it may be whole
        log.warning("%s is damaged or was written by another version; it is not used and made anew.", self._path)
        self._remove()
        return self._read()

    def _read(self) -> sqlite3.Connection:
        self._saved.clear()
        database = sqlite3.connect(self._path)
        database.text_factory = bytes  # a damaged file may call anything a text
        try:
            database.execute("PRAGMA page_size = 32768")  # at 4,096 a page would hold one vector and much air
            columns = "place INTEGER PRIMARY KEY, digest BLOB, vector BLOB, crc32 INTEGER"
            database.execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({columns})")
            damaged = 0
            for place, *row in database.execute(f"SELECT place, digest, vector, crc32 FROM {self._table}"):
                if (vector := _whole(*row)) is not None and len(vector) == (self._dimensions or len(vector)):
                    self._dimensions = len(vector)
                    self._saved[row[0]] = place
                else:
                    damaged += 1
        except BaseException:
            database.close()
            raise
        if damaged:
            log.warning("%s: %d damaged vectors are not used and made anew.", self._path, damaged)
        return database

    def _stored(self, place: int) -> Vectors:
        query = f"SELECT digest, vector, crc32 FROM {self._table} WHERE place = ?"
        with suppress(sqlite3.Error, UnicodeDecodeError):
            row = self._database.execute(query, (place,)).fetchone()
            if row and (vector := _whole(*row)) is not None and len(vector) == self._dimensions:
                return vector
        self._remove()
        raise EncoderError(f"{self._path} was cut or changed while it was read. What it held is encoded again.")

    def _remove(self) -> None:
        for name in (self._path.name, f"{self._path.name}-journal"):  # the other is SQLite's, of a killed process
            with suppress(OSError):
                self._path.with_name(name).unlink()


def _whole(digest: Any, blob: Any, crc32: Any) -> Vectors | None:
    """The vector that was kept; None where the disk has changed it, perhaps into something that is no bytes."""
    if isinstance(digest, bytes) and isinstance(blob, bytes) and _crc(digest, blob) == crc32:
        return np.frombuffer(blob, dtype="<f4")
    return None


def _crc(digest: bytes, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(digest))
