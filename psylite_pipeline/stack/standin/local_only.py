"""The stand-in is for this machine's own pages and programs."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_LOCAL = {"127.0.0.1", "localhost", "::1", "[::1]"}


class LocalOnly:
    """Refuses what a web page from elsewhere makes a browser send: a foreign Origin, or a Host that is not this one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host = headers.get(b"host", b"").decode("latin-1")
            origin = headers.get(b"origin", b"").decode("latin-1")
            if _name(f"//{host}") not in _LOCAL or (origin and _name(origin) not in _LOCAL):
                await Response(status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
