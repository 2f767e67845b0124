"""How fast, how exact and how large the index is: `python -m benchmarks.index` (about ten minutes, 5 GB of disk).

Dense retrieval on one core at our own snippets, at 100,000 and at 1,000,000: vectors drawn by seed from a mixture of
Gaussians fitted to the vectors of our snippets, asked with the turns of evals/retrieval. Recall is the share of the ten
truly nearest that are among the first ten. Then the memory of a process that serves a million snippets with their texts
and the encoder, and the time to build the index of our own snippets cold and to load it warm, each in a new process.
Writes results/index.json and results/index.png beside this file. `--sizes` without a number: cold and warm
alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from rich.table import Table

from benchmarks.common import RESULTS, console, machine, save
from benchmarks.retrieval import rows
from psylite_pipeline.embedding import BundledEncoder, Vectors
from psylite_pipeline.humour.corpus import Corpus, Snippet, load_corpus
from psylite_pipeline.humour.dense import EXACT_MOST, DenseIndex
from psylite_pipeline.humour.index import _crc, open_index, snippet_vectors
from psylite_pipeline.humour.searching import NEIGHBOURS, SnippetIndex
from psylite_pipeline.settings import bundled

SEED = 20
KINDS = 16
CHUNK = 50_000
SIZES = (100_000, 1_000_000)
CROSSTALK = bundled("knowledge") / "crosstalk"


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="how many vectors to draw")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        sys.stdout.write(json.dumps(PARTS[given.part](given.folder)))
        return
    corpus = load_corpus([CROSSTALK])
    encoder = BundledEncoder()
    real = snippet_vectors(corpus.snippets, encoder)
    asked = encoder.encode([row["text"] for row in (*rows("queries"), *rows("tuning"))])
    folder = Path(tempfile.mkdtemp(prefix="psylite-index-"))
    try:
        sizes = [measured(lambda start, stop: real[start:stop], len(real), asked, folder)]
        for size in sorted(given.sizes):
            console.print(f"Drawing and indexing {size:,} vectors …")
            drawn = draw_vectors(real, size, folder / "vectors.npy")
            sizes.append(measured(lambda start, stop, drawn=drawn: drawn[start:stop], size, asked, folder))
            console.print(sizes[-1])
            del drawn
        serving = apart("serve", folder) if given.sizes else {}
        cold = best("cold", folder)
        warm = best("warm", folder)
    finally:
        shutil.rmtree(folder)
    table = Table("snippets", "kind", "p50 ms", "by the clock", "as a turn asks", "recall@10", "built s", "loaded ms")
    for one in sizes:
        numbers = (
            one["nearest_ten"]["processor_p50_ms"],
            one["nearest_ten"]["clock_p50_ms"],
            one["as_a_turn_asks"]["processor_p50_ms"],
            *(one[name] for name in ("recall_at_10", "built_s", "loaded_ms")),
        )
        kind = "exact" if one["exact"] else "compressed"
        table.add_row(f"{one['snippets']:,}", kind, *map(str, numbers))
    console.print(table)
    console.print(f"Serving {max(given.sizes, default=0):,} snippets with their texts and the encoder: {serving}")
    console.print(f"Our {len(real)} snippets built cold: {cold}; loaded warm: {warm}")
    small = {"machine": machine(), "cold": cold, "warm": warm}
    if given.sizes:
        save("index", sizes=sizes, serving=serving, small=small)
    elif (RESULTS / "index.json").exists():  # only what takes seconds is measured anew
        save("index", **{**json.loads((RESULTS / "index.json").read_text(encoding="utf-8")), "small": small})


def draw_vectors(real: Vectors, size: int, path: Path) -> Vectors:
    """`size` unit vectors from a mixture fitted to `real`: the middles of KINDS clusters, their shares, and the
    covariance around them. On disk, shape (size, dimensions)."""
    clusters = faiss.Kmeans(real.shape[1], KINDS, niter=25, seed=SEED, spherical=True, min_points_per_centroid=1)
    clusters.train(real)
    _, nearest = clusters.index.search(real, 1)  # type: ignore[union-attr]
    label = nearest[:, 0]
    middles = np.stack([real[label == kind].mean(axis=0) for kind in range(KINDS)])
    shares = np.bincount(label, minlength=KINDS) / len(real)
    lengths, directions = np.linalg.eigh(np.cov((real - middles[label]).T))
    spread = (directions * np.sqrt(np.clip(lengths, 0, None))).astype(np.float32)
    random = np.random.default_rng(SEED)
    drawn = np.lib.format.open_memmap(path, "w+", np.float32, (size, real.shape[1]))
    for start in range(0, size, CHUNK):
        count = min(CHUNK, size - start)
        noise = random.standard_normal((count, real.shape[1]), dtype=np.float32) @ spread.T
        some = middles[random.choice(KINDS, count, p=shares)].astype(np.float32) + noise
        drawn[start : start + count] = some / np.linalg.norm(some, axis=1, keepdims=True)
    return drawn


def measured(vectors: Callable[[int, int], Vectors], size: int, asked: Vectors, folder: Path) -> dict[str, Any]:
    """Build, save, load and ask an index of `size` vectors."""
    started = time.perf_counter()
    index = DenseIndex.build(size, vectors)
    built = time.perf_counter() - started
    path = folder / "dense.faiss"
    index.save(path)
    del index
    started = time.perf_counter()
    index = DenseIndex.load(path, map_in=folder if size > EXACT_MOST else None)
    loaded = time.perf_counter() - started
    truth = nearest(vectors, size, asked)
    allowed = np.random.default_rng(SEED).random(size) < 0.8
    for vector in asked:  # once to warm up: the first look maps the file
        index.search(vector, 10)
    plain, found = timed(lambda vector: index.search(vector, 10), asked)
    turn, _ = timed(lambda vector: index.search(vector, NEIGHBOURS, allowed), asked)
    recall = np.mean([len(set(right) & set(true)) / 10 for right, true in zip(found, truth, strict=True)])
    return {
        "snippets": size,
        "exact": index.exact,
        "p50_ms": plain["processor_p50_ms"],
        "nearest_ten": plain,
        "as_a_turn_asks": turn,
        "recall_at_10": round(float(recall), 3),
        "built_s": round(built, 1),
        "loaded_ms": round(loaded * 1000, 1),
        "file_mb": round(path.stat().st_size / 1e6, 1),
    }


def timed(search: Callable[[Vectors], np.ndarray], asked: Vectors) -> tuple[dict[str, float], list[list[int]]]:
    """Milliseconds of one search, and what each found. The processor's own time is what one core needs, however many
    others want it; the clock's time is what a person waits on this machine as it was."""
    found: list[list[int]] = []
    clock: list[float] = []
    processor: list[float] = []
    for vector in asked:
        started, worked = time.perf_counter(), time.thread_time()
        got = search(vector)
        processor.append(time.thread_time() - worked)
        clock.append(time.perf_counter() - started)
        found.append(got.tolist())
    parts = {"processor": processor, "clock": clock}
    return {
        f"{name}_p{share}_ms": round(float(np.percentile(spent, share)) * 1000, 2)
        for name, spent in parts.items()
        for share in (50, 95)
    }, found


def nearest(vectors: Callable[[int, int], Vectors], size: int, asked: Vectors) -> np.ndarray:
    """The ten truly nearest of each asked vector, shape (len(asked), 10)."""
    best_scores = np.full((len(asked), 10), -np.inf, dtype=np.float32)
    best_rows = np.zeros((len(asked), 10), dtype=np.int64)
    for start in range(0, size, CHUNK):
        scores = asked @ vectors(start, min(start + CHUNK, size)).T
        top = np.argpartition(-scores, 10, axis=1)[:, :10]
        all_scores = np.concatenate([best_scores, np.take_along_axis(scores, top, axis=1)], axis=1)
        all_rows = np.concatenate([best_rows, top + start], axis=1)
        keep = np.argsort(-all_scores, axis=1)[:, :10]
        best_scores = np.take_along_axis(all_scores, keep, axis=1)
        best_rows = np.take_along_axis(all_rows, keep, axis=1)
    return best_rows


def serve(folder: Path) -> dict[str, Any]:
    """Memory of this process with the large index, as many snippets with texts of their own, and the encoder."""
    path = folder / "dense.faiss"
    dense = DenseIndex.load(path, map_in=folder)
    ours = load_corpus([CROSSTALK]).snippets
    corpus = Corpus(tuple(_copy(ours[number % len(ours)], number) for number in range(dense.rows)))
    topics = np.zeros((1, dense.dimensions), dtype=np.float32)
    index = SnippetIndex(corpus, dense, None, topics, "use-multilingual-v3", {})
    encoder = BundledEncoder()
    spent = []
    for row in rows("queries"):
        vector = encoder.encode([row["text"]])[0]
        started = time.perf_counter()
        index.search(row["text"], vector, language="en" if row["lang"] == "en" else "zh")
        spent.append(time.perf_counter() - started)
    started = time.perf_counter()
    _crc(path)
    checked = time.perf_counter() - started
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    peak, now = (int(status[name].split()[0]) * 1024 / 1e9 for name in ("VmHWM", "VmRSS"))
    return {
        "snippets": dense.rows,
        "memory_gb": round(now, 2),
        "peak_gb": round(peak, 2),
        "search_p50_ms": round(float(np.median(spent)) * 1000, 2),
        "check_sum_s": round(checked, 2),
    }


def _copy(one: Snippet, number: int) -> Snippet:
    """As the importer makes them: no `hears`; texts of its own, so that no two share memory."""
    mark = str(number)
    topics = tuple(topic + mark for topic in one.topics[:2])
    return Snippet(
        f"own-zh-{number:016x}", one.title + mark, one.language, one.mood, topics, one.lines + mark, file="own"
    )


def cold(folder: Path) -> dict[str, float]:
    """Seconds to read our snippets, load the encoder and build the index; and of them the processor's."""
    home = folder / "cold"
    shutil.rmtree(home, ignore_errors=True)
    started, worked = time.perf_counter(), time.process_time()
    open_index(load_corpus([CROSSTALK]), BundledEncoder(), home)
    return {"s": round(time.perf_counter() - started, 2), "processor_s": round(time.process_time() - worked, 2)}


def warm(folder: Path) -> dict[str, float]:
    """Milliseconds to load the index that `cold` built, and to read the snippets' files; libraries are imported."""
    import bm25s  # noqa: F401

    started = time.perf_counter()
    corpus = load_corpus([CROSSTALK])
    read = time.perf_counter() - started
    started, worked = time.perf_counter(), time.process_time()
    open_index(corpus, BundledEncoder(), folder / "cold")
    spent, work = time.perf_counter() - started, time.process_time() - worked
    return {
        "ms": round(spent * 1000, 1),
        "processor_ms": round(work * 1000, 1),
        "reading_files_ms": round(read * 1000, 1),
    }


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {"serve": serve, "cold": cold, "warm": warm}


def apart(part: str, folder: Path) -> dict[str, Any]:
    """What a part measures in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.index", "--part", part, "--folder", str(folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def best(part: str, folder: Path) -> dict[str, Any]:
    """The quickest of three: other work on the machine only ever makes it slower."""
    return min((apart(part, folder) for _ in range(3)), key=lambda found: next(iter(found.values())))


if __name__ == "__main__":
    main()
