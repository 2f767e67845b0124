"""An HTTP answer that is given up, with all the work behind it, as soon as the client goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class UntilGone(Response):
    """Streams `lines()`. The headers leave with the first line, so an early failure can still choose its status.

    Starlette's own streaming answer notices a client that left only when it next sends something; before the first
    word of a long prompt that may be minutes.

    lines: makes the generator of what is sent. failed: the answer to an exception before the first line.
    """

    def __init__(
        self,
        lines: Callable[[], AsyncGenerator[bytes]],
        failed: Callable[[Exception], Response],
        media_type: str,
    ) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._lines = lines
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        working = asyncio.create_task(self._work(scope, receive, send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._lines()) as lines:
            try:
                first = await anext(lines)
            except Exception as error:  # noqa: BLE001 - whatever it was, the client gets an answer
                await self._failed(error)(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for line in lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
