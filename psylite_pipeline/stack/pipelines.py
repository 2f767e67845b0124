"""The Pipelines server as a part of the stack: its loader files, its environment, and what it refused to load."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec

from psylite_pipeline.errors import StackError
from psylite_pipeline.files import write_whole
from psylite_pipeline.settings import Settings, bundled
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.ollama import ModelServer

COMMAND = (sys.executable, "-m", "psylite_pipeline.stack.server")


def demand_installed() -> None:
    """Raise StackError where the package was installed without what the server needs."""
    if find_spec("uvicorn") is None:
        raise StackError(
            "The Pipelines server is not installed. Run `make up` once, or install psylite-pipeline[stack]."
        )


def install_loaders(layout: Layout) -> list[str]:
    """Put our loader files into the folder the server reads.

    Ours are renewed when they changed; other files and saved valves stay. Returns the ids of the plugins. Raises
    StackError when the folder cannot be written.
    """
    loaders = sorted(bundled("pipelines").glob("*.py"))
    if not loaders:
        raise StackError("The loader files of the plugins are missing from the package. Run `make install` again.")
    try:
        for loader in loaders:
            text, target = loader.read_bytes(), layout.pipelines / loader.name
            (layout.pipelines / "failed" / loader.name).unlink(missing_ok=True)  # so that a new failure is seen
            if not target.exists() or target.read_bytes() != text:
                write_whole(target, text, durable=False)
    except OSError as error:
        raise StackError(f"{layout.pipelines} cannot be written: {error.strerror}. Correct its permissions.") from None
    return [loader.stem for loader in loaders]


def failed(layout: Layout, plugins: list[str]) -> list[str]:
    """Those of `plugins` that the server could not load and has moved away."""
    return [name for name in plugins if (layout.pipelines / "failed" / f"{name}.py").exists()]


def environment(settings: Settings, layout: Layout, key: str, model: ModelServer) -> Mapping[str, str]:
    """What the server and the plugins in it read. Bound to this machine whatever else is set."""
    return {
        "MALLOC_ARENA_MAX": "2",  # after pieces of ten megabytes 560 MB stay, with more arenas 800
        **os.environ,
        "PIPELINES_DIR": str(layout.pipelines),
        "PIPELINES_API_KEY": key,
        "GLOBAL_LOG_LEVEL": "WARNING",
        "PYTHON_DOTENV_DISABLED": "1",  # upstream would read a .env file of any folder above it
        "OLLAMA_BASE_URL": model.url,
        "PSYLITE_MODEL": model.model,
        "PSYLITE_STANDIN": "true" if model.standin else "false",
        "PSYLITE_DATA_DIR": str(layout.root),
        "PSYLITE_PIPELINES_HOST": "127.0.0.1",
        "PSYLITE_PIPELINES_PORT": str(settings.pipelines_port),
    }
