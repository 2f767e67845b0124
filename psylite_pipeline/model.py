"""Streaming chat with a served model, always with deadlines. Foreign errors become our own here and nowhere else."""

from __future__ import annotations

import json
import math
import queue
import re
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from psylite_pipeline.errors import ModelAway, ModelBroken, ModelError, ModelMissing, ModelTimeout
from psylite_pipeline.pieces import Chunk, Thought, Waiting, Words
from psylite_pipeline.thoughts import parted

Message = dict[str, str]

#: Seconds to wait for a connection. A server on the same machine or network answers in milliseconds or not at all.
CONNECT_SECONDS = 5.0

#: Seconds of silence after which a caller is told so: at first, and from then on.
FIRST_SIGN_SECONDS, HEARTBEAT_SECONDS = 2.0, 10.0

# Chosen, not measured, as are the numbers below it.
#: Share of the window left for the answer and for the chat template's own tokens. Of the default window of 4,096 tokens
#: that is 1,228: an answer of 1,024, and 200 for the template.
ANSWER_SHARE = 0.3
_OF_THE_ANSWER = 5 / 6

#: Tokens of one answer however wide the window is, and of one verdict of the judge: models that ramble are stopped.
MOST_TOKENS, MOST_JUDGE_TOKENS = 4096, 64

_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Loading:
    """The server has to load the model first. Told by a protocol, passed on as part of `Waiting`."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until the first piece, and of silence between pieces."""

    first: float = 300.0
    silence: float = 60.0


def answer_tokens(num_ctx: int) -> int:
    """Tokens of one answer, reasoning included, in a window of `num_ctx`: what prompt and template leave."""
    return min(round(num_ctx * ANSWER_SHARE * _OF_THE_ANSWER), MOST_TOKENS)


class ChatModel(Protocol):
    """What the counsellor needs of a model. `tests/` hand in their own."""

    def stream(self, model: str, messages: Sequence[Message], deadlines: Deadlines) -> Iterator[Chunk]:
        """Stream a reply as the server writes it: words may still hold reasoning. Raises ModelError."""
        ...

    def ask(self, model: str, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> dict[str, Any]:
        """One answer held to a JSON schema within `seconds`. Raises ModelError."""
        ...


class ServedModel(ABC):
    """A chat model behind HTTP: what is the same for every protocol. Holds no talk; safe to share between threads.

    A protocol says how a client is made (`_client`) and what a chat yields (`_chat`); whatever that raises is
    translated here.
    """

    #: How the server is called in errors, and which variable holds its address.
    called, address_variable = "server", ""

    def __init__(self, *, first_sign: float = FIRST_SIGN_SECONDS) -> None:
        self._first_sign = first_sign
        # Reading the certificates takes 50 ms, so it is done once and not at every turn.
        self._trusted = httpx.create_ssl_context(trust_env=False)

    def stream(self, model: str, messages: Sequence[Message], deadlines: Deadlines) -> Iterator[Chunk]:
        """Stream a reply; closing the iterator stops the model. Raises ModelError."""
        yield from self._pieces(model, messages, deadlines, None)

    def ask(self, model: str, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> dict[str, Any]:
        """One answer held to `schema`. Raises ModelError when late, away or unreadable."""
        # Silence alone would let a trickle of tokens run past the deadline, so the sum is bounded as well.
        pieces = self._pieces(model, messages, Deadlines(seconds, seconds), schema, time.monotonic() + seconds)
        text = "".join(piece.text for piece in pieces if isinstance(piece, Words))
        try:
            answer = json.loads(parted(text)[0])
        except (ValueError, RecursionError):
            raise ModelBroken("The judge's answer is not JSON.") from None
        if not isinstance(answer, dict):
            raise ModelBroken("The judge's answer is not an object.")
        return answer

    @abstractmethod
    def _client(self, **options: Any) -> Any:
        """A client of httpx, or one made of it, with these options, for one chat; `close` ends it."""

    @abstractmethod
    def _chat(
        self, client: Any, model: str, messages: list[Message], schema: dict[str, Any] | None
    ) -> Iterator[Words | Thought | Loading]:
        """The reply as it comes. Raises what the client raises, or ModelError where it knows more."""

    def _pieces(
        self,
        model: str,
        messages: Sequence[Message],
        deadlines: Deadlines,
        schema: dict[str, Any] | None,
        give_up: float = math.inf,
    ) -> Generator[Chunk, None, None]:
        """Pieces as they come, none after the moment `give_up`. A thread reads, so that the two deadlines differ and a
        stuck socket cannot hold us."""
        arrived: queue.Queue[Words | Thought | Loading | ModelError | None] = queue.Queue()
        timeout = httpx.Timeout(max(deadlines.first, deadlines.silence) + 5, connect=CONNECT_SECONDS)
        line = _Line()
        try:
            client = self._client(
                timeout=timeout,
                trust_env=False,  # no proxy of the environment may see what a person says
                verify=self._trusted,
                event_hooks={"request": [line.watch]},
            )
        except Exception as error:  # noqa: BLE001  the edge, as in `_read`: a mistyped address raises many things
            raise ModelAway(f"{self.address_variable} is no address ({type(error).__name__}). Correct it.") from None
        reader = threading.Thread(
            target=self._read,
            args=(client, arrived, model, list(messages), schema),
            daemon=True,
            name="psylite-model",
        )
        try:
            try:
                reader.start()
            except RuntimeError:
                raise ModelError("No thread could be started to listen to the model.") from None
            started = since = time.monotonic()
            allowed, patience = deadlines.first, self._first_sign
            loading = False
            while True:
                left = min(since + allowed, give_up) - time.monotonic()
                if left <= 0:
                    late = time.monotonic() >= give_up
                    raise ModelTimeout(
                        "The judge was too slow." if late else f"The model was silent for {allowed:g} seconds."
                    )
                try:
                    piece = arrived.get(timeout=min(left, patience))
                except queue.Empty:
                    patience = HEARTBEAT_SECONDS
                    yield Waiting(time.monotonic() - started, loading=loading)
                    continue
                if piece is None:
                    return
                if isinstance(piece, ModelError):
                    raise piece
                loading = isinstance(piece, Loading)
                if isinstance(piece, Loading):
                    continue
                yield piece
                since = time.monotonic()  # what our caller took is not the model's silence
                allowed, patience = deadlines.silence, HEARTBEAT_SECONDS
        finally:
            line.cut()  # ends the reader too: its read fails, and the server stops generating
            client.close()

    def _read(
        self,
        client: Any,
        arrived: queue.Queue[Words | Thought | Loading | ModelError | None],
        model: str,
        messages: list[Message],
        schema: dict[str, Any] | None,
    ) -> None:
        try:
            for piece in self._chat(client, model, messages, schema):
                arrived.put(piece)
            arrived.put(None)
        except ModelError as error:
            arrived.put(error)
        except (*_UNREACHED, ConnectionError):
            at = self.address_variable
            arrived.put(ModelAway(f"{self.called} does not answer at {at}. Start it, or correct the address."))
        except httpx.TimeoutException:
            arrived.put(ModelTimeout("The model was silent past the deadline."))
        except (httpx.ReadError, httpx.RemoteProtocolError) as error:
            arrived.put(ModelBroken(self._broke_off(error)))
        except Exception as error:  # noqa: BLE001  the edge: garbage on the wire raises many things, none may pass
            arrived.put(ModelBroken(f"{self.called} did not answer in its protocol ({type(error).__name__})."))

    def _broke_off(self, error: httpx.ReadError | httpx.RemoteProtocolError) -> str:
        """Why nothing more can be read. A server that goes away and one that talks nonsense raise the same error."""
        if isinstance(error, httpx.RemoteProtocolError) and not re.search("closed|disconnected", str(error)):
            return f"{self.called} did not answer in its protocol ({type(error).__name__})."
        return f"{self.called} ended the connection before its answer was whole: it was stopped or died. See its log."

    def _refused(self, model: str, status: int) -> ModelError:
        """What a refusal with this HTTP status means."""
        if status == 404:
            cure = "Pull or create it, or name another (the valve Model goes before PSYLITE_MODEL)."
            return ModelMissing(f"{self.called} has no model named {model!r}. {cure}")
        how = f"status {status}" if status > 0 else "an error line in its answer"
        return ModelBroken(f"{self.called} refused the request ({how}).")


class _Line:
    """The connection of a client, so that another thread can cut it. Closing a socket on which a thread waits tells the
    server nothing until that wait ends: a model that still reads its prompt would go on for nobody."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._over = False

    def watch(self, request: httpx.Request) -> None:
        """An event hook: learn of the connection that `request` is sent on."""
        request.extensions["trace"] = self._connected

    def cut(self) -> None:
        """Cut the connection, now or as soon as it is there."""
        self._over = True
        if self._socket:
            with suppress(OSError):  # it is closed already, or was never whole
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connected(self, event: str, info: Mapping[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = info["return_value"].get_extra_info("socket")
            if self._over:
                self.cut()
