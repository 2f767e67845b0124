"""A page from elsewhere that the laptop's user has open at the same time: it can neither read nor write valves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from browser_tests.house import House
from browser_tests.person import Person

ATTEMPT = """
async ([at, mode, type]) => {
    const asked = {method: 'POST', mode, headers: {'Content-Type': type}, body: '{"region": "US", "humour": false}'};
    try { return (await fetch(at, asked)).status } catch { return 'refused by the browser' }
}
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>A page from elsewhere</h1>")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def page_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("page_host", ["elsewhere.example", "127.0.0.1"])
@pytest.mark.parametrize("server_host", ["127.0.0.1", "elsewhere.example"])
@pytest.mark.parametrize(("mode", "kind"), [("cors", "application/json"), ("no-cors", "text/plain")])
def test_a_page_from_elsewhere_cannot_write_valves(
    house: House,
    window: Callable[[], Person],
    page_port: int,
    page_host: str,
    server_host: str,
    mode: str,
    kind: str,
) -> None:
    before = house.pipelines(path="/psylite/valves").json()
    page = window().page
    seen: list[int] = []
    page.on("response", lambda answer: seen.append(answer.status) if "valves" in answer.url else None)
    page.goto(f"http://{page_host}:{page_port}/")
    at = f"http://{server_host}:{house.pipelines_port}/psylite/valves/update"
    outcome = page.evaluate(ATTEMPT, [at, mode, kind])
    page.context.close()
    # A page of another origin, or port, never reads an answer; the question before a JSON request is refused already.
    assert outcome in ("refused by the browser", 0)
    assert seen or mode == "cors"
    assert set(seen) <= {401, 403, 421}
    assert house.pipelines(path="/psylite/valves").json() == before
