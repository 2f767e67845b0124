"""Nearest unit vectors by FAISS: exact while there are few, compressed and then looked at again where there are many.

A large index holds each vector twice: as half a byte for two dimensions, in inverted lists that a query reads in part,
and as a byte a dimension, by which the best candidates are weighed again. The latter is mapped, from a private copy: a
mapped file that somebody cuts short takes the process with it.
"""

# faiss's stubs do not know what its generated classes take.
# pyright: reportCallIssue=false

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.embedding import Vectors
from psylite_pipeline.errors import IndexFileError

#: Vectors up to which all are compared (`python -m benchmarks.index` has the milliseconds).
EXACT_MOST = 5_000

#: How many of the inverted lists are looked at: a quarter, and at least so many. Turns are no snippets, and their
#: nearest lie in many lists: 64 of 256 lists held .943 of the true ten nearest of 100,000, 256 of 1,024 held .969 of
#: those of a million.
PROBED = 1 / 4
LEAST_PROBED = 96

#: Candidates that are weighed again at least, so that the codes of half bytes decide little.
WEIGHED_AGAIN = 400

#: Vectors that a large index is learnt from, for each list. FAISS warns below 39.
LEARN_FROM = 40

_CHUNK = 50_000

Mask = NDArray[np.bool_]


class DenseIndex:
    """Rows of unit vectors, searched by inner product."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._lists = _lists_of(index)
        if self._lists is not None:
            self._lists.nprobe = min(self._lists.nlist, max(LEAST_PROBED, round(self._lists.nlist * PROBED)))

    @classmethod
    def build(cls, rows: int, vectors: Callable[[int, int], Vectors]) -> DenseIndex:
        """An index of `rows` vectors; `vectors(start, stop)` gives some of them, shape (stop - start, dimensions)."""
        import faiss

        if rows == 0:
            return cls(faiss.IndexFlatIP(1))
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        dimensions = vectors(0, 1).shape[1]
        kind = "Flat" if rows <= EXACT_MOST else f"IVF{lists_for(rows)},PQ{-(-dimensions // 2)}x4fs,Refine(SQ8)"
        index = faiss.index_factory(dimensions, kind, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            index.train(_sample(rows, vectors, lists_for(rows) * LEARN_FROM))
        for start in range(0, rows, _CHUNK):
            index.add(np.ascontiguousarray(vectors(start, min(start + _CHUNK, rows)), dtype=np.float32))
        return cls(index)

    @classmethod
    def load(cls, path: Path, *, map_in: Path | None = None) -> DenseIndex:
        """Read the file that `save` wrote. With a folder `map_in` the vectors stay on disk until they are looked at, in
        a copy there that has no name and goes with the process; where there is no room for one, all is read.

        Raises IndexFileError where FAISS cannot read it.
        """
        if map_in is not None:
            with suppress(OSError), path.open("rb") as file, TemporaryFile(dir=map_in) as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
                copy.flush()
                return cls._read(path, f"/dev/fd/{copy.fileno()}", mapped=True)
        return cls._read(path, str(path), mapped=False)

    @classmethod
    def _read(cls, path: Path, place: str, *, mapped: bool) -> DenseIndex:
        import faiss

        try:
            return cls(faiss.read_index(place, faiss.IO_FLAG_MMAP_IFC if mapped else 0))
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
        return self._lists is None

    def search(self, vector: Vectors, count: int, allowed: Mask | None = None) -> NDArray[np.int64]:
        """The `count` nearest rows among those `allowed`, nearest first; fewer if there are."""
        import faiss

        faiss.omp_set_num_threads(1)  # of this thread alone: many turns share few cores, and one query gains nothing
        count = min(count, self.rows)
        if count == 0:
            return np.zeros(0, dtype=np.int64)
        asked = count if self.exact else min(max(count, WEIGHED_AGAIN), self.rows)
        selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little")) if allowed is not None else None
        _, found = self._index.search(
            vector.reshape(1, -1).astype(np.float32), asked, params=self._parameters(selector)
        )
        return found[0][found[0] >= 0][:count]

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """The vectors of some rows, as the index holds them, shape (len(rows), dimensions)."""
        if len(rows) == 0:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        kept = self._index if self.exact else self._index.refine_index
        return kept.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))

    def _parameters(self, selector: Any) -> Any:
        import faiss

        chosen = {"sel": selector} if selector is not None else {}
        if self._lists is None:
            return faiss.SearchParameters(**chosen)
        lists = faiss.SearchParametersIVF(nprobe=self._lists.nprobe, **chosen)
        return faiss.IndexRefineSearchParameters(k_factor=1.0, base_index_params=lists)


def lists_for(rows: int) -> int:
    """How many inverted lists `rows` vectors are divided into: the power of two next to the square root."""
    return 1 << round(float(np.log2(np.sqrt(rows))))


def _lists_of(index: Any) -> Any:
    """The inverted lists inside a large index; None in a small one."""
    import faiss

    return faiss.downcast_index(index.base_index) if isinstance(index, faiss.IndexRefine) else None


def _sample(rows: int, vectors: Callable[[int, int], Vectors], wanted: int) -> Vectors:
    """About `wanted` vectors in short runs from all over, so that a store on disk is read in order."""
    run = 16
    starts = np.sort(np.random.default_rng(0).choice(max(1, rows // run), min(rows // run, wanted // run), False)) * run
    return np.ascontiguousarray(np.concatenate([vectors(start, start + run) for start in starts]), dtype=np.float32)
