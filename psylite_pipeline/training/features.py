"""What the classifier sees of each row, computed once: n-grams, the encoder's vector, the lexicon's findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.embedding import Embedder
from psylite_pipeline.risk.classifier import HEADS, finding_features, shape_features
from psylite_pipeline.risk.grams import Grams, grams_of
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.training.data import Row, digest

Floats = NDArray[np.float32]
Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Table:
    """Rows with what is known of them; every array has one line a row. `answers` holds NaN where a row is silent."""

    rows: Sequence[Row]
    grams: Sequence[Grams]
    vectors: Floats
    extras: Floats
    answers: Floats
    weights: Floats
    parts: NDArray[np.int64]


class VectorStore:
    """Vectors in a file under a hash of their text, so that a second training need not encode again."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[bytes, Floats] = {}
        if path and path.is_file():
            with np.load(path, allow_pickle=False) as arrays:
                self._known = {
                    bytes(key): vector for key, vector in zip(arrays["keys"], arrays["vectors"], strict=True)
                }

    def encode(self, texts: Sequence[str], embedder: Embedder, step: Step | None = None) -> Floats:
        """One vector a text, each encoded by itself as at run time."""
        new = 0
        for number, text in enumerate(texts):
            key = digest(text)
            if key not in self._known:
                self._known[key] = embedder.encode([text])[0]
                new += 1
            if step and number % 100 == 99:
                step(number + 1, len(texts))
        if new and self._path:
            keys = np.array([np.frombuffer(key, dtype=np.uint8) for key in self._known])
            np.savez(self._path, keys=keys, vectors=np.stack(list(self._known.values())))
        return np.stack([self._known[digest(text)] for text in texts])


def tabulate(
    rows: Sequence[Row], lexicon: Lexicon, embedder: Embedder, store: VectorStore, step: Step | None = None
) -> Table:
    """Compute everything. Rows that a label calls harmless only because nobody looked are dropped where the lexicon
    sees danger in them: their answers about danger become silent."""
    grams, extras, answers, weights = [], [], [], []
    for row in rows:
        found = lexicon.findings(row.text)
        marks = grams_of(row.text)
        grams.append(marks)
        extras.append(np.concatenate((finding_features(found), shape_features(marks))))
        silent = row.source in UNREAD and any(finding.level > 0 for finding in found)
        answers.append(
            [np.nan if silent and head in {"concern", "high", "emergency"} else row.y(head) for head in HEADS]
        )
        weights.append([row.weight(head) for head in HEADS])
    return Table(
        rows=rows,
        grams=grams,
        vectors=store.encode([row.text for row in rows], embedder, step),
        extras=np.array(extras, dtype=np.float32),
        answers=np.array(answers, dtype=np.float32),
        weights=np.array(weights, dtype=np.float32),
        parts=np.array([row.part for row in rows]),
    )


#: Sets whose rows nobody read for danger: counselling turns without a crisis word, and talk labelled for mood only.
UNREAD = frozenset({
    "counselling_zh_cpsycound_turns", "counselling_zh_smile_turns", "counselling_en_counselchat",
    "mood_zh_cped", "mood_en_goemotions", "requests_zh_flames", "requests_zh_cvalues_benign",
    "crisis_en_openai_moderation",
})  # fmt: skip
