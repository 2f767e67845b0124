"""Writes the classifier's files: plain arrays and a JSON description, the same bytes for the same weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.risk.assess import Thresholds
from psylite_pipeline.risk.classifier import FORMAT, HEADS, Weights

#: Arrays that are kept as they are; the rest become float16 (their values were rounded before they were used).
_KEPT = {
    "hashes",
    "read_weights",
    "read_bias",
    "glance_weights",
    "glance_bias",
    "gram_bias",
    "kernel_bias",
    "kernel_weights",
}

#: One step of a landmark's numbers: they are kept as whole numbers of one byte.
STEP = 1 / 500


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of unit length as the file will hold them."""
    return (np.clip(np.round(vectors / STEP), -127, 127) * STEP).astype(np.float32)


def write(folder: Path, weights: Weights, thresholds: Thresholds, about: Mapping[str, Any]) -> None:
    """Write classifier.npz and classifier.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        field.name: getattr(weights, field.name)
        if field.name in _KEPT
        else getattr(weights, field.name).astype(np.float16)
        for field in fields(Weights)
        if field.name not in {"gamma", "landmarks"}
    }
    arrays["landmarks"] = np.round(weights.landmarks / STEP).astype(np.int8)
    np.savez(folder / "classifier.npz", **arrays)
    meta = {
        "format": FORMAT,
        "heads": list(HEADS),
        "gamma": weights.gamma,
        "step": STEP,
        "thresholds": {name: round(value, 4) for name, value in asdict(thresholds).items()},
        **about,
    }
    (folder / "classifier.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
