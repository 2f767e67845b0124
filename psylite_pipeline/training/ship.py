"""Writes the classifier's files: plain arrays and a JSON description, the same bytes for the same weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.risk.classifier import FORMAT, HEADS, Weights
from psylite_pipeline.risk.readings import Thresholds

#: Arrays kept in half precision. The first three were rounded before they were used; of a kernel weight at most a
#: two-thousandth is lost.
_HALVED = {"idf", "gram_weights", "axes", "kernel_weights"}


def steps_of(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """One step of a landmark's numbers along each axis: they are kept as whole numbers of one byte."""
    return (np.maximum(np.abs(landmarks).max(axis=0), 1e-6) / 127).astype(np.float32)


def rounded(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks as a file of them alone would give them back."""
    steps = steps_of(landmarks)
    return (np.round(landmarks / steps) * steps).astype(np.float32)


def write(folder: Path, weights: Weights, thresholds: Thresholds, about: Mapping[str, Any]) -> None:
    """Write classifier.npz and classifier.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {
        field.name: getattr(weights, field.name).astype(np.float16)
        if field.name in _HALVED
        else getattr(weights, field.name)
        for field in fields(Weights)
    }
    # Steps between sorted numbers, and weights by columns, take 4 % less room.
    arrays["hashes"] = np.diff(weights.hashes, prepend=np.uint32(0))
    arrays["gram_weights"] = np.asfortranarray(arrays["gram_weights"])
    arrays["landmark_steps"] = steps_of(weights.landmarks)
    arrays["landmarks"] = np.round(weights.landmarks / arrays["landmark_steps"]).astype(np.int8)
    np.savez_compressed(folder / "classifier.npz", **arrays)  # pyright: ignore[reportArgumentType]
    meta = {
        "format": FORMAT,
        "heads": list(HEADS),
        "thresholds": {name: round(value, 4) for name, value in asdict(thresholds).items()},
        **about,
    }
    (folder / "classifier.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
