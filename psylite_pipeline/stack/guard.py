"""The door of the Pipelines server: the key on every route but `GET /`, no foreign Host, no foreign Origin.

Upstream asks no key for valves, filters and chat, and echoes any Origin: without this, a web page that the laptop's
user happens to open could read and write valves, and talk to the model.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

#: Bytes of one request. The longest talk a host sends is far below; pictures in it may take megabytes.
MAX_BODY = 32_000_000

_TOO_LARGE = "The request is too large."


class Guard:
    """ASGI middleware around the whole server. `hosts` are names it may be reached by beside loopback."""

    def __init__(self, app: App, key: str, hosts: Iterable[str] = (), max_body: int = MAX_BODY) -> None:
        self._app = app
        self._key = key.encode()
        self._hosts = LOOPBACK | frozenset(host.strip().lower() for host in hosts if host.strip())
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass, refuse the rest with a sentence."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal:
            await _answer(send, *refusal)
            return
        await self._bounded(scope, receive, _without_cors(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts = headers.get(b"host", [])
        if len(hosts) != 1 or host_name(b"//" + hosts[0]) not in self._hosts:
            return 421, "This server answers only to its own name."
        for origin in headers.get(b"origin", []):
            if host_name(origin) not in self._hosts:
                return 403, "Requests from other pages are refused."
        if scope["method"] == "GET" and scope["path"] == "/":
            return None
        given = headers.get(b"authorization", [])
        if len(given) != 1 or not hmac.compare_digest(given[0], b"Bearer " + self._key):
            return 401, "The key is missing or wrong."
        length = headers.get(b"content-length", [b"0"])[0]
        if not length.isdigit() or int(length) > self._max_body:
            return 413, _TOO_LARGE
        return None

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app on a body that ends at the limit, also one sent in chunks without a length."""
        left, started = self._max_body, False

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
            return {"type": "http.disconnect"} if left < 0 else message

        async def watched(message: Message) -> None:
            nonlocal started
            if left >= 0 or started:
                started = True
                await send(message)

        try:
            await self._app(scope, bounded, watched)
        except Exception:  # whatever it is passes on, below, unless the body was cut
            if left >= 0 or started:  # else it is the app's way of saying that its client went away
                raise
        if left < 0 and not started:
            await _answer(send, 413, _TOO_LARGE)


def host_name(address: bytes) -> str:
    """The host name in an address, lower case; empty where there is none."""
    try:
        return (urlsplit(address.decode("ascii")).hostname or "").lower()
    except (UnicodeDecodeError, ValueError):
        return ""


def _without_cors(send: Send) -> Send:
    """`send` without the headers by which upstream lets any page read its answers."""

    async def stripped(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if not _is_cors(name)]
            message = {**message, "headers": kept}
        await send(message)

    return stripped


def _is_cors(name: bytes) -> bool:
    return name.lower().startswith(b"access-control-")


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
