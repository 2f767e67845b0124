"""serve(): the stand-in as a process, from weights on disk to a port that answers, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import uvicorn

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin.app import create_app
from psylite_pipeline.stack.standin.backend import Backend
from psylite_pipeline.stack.standin.fetch import ensure_model
from psylite_pipeline.stack.standin.llama import LlamaBackend
from psylite_pipeline.stack.standin.progress import Progress, silent
from psylite_pipeline.stack.standin.weights import MODEL_NAME, QWEN_CODER, Weights
from psylite_pipeline.stack.standin.wire import Card, full_name

HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


def serve(
    port: int,
    data_dir: Path,
    *,
    name: str = MODEL_NAME,
    threads: int | None = None,
    progress: Progress = silent,
    weights: Weights = QWEN_CODER,
    load: Callable[[Path, int | None], Backend] = LlamaBackend,
) -> NoReturn:
    """Answer on 127.0.0.1:`port` until SIGTERM or SIGINT, then end the process with code 0 within two seconds.

    The port is taken first and answers last: an answer means that the model is loaded. Fetches the weights if they are
    not in `data_dir`; `load` makes the Backend from the file and the number of threads. Call it in the main thread.
    Raises StackError when the port is taken, or when the weights cannot be had or loaded.
    """
    door = _take(port)
    model = ensure_model(data_dir, progress, weights=weights)
    for number in (signal.SIGTERM, signal.SIGINT):  # Python would hear them only when the loading is over
        signal.signal(number, signal.SIG_DFL)
    begun = time.monotonic()
    backend = load(model, threads)
    modified = datetime.fromtimestamp(model.stat().st_mtime, UTC)
    card = Card(full_name(name), backend.context, modified, weights)
    _log.warning("%s", card.notice)
    _log.info("%s loaded in %.1f s, answering on http://%s:%d", card.name, time.monotonic() - begun, HOST, port)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(backend, card),
            log_config=None,
            log_level="critical",  # the app reports its own errors, without quoting a request
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn sends itself the signal again when it has stopped
        signal.signal(number, _heard)
    server.run(sockets=[door])
    _leave()


def _take(port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((HOST, port))
    except (OSError, OverflowError) as error:
        door.close()
        raise StackError(
            f"The stand-in model cannot use port {port} on {HOST}: another program has it, or it is not allowed. "
            "Choose another with --port."
        ) from error
    return door


def _heard(number: int, frame: object) -> None:
    """The signal has done its work by then."""


def _leave() -> NoReturn:
    """End now. llama.cpp's threads may be in the middle of a prompt; waiting for them would take seconds."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(0)
