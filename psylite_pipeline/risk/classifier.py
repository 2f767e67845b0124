"""The learnt judge: n-grams, the encoder's vector and the lexicon's findings, weighed into seven probabilities.

Trained by `psylite train` (psylite_pipeline/training), read here from plain arrays; nothing is unpickled. Each part
gives a logit for each question, and a last small layer weighs the parts against each other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.embedding import Vectors
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.risk.grams import Grams, grams_of
from psylite_pipeline.risk.memory import ScoreCache
from psylite_pipeline.risk.reading import Finding
from psylite_pipeline.risk.rules.rulebook import SIGNS
from psylite_pipeline.risk.turn_assessment import Probabilities, Thresholds

#: The questions, in the order of every array: at least concern, at least high, a harmful request, a joke fits, heavy,
#: whether an answer to a direct question about danger admits it, and an emergency.
HEADS = tuple(field.name for field in fields(Probabilities))

#: Characters of the windows in which the strongest passage of a long text is looked for: Chinese, other scripts.
WINDOWS = (20, 60)

#: How far turns read together may speak for the last one. Chosen: together they may be surer than each was.
PIECES = 0.8

KINDS = tuple(kind for kind in Kind if kind is not Kind.EMERGENCY)  # an accident says nothing about intent
FORMAT = 5

_CURE = "Restore classifier.json and classifier.npz from the repository."

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays of the file, V n-grams, M landmarks along D axes of the encoder's vectors, H questions.

    `full_…` is the last layer of turns with a vector, `words_…` that of turns without one.
    """

    hashes: NDArray[np.uint32]
    idf: Floats
    gram_weights: Floats
    gram_bias: Floats
    axes: Floats
    landmarks: Floats
    kernel_weights: Floats
    kernel_bias: Floats
    full_weights: Floats
    full_bias: Floats
    words_weights: Floats
    words_bias: Floats
    gamma: Floats


class Classifier:
    """Scores turns from `Weights`. Remembers scores of earlier turns, no text; safe to share between threads."""

    def __init__(self, weights: Weights, thresholds: Thresholds) -> None:
        self._weights = weights
        self._thresholds = thresholds
        self._memory: ScoreCache[tuple[Floats, Floats]] = ScoreCache()
        self._lengths = np.einsum("ij,ij->i", weights.landmarks, weights.landmarks)
        self._blas = ThreadpoolController()

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """The weights in `folder` (classifier.json, classifier.npz). Raises KnowledgeError."""
        try:
            meta: dict[str, Any] = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
            if meta["format"] != FORMAT or tuple(meta["heads"]) != HEADS:
                raise KnowledgeError(f"{folder}: the classifier's weights are of another version. {_CURE}")
            limits = _thresholds(meta["thresholds"])
            with np.load(folder / "classifier.npz", allow_pickle=False) as arrays:
                found = {
                    one.name: arrays[one.name].astype(np.float32) for one in fields(Weights) if one.name != "hashes"
                }
                found["hashes"] = np.cumsum(arrays["hashes"], dtype=np.uint32)  # the file holds their steps
                # By columns: BLAS multiplies it with one vector four times faster than by rows.
                found["landmarks"] = np.asfortranarray(found["landmarks"] * arrays["landmark_steps"])
            weights = Weights(**found)
            _check(weights)
            return cls(weights, limits)
        except KnowledgeError:
            raise
        except Exception as error:  # noqa: BLE001  what a damaged archive raises is no list: zlib's own error, too
            raise KnowledgeError(f"{folder}: the classifier cannot be read ({type(error).__name__}). {_CURE}") from None

    @property
    def thresholds(self) -> Thresholds:
        """From where a probability counts."""
        return self._thresholds

    def read(self, text: str, vector: Vectors | None, findings: Sequence[Finding]) -> Probabilities:
        """One turn by itself, with its vector (None: the encoder failed)."""
        grams, shape = self._memory.get(text, partial(self._made, text))
        extras = np.concatenate((finding_features(findings), shape))
        fits = vector is not None and vector.shape == self._weights.axes.shape[:1]
        kernel = self.kernel(vector) if vector is not None and fits else None
        return Probabilities(*(float(value) for value in self.weigh(grams, extras, kernel)))

    def in_pieces(self, text: str, before: Sequence[str], findings: Sequence[Finding]) -> float:
        """The probability that the last turn ends a harmful request whose first pieces stand in the turns `before`."""
        pieces = before[-2:]
        return PIECES * self.read("\n".join((*pieces, text)), None, findings).harmful if pieces else 0.0

    def _made(self, text: str) -> tuple[Floats, Floats]:
        grams = grams_of(text)
        return self.gram_logits(grams), shape_features(grams)

    def weigh(self, grams: Floats, extras: Floats, kernel: Floats | None) -> Floats:
        """Probabilities in the order of HEADS, from `gram_logits`, what else was made of a text, and `kernel`."""
        weights = self._weights
        known = np.concatenate((grams, extras))
        if kernel is None:
            return _probability(doubled(known) @ weights.words_weights + weights.words_bias)
        return _probability(doubled(np.concatenate((kernel, known))) @ weights.full_weights + weights.full_bias)

    def gram_logits(self, grams: Grams) -> Floats:
        """For each question the logit of the whole text, then that of its strongest passage."""
        weights = self._weights
        places = np.searchsorted(weights.hashes, grams.hashes)
        places[places == len(weights.hashes)] = 0
        known = weights.hashes[places] == grams.hashes
        places, starts = places[known], grams.starts[known]
        if not len(places):
            return np.concatenate((weights.gram_bias, weights.gram_bias))
        once = np.unique(places)
        idf = weights.idf[once]
        whole = idf @ weights.gram_weights[once] / np.sqrt(idf @ idf) + weights.gram_bias
        width = WINDOWS[0] if grams.han > 0.4 else WINDOWS[1]
        if grams.length <= 1.5 * width:
            return np.concatenate((whole, whole))
        step = width // 2
        count = grams.length // step + 1
        idf = weights.idf[places]
        sums = np.zeros((count + 1, len(HEADS) + 1), dtype=np.float32)
        values = np.concatenate((weights.gram_weights[places] * idf[:, None], (idf * idf)[:, None]), axis=1)
        np.add.at(sums, starts // step, values)
        sums = sums[:-1] + sums[1:]
        passages = sums[:, :-1] / np.sqrt(np.maximum(sums[:, -1:], 30.0)) + weights.gram_bias
        return np.concatenate((whole, passages.max(axis=0)))

    def kernel(self, vector: Vectors) -> Floats:
        """For each question the logit of the encoder's vector (unit length)."""
        weights = self._weights
        with self._blas.limit(limits=1, user_api="blas"):  # waking more threads costs more than they save
            turned = vector.astype(np.float32) @ weights.axes
            alike = weights.landmarks @ turned
            near = np.exp(weights.gamma * (2 * alike - self._lengths - turned @ turned))
            return near @ weights.kernel_weights + weights.kernel_bias


def finding_features(findings: Sequence[Finding]) -> Floats:
    """The lexicon's findings by level, kind and sign; rule ids do not matter, nor do emergencies."""
    findings = [finding for finding in findings if finding.kind is not Kind.EMERGENCY]
    danger = [finding for finding in findings if finding.level > Risk.NONE]
    top = max((finding.level for finding in danger), default=Risk.NONE)
    own = max((finding.level for finding in danger if finding.kind is Kind.SELF_HARM), default=Risk.NONE)
    kinds = {finding.kind for finding in findings}
    signs = {finding.sign for finding in findings}
    values = [
        *(float(top >= level) for level in (Risk.CONCERN, Risk.HIGH, Risk.IMMINENT)),
        *(float(own >= level) for level in (Risk.CONCERN, Risk.HIGH)),
        float(len(danger) >= 2),
        float(len(danger) >= 3),
        *(float(kind in kinds) for kind in KINDS),
        *(float(sign in signs) for sign in SIGNS),
    ]
    return np.array(values, dtype=np.float32)


def shape_features(grams: Grams) -> Floats:
    """Length, script, and whether a word of death stands in a text (last, see `doubled`)."""
    size = float(np.log1p(grams.length)) / 4
    return np.array([size, grams.han, size * grams.han, float(grams.overt)], dtype=np.float32)


def doubled(known: Floats) -> Floats:
    """What is known, and again where a word of death stands in the text: idiom and danger need weights of their own."""
    return np.concatenate((known, known * known[..., -1:]), axis=-1)


def _probability(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))


def _thresholds(found: dict[str, Any]) -> Thresholds:
    """One that is missing, not a number or out of reach would let danger pass, or see it everywhere. Raises
    ValueError."""
    limits = {one.name: float(found[one.name]) for one in fields(Thresholds)}
    amiss = [name for name, limit in limits.items() if not (0 < limit < 1 or (name, limit) == ("sensitive", 1))]
    if amiss or found.keys() != limits.keys():
        raise ValueError("thresholds")
    return Thresholds(**limits)


def _check(weights: Weights) -> None:
    """Arrays that do not fit together would fail, or mislead, only later. Raises ValueError."""
    heads, grams, landmarks = len(HEADS), len(weights.hashes), len(weights.landmarks)
    plain = 2 * heads + len(finding_features(())) + len(shape_features(grams_of("")))
    shapes = (
        (weights.idf, (grams,)),
        (weights.gram_weights, (grams, heads)),
        (weights.gram_bias, (heads,)),
        (weights.axes, (len(weights.axes), weights.landmarks.shape[-1])),
        (weights.kernel_weights, (landmarks, heads)),
        (weights.kernel_bias, (heads,)),
        (weights.words_weights, (2 * plain, heads)),
        (weights.words_bias, (heads,)),
        (weights.full_weights, (2 * (plain + heads), heads)),
        (weights.full_bias, (heads,)),
        (weights.gamma, ()),
    )
    if any(array.shape != shape or not np.isfinite(array).all() for array, shape in shapes) or not grams:
        raise ValueError("shapes")
