"""The model server: an Ollama that is there, one that can be started, or the stand-in."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama

from psylite_pipeline import listing
from psylite_pipeline.errors import StackError
from psylite_pipeline.settings import OUR_MODEL, Settings, bundled
from psylite_pipeline.stack import processes
from psylite_pipeline.stack.guard import LOOPBACK
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.teller import Teller

#: Seconds that an Ollama has to begin answering after `ollama serve`.
_START = 30.0

#: Seconds of silence while Ollama downloads or checks before it counts as stuck.
_SILENCE = 300.0


@dataclass(frozen=True, slots=True)
class ModelServer:
    """Where the model answers and under what name."""

    url: str
    model: str
    standin: bool = False


def is_local(url: str) -> bool:
    """Whether `url` is on this machine."""
    try:
        return (urlsplit(url).hostname or "") in LOOPBACK
    except ValueError:
        return False


def serve(settings: Settings, layout: Layout) -> processes.Child | None:
    """Start the `ollama` on the PATH at the configured address; None where there is none."""
    program = shutil.which("ollama")
    if not program or not is_local(settings.ollama_url):
        return None
    environment = {**os.environ, "OLLAMA_HOST": urlsplit(settings.ollama_url).netloc}
    return processes.start("ollama", [program, "serve"], environment, layout)


def start_ollama(settings: Settings, layout: Layout) -> processes.Child | None:
    """`serve`, and wait until it answers. Raises StackError when it ends at once or stays silent."""
    child = serve(settings, layout)
    if child is None:
        return None
    deadline = time.monotonic() + _START
    while listing.of_ollama(settings.ollama_url, 1.0) is None:
        if child.ended or time.monotonic() > deadline:
            words = child.last_words()
            child.stop()
            raise StackError(f"`ollama serve` did not begin to answer. The end of {child.log}:\n{words}")
        time.sleep(0.2)
    return child


def fetch(settings: Settings, teller: Teller) -> None:
    """Have the Ollama at the configured address pull the model, or create `psylite` from its weights and our Modelfile.

    Raises StackError when it cannot.
    """
    client = ollama.Client(host=settings.ollama_url, trust_env=False, timeout=httpx.Timeout(30.0, read=_SILENCE))
    source = settings.weights if settings.model.removesuffix(":latest") == OUR_MODEL else settings.model
    try:
        if not listing.has(listing.of_ollama(settings.ollama_url) or [], source):
            with teller.working(f"Ollama fetches {source}") as update:
                for step in client.pull(source, stream=True):
                    megabytes = f"{(step.completed or 0) // 1_000_000} of {(step.total or 0) // 1_000_000} MB"
                    note = megabytes if step.total else (step.status or "")
                    update(step.completed or 0, step.total or 0, note)
        if source != settings.model:
            client.create(model=settings.model, from_=source, **_recipe())
    except ollama.ResponseError as error:
        raise StackError(f"Ollama could not fetch {source}: {error.error}") from None
    except (httpx.HTTPError, ConnectionError, ValueError) as error:
        raise StackError(f"Ollama could not fetch {source}: {type(error).__name__}.") from None


def _recipe() -> dict[str, Any]:
    """How model/Modelfile has `psylite` sample, and its system text; Compose gives the same file to `ollama create`."""
    told = (bundled("model") / "Modelfile").read_text(encoding="utf-8")
    parameters = re.findall(r"^PARAMETER (\w+) (\S+)$", told, re.MULTILINE)
    system = re.findall(r'^SYSTEM """(.*?)"""$', told, re.MULTILINE | re.DOTALL)
    return {"parameters": {name: json.loads(value) for name, value in parameters}, "system": "".join(system)}
