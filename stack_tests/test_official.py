"""PsyLite in an image with the official Pipelines image's pinned versions, added as docs/docker.md says."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from stack_tests.engine import Engine
from stack_tests.images import ROOT, STANDINS, Images

ASK = """
import json, urllib.request as u
def ask(path, body=None):
    head = {"Authorization": "Bearer some-key", "Content-Type": "application/json"}
    return json.load(u.urlopen(u.Request("http://127.0.0.1:9099" + path, body and json.dumps(body).encode(), head)))
talk = {"model": "psylite", "stream": False, "messages": [{"role": "user", "content": "我不想活了"}]}
print(json.dumps([ask("/v1/models"), ask("/v1/chat/completions", talk)]))
"""


def test_the_server_runs_with_pydantic_raised_and_fastapi_as_it_was(
    engine: Engine, images: Images, folder: Path
) -> None:
    recipe = re.findall(r"```dockerfile\n(.*?)```", (ROOT / "docs" / "docker.md").read_text(encoding="utf-8"), re.S)[0]
    file = folder / "official.Dockerfile"
    file.write_text(re.sub(r"^FROM .*", "FROM psylite-test/official", recipe), encoding="utf-8")
    base = ["--network", "host", "--build-arg", f"BASE={images.python}"]
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    engine.docker("build", *base, "-f", STANDINS / "official.Dockerfile", "-t", "psylite-test/official", empty)
    engine.docker("build", "--network", "host", "-f", file, "-t", "psylite-test/official-with-psylite", ROOT)
    name = "psylite-official"
    engine.docker(
        "run", "-d", "--name", name, "--network", "none", "-e", "PIPELINES_API_KEY=some-key",
        "psylite-test/official-with-psylite",
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while (done := engine.docker("exec", name, "python", "-c", ASK, check=False)).returncode != 0:
            assert time.monotonic() < deadline, done.stderr + engine.docker("logs", name).stderr[-2000:]
            time.sleep(1)
        models, reply = json.loads(done.stdout)
        assert {"psylite", "psylite_filter"} <= {model["id"] for model in models["data"]}
        assert "12356" in reply["choices"][0]["message"]["content"]
        versions = engine.docker("exec", name, "pip", "list").stdout
        assert re.search(r"^fastapi +0\.111\.0$", versions, re.M)
        assert not re.search(r"^pydantic +2\.7\.1$", versions, re.M)
    finally:
        engine.docker("rm", "-fv", name)
