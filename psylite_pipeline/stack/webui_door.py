"""Starts Open WebUI behind a check of the Host header. Run by its own environment's Python: `webui_door.py PORT`.

Without accounts whoever reaches the port is signed in. A web page whose name is made to point at this machine would
reach it through the browser; its requests carry that foreign name and are refused here.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Serve on 127.0.0.1 at the port in the first argument."""
    os.environ["FROM_INIT_PY"] = "true"  # as `open-webui serve` does
    import uvicorn
    from open_webui.main import app  # pyright: ignore[reportMissingImports]
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    guarded = TrustedHostMiddleware(app, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False)
    uvicorn.run(guarded, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
