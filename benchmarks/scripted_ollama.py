"""An Ollama that costs next to nothing: first token after a delay, then tokens at a fixed pace, for as many as ask.

`python -m benchmarks.scripted_ollama --port P --delay 0.2 --pace 0.1 --tokens 24`. It also speaks the OpenAI protocol.
`POST /fault {"fault": NAME}` makes it fail from the next call on (FAULTS), `{"fault": ""}` mends it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass

TOKENS = ("嗯，", "听起来", "今天", "真的", "不容易。", "你愿意", "多说", "一点", "吗？")
FAULTS = ("404", "500", "half a line", "garbage", "error line", "cut", "silence", "ten megabytes")


@dataclass
class Script:
    """What every call is answered with."""

    delay: float
    pace: float
    tokens: int
    fault: str = ""


class _Call:
    """One answer on the wire."""

    def __init__(self, writer: asyncio.StreamWriter, openai: bool) -> None:
        self.writer = writer
        self.openai = openai

    def start(self, kind: str) -> None:
        self.writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())

    async def chunk(self, payload: bytes) -> None:
        self.writer.write(b"%x\r\n%b\r\n" % (len(payload), payload))
        await self.writer.drain()

    def line(self, text: str, done: bool = False) -> bytes:
        if self.openai:
            delta = {} if done else {"content": text}
            value = {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop" if done else None}]}
            return b"data: " + json.dumps(value).encode() + b"\n\n" + (b"data: [DONE]\n\n" if done else b"")
        value = {"model": "psylite", "message": {"role": "assistant", "content": text}, "done": done}
        return json.dumps(value).encode() + b"\n"


async def _answer(call: _Call, script: Script) -> bool:
    """Stream one answer; False when the connection must be cut."""
    loop = asyncio.get_running_loop()
    started, fault = loop.time(), script.fault
    if fault in {"404", "500"}:
        body = b'{"error": "model not found"}'
        head = f"HTTP/1.1 {fault} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        call.writer.write(head.encode() + body)
        return True
    await asyncio.sleep(script.delay)
    call.start("text/event-stream" if call.openai else "application/x-ndjson")
    if fault == "ten megabytes":
        await call.chunk(call.line("字" * 3_400_000))
    for number in range(script.tokens):
        await asyncio.sleep(started + script.delay + number * script.pace - loop.time())
        await call.chunk(call.line(TOKENS[number % len(TOKENS)]))
        if number == script.tokens // 2 and fault:
            if fault == "cut":
                return False
            if fault == "silence":
                await asyncio.sleep(30)
                return False
            wrong = {
                "half a line": b'{"message": {"con',
                "garbage": b"\x00\xff\xfe{{\n",
                "error line": b'{"error": "x"}\n',
            }
            if fault in wrong:
                await call.chunk(wrong[fault])
                await call.chunk(b"")
                return True
    await call.chunk(call.line("", done=True))
    await call.chunk(b"")
    return True


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Script) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ", 2)[1]
            lengths = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0])) if lengths else b""
            if path == "/fault":
                script.fault = json.loads(body)["fault"]
            if path in {"/api/chat", "/v1/chat/completions"}:
                if not await _answer(_Call(writer, path.startswith("/v1")), script):
                    break
            else:
                listed = json.dumps({"models": [{"name": "psylite:latest"}], "data": [{"id": "psylite"}]}).encode()
                kind = f"Content-Type: application/json\r\nContent-Length: {len(listed)}"
                writer.write(f"HTTP/1.1 200 OK\r\n{kind}\r\n\r\n".encode() + listed)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds to the first token")
    parser.add_argument("--pace", type=float, default=0.1, help="seconds between tokens")
    parser.add_argument("--tokens", type=int, default=24)
    chosen = parser.parse_args()
    script = Script(chosen.delay, chosen.pace, chosen.tokens)
    server = await asyncio.start_server(lambda r, w: _serve(r, w, script), "127.0.0.1", chosen.port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
