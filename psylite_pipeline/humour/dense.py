"""Nearest unit vectors by FAISS: exact while there are few, inverted lists of 8-bit codes where there are many.

A large index is mapped, not read: what a query touches is in memory, and processes share it. A small one is read, for a
mapped file that somebody cuts short would take the process with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.embedding import Vectors
from psylite_pipeline.errors import IndexFileError

#: Vectors up to which all are compared: 20,000 take about 1 ms on one core, so nothing is to be won by guessing.
EXACT_MOST = 20_000

#: One list in this many is looked at. On a million vectors drawn around ours a 32nd of 4,096 lists found .964 of the
#: true ten nearest (`python benchmarks/index.py`); a 64th found .928.
LISTS_TO_PROBE = 32

#: Vectors that the lists are learnt from, for each list. FAISS warns below 39.
LEARN_FROM = 40

_CHUNK = 50_000

Mask = NDArray[np.bool_]


class DenseIndex:
    """Rows of unit vectors, searched by inner product."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._exact = not hasattr(index, "nprobe")
        if not self._exact:
            index.nprobe = max(1, index.nlist // LISTS_TO_PROBE)
            index.make_direct_map()

    @classmethod
    def build(
        cls, rows: int, vectors: Callable[[int, int], Vectors], progress: Callable[[int, int], None] | None = None
    ) -> DenseIndex:
        """An index of `rows` vectors; `vectors(start, stop)` gives some of them, shape (stop - start, dimensions)."""
        import faiss

        if rows == 0:
            return cls(faiss.IndexFlatIP(1))
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        dimensions = vectors(0, 1).shape[1]
        if rows <= EXACT_MOST:
            index = faiss.IndexFlatIP(dimensions)
        else:
            lists = lists_for(rows)
            index = faiss.index_factory(dimensions, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
            index.cp.niter = 10
            index.train(_sample(rows, vectors, lists * LEARN_FROM))
        for start in range(0, rows, _CHUNK):
            stop = min(start + _CHUNK, rows)
            index.add(np.ascontiguousarray(vectors(start, stop), dtype=np.float32))
            if progress:
                progress(stop, rows)
        return cls(index)

    @classmethod
    def load(cls, path: Path, *, mapped: bool) -> DenseIndex:
        """Read the file that `save` wrote; `mapped` leaves inverted lists on disk until they are looked at.

        Raises IndexFileError where FAISS cannot read it.
        """
        import faiss

        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP if mapped else 0))
        except RuntimeError:
            raise IndexFileError(f"{path} is no index that FAISS can read.") from None

    def save(self, path: Path) -> None:
        """Write the index. Raises OSError."""
        import faiss

        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise OSError(str(error)) from None

    @property
    def rows(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def exact(self) -> bool:
        """Whether every vector is compared."""
        return self._exact

    def search(self, vector: Vectors, count: int, allowed: Mask | None = None) -> tuple[NDArray[np.int64], Vectors]:
        """The `count` nearest rows among those `allowed`, and their similarities, nearest first; fewer if there are."""
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread alone: many turns share few cores, and one query gains nothing
        count = min(count, self.rows)
        if count == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        chosen = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little")) if allowed is not None else None
        options = self._options(chosen)
        scores, found = self._index.search(vector.reshape(1, -1).astype(np.float32), count, params=options)
        real = found[0] >= 0
        return found[0][real], scores[0][real]

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """The vectors of some rows, as the index holds them, shape (len(rows), dimensions)."""
        if len(rows) == 0:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))

    def _options(self, chosen: Any) -> Any:
        import faiss

        if self._exact:
            return faiss.SearchParameters(sel=chosen) if chosen is not None else None
        return faiss.SearchParametersIVF(nprobe=self._index.nprobe, **({"sel": chosen} if chosen is not None else {}))


def lists_for(rows: int) -> int:
    """How many inverted lists `rows` vectors are divided into: the power of two next to four times the square root."""
    return 1 << round(np.log2(4 * np.sqrt(rows)))


def _sample(rows: int, vectors: Callable[[int, int], Vectors], wanted: int) -> Vectors:
    """About `wanted` vectors in short runs from all over, so that a store on disk is read in order."""
    run = 16
    starts = np.sort(np.random.default_rng(0).choice(max(1, rows // run), min(rows // run, wanted // run), False)) * run
    return np.ascontiguousarray(np.concatenate([vectors(start, start + run) for start in starts]), dtype=np.float32)
