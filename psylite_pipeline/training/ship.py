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
from psylite_pipeline.risk.turn_assessment import Thresholds

#: Arrays kept in half precision. The first three were rounded before they were used; of a kernel weight at most a
#: two-thousandth is lost.
_HALVED = {"idf", "gram_weights", "axes", "kernel_weights"}


#: One step of a landmark's numbers, which are kept as whole steps of one byte. Machines learnt from vectors that were
#: rounded first lose nothing by it (AUROC .960 of 2,581 turns written blind, as without), and the file packs them into
#: two thirds of the room.
STEP = 0.02


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors as a file of landmarks would give them back."""
    return (np.round(vectors / STEP) * np.float32(STEP)).astype(np.float32)


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
    arrays["landmark_steps"] = np.array(STEP, np.float32)
    arrays["landmarks"] = np.round(weights.landmarks / STEP).astype(np.int8)
    np.savez_compressed(folder / "classifier.npz", **arrays)  # pyright: ignore[reportArgumentType]
    meta = {
        "format": FORMAT,
        "heads": list(HEADS),
        "thresholds": {name: round(value, 4) for name, value in asdict(thresholds).items()},
        **about,
    }
    (folder / "classifier.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
