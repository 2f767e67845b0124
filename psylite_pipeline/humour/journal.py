"""Vectors that are encoded already, kept on disk as they come, so that a build killed at any moment goes on from there.

One file an encoder: a header of fixed size, then records of fixed size, only ever appended. What a kill left half
written at the end is cut off; a record whose check sum is wrong is not used.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from psylite_pipeline.embedding import Vectors
from psylite_pipeline.errors import EncoderError

log = logging.getLogger(__name__)

FORMAT = 1
_HEADER_BYTES = 512
MOST_DIMENSIONS = 65_536

#: Records of snippets that are no more, beyond as many as there are, until the file is written anew.
SPARE = 1_000

#: Records that are read at once.
_CHUNK = 16_384


class Journal:
    """A mapping from digests of texts (16 bytes) to vectors. A file that cannot be read or written costs only time.

    One process writes at a time; another one meanwhile reads what is there and keeps in memory what it encodes.
    """

    def __init__(self, path: Path, encoder: str, *, anew: bool = False) -> None:
        self._path = path
        self._encoder = encoder
        self._record: np.dtype[Any] | None = None
        self._at: dict[bytes, int] = {}
        self._records = 0
        self._unsaved: dict[bytes, Vectors] = {}
        self._writable = True
        self._file = self._opened()
        with suppress(OSError):  # what cannot be read is encoded anew
            if not anew:
                self._read()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._at or digest in self._unsaved

    def add(self, digests: Sequence[bytes], vectors: Vectors) -> None:
        """Keep `vectors`, shape (len(digests), dimensions). Once this returns they survive the process."""
        if self._record is None or self._record["vector"].shape != vectors.shape[1:]:
            self._begin(vectors.shape[1])  # the first ones, or an encoder of the same name and another size
        assert self._record is not None
        records = np.zeros(len(digests), dtype=self._record)
        records["digest"] = np.frombuffer(b"".join(digests), dtype="V16")
        records["vector"] = vectors
        records["crc32"] = [_crc(record) for record in records]
        if self._append(records.tobytes()):
            self._at.update(zip(digests, range(self._records, self._records + len(digests)), strict=True))
            self._records += len(digests)
        else:
            self._unsaved.update(zip(digests, vectors, strict=True))

    def vectors(self, digests: Sequence[bytes]) -> Vectors:
        """The vectors of `digests`, in that order, shape (len(digests), dimensions).

        Raises KeyError for a new one, EncoderError where the file was cut or changed since it was opened.
        """
        rows = [
            self._unsaved[digest] if digest in self._unsaved else self._stored(self._at[digest]) for digest in digests
        ]
        return np.stack(rows).astype(np.float32)

    def _stored(self, at: int) -> Vectors:
        # Read, not mapped: a mapped file that somebody cuts short takes the process with it.
        assert self._record is not None and self._file is not None
        size = self._record.itemsize
        with suppress(OSError):
            raw = os.pread(self._file.fileno(), size, _HEADER_BYTES + at * size)
            if len(raw) == size and int((one := np.frombuffer(raw, self._record)[0])["crc32"]) == _crc(one):
                return one["vector"]
        raise EncoderError(f"{self._path} was cut or changed while it was read. What it held is encoded again.")

    def close(self, live: Iterable[bytes] = ()) -> None:
        """Let go of the file. Where most of it is not among `live`, it is written anew with those alone."""
        if self._writable and self._at:
            wanted = [digest for digest in dict.fromkeys(live) if digest in self._at]
            if wanted and self._records > 2 * len(wanted) + SPARE:
                self._compact(wanted)
        if self._file is not None:
            self._file.close()

    def _opened(self) -> IO[bytes] | None:
        """The file, locked where it can be."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(3):
                file = self._path.open("a+b", buffering=0)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    self._writable = False
                    return file
                if self._path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    return file
                file.close()  # who had the lock has written it anew meanwhile
        except OSError:
            pass
        self._writable = False
        with suppress(OSError):
            return self._path.open("rb")
        return None

    def _read(self) -> None:
        if self._file is None:
            return
        self._file.seek(0)
        head = self._file.read(_HEADER_BYTES)
        if not head:
            return
        header = _header(head)
        dimensions = header.get("dimensions")
        ours = header.get("format") == FORMAT and header.get("encoder") == self._encoder
        if not ours or not isinstance(dimensions, int) or not 0 < dimensions <= MOST_DIMENSIONS:
            log.warning("%s is damaged or belongs to another encoder; it is not used and made anew.", self._path)
            return
        self._record = _record(dimensions)
        damaged = 0
        while len(chunk := self._file.read(self._record.itemsize * _CHUNK)) >= self._record.itemsize:
            whole = chunk[: len(chunk) // self._record.itemsize * self._record.itemsize]
            for one in np.frombuffer(whole, dtype=self._record):
                if int(one["crc32"]) == _crc(one):
                    self._at[bytes(one["digest"])] = self._records
                else:
                    damaged += 1
                self._records += 1
        if self._writable:
            self._file.truncate(self._end)
        if damaged:
            log.warning("%s: %d damaged vectors are not used and made anew.", self._path, damaged)

    @property
    def _end(self) -> int:
        """Where the last whole record ends."""
        return _HEADER_BYTES + self._records * (self._record.itemsize if self._record else 0)

    def _begin(self, dimensions: int) -> None:
        self._record, self._records = _record(dimensions), 0
        self._at.clear()
        self._unsaved.clear()
        about = {"format": FORMAT, "encoder": self._encoder, "dimensions": dimensions}
        if self._writable and self._file is not None:
            with suppress(OSError):
                self._file.truncate(0)
            self._append(json.dumps(about).encode().ljust(_HEADER_BYTES), end=0)

    def _append(self, data: bytes, end: int | None = None) -> bool:
        """Whether all of `data` is on the disk now. If not, what came of it is taken back, and no more is written."""
        if not self._writable or self._file is None:
            return False
        with suppress(OSError):
            if self._file.write(data) == len(data):
                os.fsync(self._file.fileno())
                return True
        self._writable = False
        with suppress(OSError):
            self._file.truncate(self._end if end is None else end)
        return False

    def _compact(self, wanted: Sequence[bytes]) -> None:
        beside = self._path.with_suffix(".part")
        with suppress(OSError, EncoderError):
            beside.unlink(missing_ok=True)
            smaller = Journal(beside, self._encoder)
            for start in range(0, len(wanted), _CHUNK):
                some = wanted[start : start + _CHUNK]
                smaller.add(some, self.vectors(some))
            smaller.close()
            if smaller._writable:
                beside.replace(self._path)
            beside.unlink(missing_ok=True)


def _record(dimensions: int) -> np.dtype[Any]:
    return np.dtype([("digest", "V16"), ("crc32", "<u4"), ("vector", "<f4", (dimensions,))])


def _crc(record: Any) -> int:
    return zlib.crc32(record["vector"].tobytes(), zlib.crc32(bytes(record["digest"])))


def _header(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
