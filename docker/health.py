"""Healthy is: the server answers, and has loaded PsyLite. A plugin that failed to load leaves the server running."""

from __future__ import annotations

import json
import os
import sys
import urllib.request

request = urllib.request.Request(
    f"http://127.0.0.1:{os.environ.get('PSYLITE_PIPELINES_PORT') or 9099}/v1/models",
    headers={"Authorization": f"Bearer {os.environ.get('PIPELINES_API_KEY', '')}"},
)
try:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=4) as answer:
        loaded = {model["id"] for model in json.load(answer)["data"]}
except (OSError, ValueError, LookupError, TypeError) as error:
    sys.exit(f"the server does not answer: {type(error).__name__}")
if "psylite" not in loaded:
    sys.exit("PsyLite is not loaded: see `psylite doctor`")
