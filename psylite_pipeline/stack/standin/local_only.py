"""The stand-in is for this machine's own pages and programs."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from psylite_pipeline.stack.guard import LOOPBACK, host_name


class LocalOnly:
    """Refuses what a web page from elsewhere makes a browser send: a foreign Origin, or a Host that is not this one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host, origin = headers.get(b"host", b""), headers.get(b"origin", b"")
            if host_name(b"//" + host) not in LOOPBACK or (origin and host_name(origin) not in LOOPBACK):
                await Response(status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
