"""Where the stack keeps its things: everything under one folder that only its owner may read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psylite_pipeline.errors import StackError
from psylite_pipeline.files import MARK, own_folder


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files under `root`, the data folder."""

    root: Path

    @property
    def pipelines(self) -> Path:
        """Loader files and saved valves, as the Pipelines server wants them."""
        return self.root / "pipelines"

    @property
    def webui_venv(self) -> Path:
        """Open WebUI's own environment."""
        return self.root / "webui-venv"

    def webui_data(self, accounts: bool) -> Path:
        """Open WebUI's database. One for each way to sign in: the one without accounts has a well-known password."""
        return self.root / ("webui-accounts" if accounts else "webui")

    @property
    def logs(self) -> Path:
        """One log a part, new at every start, and the one before it."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """One record a running process, and the lock of `psylite up`."""
        return self.root / "run"

    @property
    def standin(self) -> Path:
        """The stand-in model's weights."""
        return self.root / "standin"

    @property
    def pipelines_key(self) -> Path:
        """The key of the Pipelines server."""
        return self.root / "pipelines.key"

    @property
    def webui_secret(self) -> Path:
        """What Open WebUI signs its sessions with."""
        return self.root / "webui.secret"

    def ours(self) -> list[Path]:
        """All that is made here, but the folder of the plugins, where an admin's files may be too."""
        return [
            self.webui_venv, self.webui_data(False), self.webui_data(True), self.logs, self.run, self.standin,
            self.pipelines_key, self.webui_secret, self.root / MARK,
        ]  # fmt: skip

    def make(self) -> None:
        """Create the folders, for the owner alone. Raises StackError when that cannot be done."""
        try:
            own_folder(self.root)
            for folder in (self.pipelines, self.logs, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"The data folder {self.root} cannot be used: {error.strerror}. Set PSYLITE_DATA_DIR to another."
            ) from None
