"""Gathers the parts of a Counsellor from the settings. A part that cannot be had is left out, and said once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from psylite_pipeline.answers import Answers, Backend
from psylite_pipeline.counsellor import Counsellor
from psylite_pipeline.embedding import BundledEncoder, Embedder, open_encoder
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.files import own_folder
from psylite_pipeline.humour.corpus import FORBIDDEN_FILE, load_corpus
from psylite_pipeline.humour.shelf import Shelf
from psylite_pipeline.metrics import NO_METRICS, Metrics
from psylite_pipeline.model import ChatModel
from psylite_pipeline.ollama_model import OllamaModel
from psylite_pipeline.openai_model import OpenAIModel
from psylite_pipeline.output_check import OutputCheck
from psylite_pipeline.prompt import Prompts
from psylite_pipeline.replies import Replies
from psylite_pipeline.risk.assess import Assessor
from psylite_pipeline.risk.classifier import Classifier
from psylite_pipeline.risk.last_resort import LastResortLexicon
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.settings import Settings, bundled

if TYPE_CHECKING:
    from psylite_pipeline.humour.importer import Importer

log = logging.getLogger(__name__)

T = TypeVar("T")


def open_counsellor(settings: Settings, model: ChatModel | None = None, metrics: Metrics = NO_METRICS) -> Counsellor:
    """A counsellor ready to judge. A broken data file raises nothing: the shipped one or the last resort stands in.

    `model` answers in place of the server that the settings name. Without `metrics` nothing is counted.
    """
    lexicon = open_lexicon(settings)
    plain_assessor = Assessor(lexicon, None)
    encoder = BundledEncoder()
    model = model or open_model(settings)
    backend = Backend(settings.model, settings.num_ctx, settings.standin)
    return Counsellor(
        assessor=Assessor(lexicon, open_classifier(settings)),
        plain_assessor=plain_assessor,
        embedder=encoder,
        shelf=open_shelf(settings, encoder),
        answers=Answers(
            open_replies(settings),
            open_prompts(settings),
            model,
            backend,
            plain_assessor.worst,
            open_output_check(settings),
            metrics,
        ),
        model=model,
        metrics=metrics,
    )


def open_model(settings: Settings) -> ChatModel:
    """The chat model that the settings name."""
    if settings.backend == "openai":
        return OpenAIModel(settings.openai_url, settings.openai_key.get_secret_value(), num_ctx=settings.num_ctx)
    return OllamaModel(settings.ollama_url, num_ctx=settings.num_ctx, keep_alive=settings.keep_alive)


def open_shelf(settings: Settings, encoder: BundledEncoder | None = None) -> Shelf:
    """The crosstalk shelf with the encoder that the settings name; `encoder` is shared where it is the bundled one."""
    chosen = encoder if encoder and settings.encoder in {"", "bundled"} else open_encoder(settings.encoder)
    with suppress(OSError):  # so that a running server finds what is imported later
        own_folder(settings.data_dir)
        settings.own_snippets_dir.mkdir(parents=True, exist_ok=True)
    return Shelf(snippet_folders(settings), chosen, settings.index_dir)


def snippet_folders(settings: Settings) -> list[Path]:
    """Where snippets are read from: ours, what was imported, and an admin's own folder."""
    folders = [settings.knowledge_dir / "crosstalk"]
    if settings.own_snippets_dir.is_dir():
        folders.append(settings.own_snippets_dir)
    if settings.snippets_dir:
        folders.append(settings.snippets_dir)
    return folders


def open_importer(settings: Settings, embedder: Embedder | None = None) -> Importer:
    """What makes snippets of an admin's own scripts. Raises KnowledgeError where what they are screened by is broken;
    where the settings' folder has nothing of it the shipped one counts."""
    from psylite_pipeline.humour.importer import Importer  # here: no server needs what reads scripts
    from psylite_pipeline.humour.themes import Themes
    from psylite_pipeline.humour.unfit import UnfitWords

    own, shipped = settings.knowledge_dir, bundled("knowledge")
    themes = Themes.load((own if (own / "crosstalk" / FORBIDDEN_FILE).is_file() else shipped) / "crosstalk")
    unfit = UnfitWords.load((own if (own / "risk" / "screening").is_dir() else shipped) / "risk" / "screening")
    return Importer(
        settings.own_snippets_dir,
        rules=open_lexicon(settings),
        themes=themes,
        unfit=unfit,
        embedder=embedder or open_encoder(settings.encoder),
        known=load_corpus(snippet_folders(settings)).snippets,
    )


def open_lexicon(settings: Settings) -> Lexicon | LastResortLexicon:
    """The lexicon of the settings' folder, else the shipped one, else a handful of words held in code."""
    return _first(settings, Lexicon.load, "risk", "lexicon") or LastResortLexicon()


def open_classifier(settings: Settings) -> Classifier | None:
    """The classifier, or None: then the lexicon decides alone."""
    return _first(settings, Classifier.load, "risk", "classifier")


def open_output_check(settings: Settings) -> OutputCheck | None:
    """The rules for the model's own words, or None: then it answers nobody at risk, and others unread."""
    return _first(settings, OutputCheck.load, "risk", "output")


def open_replies(settings: Settings) -> Replies | None:
    """The fixed texts, or None: then the last resort in the code speaks."""
    return _first(settings, Replies.load, "replies")


def open_prompts(settings: Settings) -> Prompts:
    """The texts for the model."""
    return _first(settings, Prompts.load, "prompts") or Prompts.last_resort()


def _first(settings: Settings, load: Callable[[Path], T], *place: str) -> T | None:
    """What `load` makes of the configured folder, else of the one in the package; None where both are broken."""
    for folder in dict.fromkeys((settings.knowledge_dir, bundled("knowledge"))):
        path = folder.joinpath(*place)
        try:
            return load(path)
        except KnowledgeError as error:
            log.error("%s", error)
        except Exception as error:  # noqa: BLE001  the edge: a file of a shape that nobody thought of
            log.error("%s: cannot be read (%s). Correct or restore its files.", path, type(error).__name__)
    return None
