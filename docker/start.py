"""What the container runs: loader files and index go into the data volume, then the Pipelines server starts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from psylite_pipeline.errors import PsyLiteError
from psylite_pipeline.settings import Settings
from psylite_pipeline.stack import server
from psylite_pipeline.stack.layout import Layout
from psylite_pipeline.stack.pipelines import install_loaders

#: What the image was built with: the index over the shipped snippets.
BUILT = Path("/opt/psylite/built")


def prepare(settings: Settings) -> None:
    """Fill the volume. Raises PsyLiteError with a sentence where it cannot be written."""
    layout = Layout(settings.data_dir)
    layout.make()
    install_loaders(layout)
    own = settings.snippets_dir or any(settings.own_snippets_dir.rglob("*.toml"))
    if not own:  # an admin's own snippets have an index of their own, kept in the volume
        shutil.copytree(BUILT / "index", settings.index_dir, copy_function=shutil.copyfile, dirs_exist_ok=True)


def main() -> None:
    """Entry point of the image."""
    try:
        prepare(Settings.load())
    except PsyLiteError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The data volume cannot be written: {error}")
    server.main()


if __name__ == "__main__":
    main()
