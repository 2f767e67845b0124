"""`make eval-demo` without its models: what it fetches, and what it asks for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from psylite_pipeline.settings import Settings
from psylite_pipeline.stack.layout import Layout

ROOT = Path(__file__).parent.parent
#: Stands in for the environment's Python and `psylite`: notes how it was called. A model server is up once it is noted.
NOTES = f"""#!/bin/sh
case "$2" in
    *httpx*) grep -q serve called 2>/dev/null; exit;;
    *psylite_pipeline*import*) PYTHONPATH='{ROOT}' exec '{sys.executable}' "$@";;
esac
echo "${{0##*/}} $*" >> called
case "$*" in *" serve "*) exec sleep 60;; esac
"""


def test_the_stand_in_is_that_of_psylite_up_and_a_few_cases_of_each_are_asked(tmp_path):
    (tmp_path / "scripts").mkdir()
    bin_folder = tmp_path / ".venv-eval" / "bin"
    bin_folder.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "eval-demo", tmp_path / "scripts")
    for path, text in (
        (tmp_path / "scripts" / "heavy-env", "#!/bin/sh\n"),
        (bin_folder / "python", NOTES),
        (bin_folder / "psylite", NOTES),
    ):
        path.write_text(text)
        path.chmod(0o755)
    subprocess.run([tmp_path / "scripts" / "eval-demo", "out"], check=True, env=dict(os.environ), timeout=60)
    called = (tmp_path / "called").read_text().splitlines()
    where = f"--data-dir {Layout(Settings.load().data_dir).standin}"
    assert [line.endswith(where) for line in called if line.startswith("python")] == [True, True]
    asked = [line.split() for line in called if line.startswith("psylite eval")]
    assert [words[2] for words in asked] == ["ceval", "crisis", "cpsycoune", "safedialbench"]
    assert all(int(words[words.index("--limit") + 1]) >= 2 for words in asked)
