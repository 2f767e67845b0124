"""A streamed answer that ends with its request: who stops it, or leaves, stops the model too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import anyio.to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class ClosingResponse(StreamingResponse):
    """StreamingResponse leaves the generator of a request that was cut to the garbage collector; until that comes by, a
    model writes on for nobody."""

    def __init__(self, content: Iterator[str], *rest: Any, **options: Any) -> None:
        self._content = content
        super().__init__(content, *rest, **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then close the generator, whatever happened."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if close := getattr(self._content, "close", None):
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(close)
