"""The model itself: llama.cpp's server, which xllamacpp carries in its wheel, on its own port behind a random key."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from psylite_pipeline.errors import StackError
from psylite_pipeline.stack.standin.backend import BackendError, Finish, Message, Piece, Sampling

CONTEXT = 8192  # tokens a request can use; 28 kB each
SLOTS = 2  # people answered at once; others wait
_BATCH = 64  # prompt tokens between two looks at whether the client is still there: two to three seconds on one core
_QUIET = 900.0  # seconds of silence; reading a full context takes about seven minutes on one slow core


#: What Ollama takes where nothing else is asked for. Without a penalty this small model says one sentence for minutes.
OLLAMA_DEFAULTS: Mapping[str, Any] = {"temperature": 0.8, "repeat_penalty": 1.1, "repeat_last_n": 64}


class LlamaBackend:
    """A Backend over one GGUF file, ready when the constructor returns (3 to 8 s; the file is mapped, not read).

    model: the file. threads: cores to use while reading and writing.
    Raises StackError when the file cannot be loaded or xllamacpp is not installed.
    """

    def __init__(self, model: Path, threads: int | None = None) -> None:
        # Waiting OpenMP threads that spin would starve the rest of a small machine. Read once, when the library loads.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        try:
            library: Any = importlib.import_module("xllamacpp")
        except ImportError as error:
            if "libgomp" in str(error):
                raise StackError(
                    "The stand-in model needs the OpenMP library libgomp.so.1. Install it with the system's package "
                    "manager (Debian, Ubuntu: libgomp1; Fedora: libgomp), or use an Ollama instead."
                ) from error
            raise StackError("The stand-in model needs the package xllamacpp. Run: make install") from error
        key = secrets.token_urlsafe(24)
        try:
            self._server: Any = library.Server(_parameters(library, model, threads or default_threads(), key))
            address = str(self._server.listening_address)
        except (RuntimeError, ValueError, OSError) as error:
            raise StackError(
                f"llama.cpp could not load {model}. It needs about 2 GB of free memory; if there is enough, delete "
                "the file and start again, so that it is fetched anew."
            ) from error
        self._client = httpx.AsyncClient(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(_QUIET, connect=5.0),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,  # a proxy variable must not come between two parts of one process
        )

    @property
    def context(self) -> int:
        """See Backend."""
        return CONTEXT

    async def prompt(self, messages: Sequence[Message]) -> list[int]:
        """See Backend."""
        text = (await self._post("/apply-template", {"messages": [dict(m) for m in messages]}))["prompt"]
        asked = {"content": text, "add_special": True, "parse_special": True}
        return list((await self._post("/tokenize", asked))["tokens"])

    async def generate(self, tokens: Sequence[int], sampling: Sampling) -> AsyncGenerator[Piece | Finish]:
        """See Backend."""
        asked: dict[str, Any] = {"prompt": list(tokens), "n_predict": sampling.limit, "stream": True}
        asked |= {**OLLAMA_DEFAULTS, **sampling.options}
        if sampling.schema is not None:
            asked["json_schema"] = dict(sampling.schema)
        with _translated():
            async with self._client.stream("POST", "/completion", json=asked) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise _refusal(response)
                async for event in _events(response.aiter_lines()):
                    if event.get("content"):
                        yield Piece(event["content"])
                    if event.get("stop"):
                        yield _finish(event)
                        return
        raise BackendError("the model stopped before it had finished")

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with _translated():
            response = await self._client.post(path, json=body)
            if response.status_code != 200:
                raise _refusal(response)
            return dict(response.json())


def default_threads() -> int:
    """Every core of a two-core machine, half of a larger one (often two logical to a real one), eight at most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, max(2, cores // 2), 8)


def _parameters(library: Any, model: Path, threads: int, key: str) -> Any:
    wanted = library.CommonParams()
    wanted.model.path = str(model)
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.api_keys = [key]
    wanted.n_parallel = SLOTS
    wanted.n_ctx = CONTEXT * SLOTS
    wanted.n_batch = wanted.n_ubatch = _BATCH
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    wanted.n_threads_http = 16  # a waiting request holds one
    wanted.n_gpu_layers = 0
    wanted.no_extra_bufts = True  # no second, rearranged copy of the weights: 600 MB less, loads faster, no slower here
    wanted.cache_ram_mib = 0  # keep nobody's conversation longer than its slot
    wanted.warmup = wanted.fit_params = wanted.ui = False
    wanted.endpoint_slots = False  # it would show the prompts
    wanted.verbosity = 0  # errors only: more would log prompts
    return wanted


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise BackendError("the model took too long") from error
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise BackendError("the model does not answer") from error


async def _events(lines: AsyncIterator[str]) -> AsyncGenerator[dict[str, Any]]:
    async for line in lines:
        kind, _, value = line.partition(": ")
        if kind == "error":
            raise BackendError("the model failed while it was writing")
        if kind == "data" and value != "[DONE]":
            event = json.loads(value)
            if "error" in event:
                raise BackendError("the model failed while it was writing")
            yield event


def _refusal(response: httpx.Response) -> BackendError:
    """llama.cpp's own words are not passed on: they may quote what was asked."""
    if response.status_code == 400:
        return BackendError("the model cannot work with these options or this format", refused=True)
    return BackendError(f"the model answered with status {response.status_code}")


def _finish(event: Mapping[str, Any]) -> Finish:
    timings = event.get("timings") or {}
    return Finish(
        reason="length" if event.get("stop_type") == "limit" else "stop",
        prompt_tokens=int(event.get("tokens_evaluated", 0)),
        written_tokens=int(event.get("tokens_predicted", 0)),
        prompt_ns=int(float(timings.get("prompt_ms", 0.0)) * 1e6),
        writing_ns=int(float(timings.get("predicted_ms", 0.0)) * 1e6),
    )
