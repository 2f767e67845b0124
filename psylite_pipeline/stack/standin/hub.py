"""The weights from the model hub: one file, where the hub answers quickly."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from psylite_pipeline.stack.standin.progress import Progress
from psylite_pipeline.stack.standin.weights import Weights

HUB = "https://huggingface.co"
_SLOW = 500_000  # bytes a second; 1.1 GB would take more than 35 minutes
_PATIENCE = 20.0  # seconds before the rate counts


class HubDownload:
    """Streams the file, resuming what an earlier try left. Trouble means False, never an error: there is another way.

    address: the hub, or a mirror of it (default: the HF_ENDPOINT variable, else the hub itself).
    probe, stall: seconds to the first answer, and of silence afterwards, before it gives up.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        probe: float = 5.0,
        stall: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._address = (address or os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
        self._timeout = httpx.Timeout(stall, connect=probe)
        self._probe = probe
        self._clock = clock
        self._transport = transport

    def __call__(self, weights: Weights, target: Path, progress: Progress) -> bool:
        """Whether `target` now holds as many bytes as it should. The digest is the caller's to check."""
        progress(0, weights.size, "asking the model hub")
        url = f"{self._address}/{weights.hub_path}"
        try:
            with httpx.Client(timeout=self._timeout, follow_redirects=True, transport=self._transport) as client:
                # a hub that cannot say within the probe time that it has the file is too slow for the file itself
                first = client.head(url, timeout=self._probe, follow_redirects=False)
                if not (first.is_success or first.is_redirect):
                    return False
                return self._download(client, url, weights, target, progress)
        except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError):
            return False  # the last two: a proxy variable that httpx has no package for, or cannot read

    def _download(self, client: httpx.Client, url: str, weights: Weights, target: Path, progress: Progress) -> bool:
        have = target.stat().st_size if target.exists() else 0
        if have >= weights.size:
            return have == weights.size
        begun, arrived = self._clock(), 0
        with client.stream("GET", url, headers={"Range": f"bytes={have}-"} if have else {}) as response:
            if response.status_code not in (200, 206):
                return False
            if response.status_code == 200:  # it sends the whole file, whatever was asked
                have = 0
            with target.open("r+b" if target.exists() else "w+b") as out:
                out.truncate(have)
                out.seek(have)
                for block in response.iter_bytes(1 << 20):
                    out.write(block)
                    arrived += len(block)
                    progress(have + arrived, weights.size, "downloading the stand-in model")
                    seconds = self._clock() - begun
                    if have + arrived > weights.size or (seconds > _PATIENCE and arrived / seconds < _SLOW):
                        return False
        return have + arrived == weights.size
