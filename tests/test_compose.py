"""The compose file and its settings agree. What containers really do is in stack_tests/."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

from psylite_pipeline.replies import Replies
from psylite_pipeline.settings import Settings, bundled
from psylite_pipeline.stack import webui
from psylite_pipeline.stack.layout import Layout

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SET = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.M))


#: Settings that .env cannot change in Docker, and why.
FIXED = {
    "PSYLITE_ACCOUNTS": "there are always accounts",
    "PSYLITE_DATA_DIR": "the volume",
    "PSYLITE_ENCODER": "the image's, chosen when it is built",
    "PSYLITE_PIPELINES_PORT": "not published",
    "PSYLITE_STANDIN": "there is no stand-in",
    "PSYLITE_STANDIN_PORT": "there is no stand-in",
}
#: Settings of the other containers.
ELSEWHERE = {"PSYLITE_WEIGHTS": "model", "PSYLITE_WEBUI_PORT": "open-webui"}


def test_every_setting_reaches_its_container():
    services = yaml.safe_load(COMPOSE)["services"]
    fields = {field.validation_alias or f"PSYLITE_{name.upper()}" for name, field in Settings.model_fields.items()}
    assert fields - services["pipelines"]["environment"].keys() == FIXED.keys() | ELSEWHERE.keys()
    for name, service in ELSEWHERE.items():
        assert f"${{{name}:-" in str(services[service])


def test_where_the_model_is_served_elsewhere_none_is_fetched():
    model = yaml.safe_load(COMPOSE)["services"]["model"]
    assert model["environment"]["BACKEND"] == "${PSYLITE_BACKEND:-ollama}"
    script = model["command"][0].replace("$$", "$")
    ran = subprocess.run(["/bin/sh", "-c", script], env={"BACKEND": "openai", "PATH": ""}, capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_every_setting_of_the_compose_file_stands_in_the_example_and_nothing_else():
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    assert asked == SET.keys() - {"COMPOSE_PROJECT_NAME"}


def test_the_defaults_agree():
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE):
        # The note's numbers would stay in a copy of the example for ever: there it is empty, which means the default.
        assert SET[name] == ("" if name == "WEBUI_BANNER" else default), name


def test_the_note_on_the_empty_page_says_the_numbers_of_the_helplines():
    written = yaml.safe_load(COMPOSE)["services"]["open-webui"]["environment"]["WEBUI_BANNERS"]
    replies = Replies.load(bundled("knowledge") / "replies")
    simplified, traditional = webui.note(replies, "auto"), webui.note(replies, "auto", "zh-Hant")
    # Neither may end the default early, nor JSON's text, nor be taken for something to be filled in.
    assert not set('}"\\$\n') & set(simplified + traditional)
    (banner,) = json.loads(re.sub(r"\$\{WEBUI_BANNER:-([^}]*)\}", r"\1", written))
    assert banner["content"] == simplified
    assert banner["i18n"] == {locale: {"content": traditional} for locale in webui.TRADITIONAL}
    (own,) = json.loads(re.sub(r"\$\{WEBUI_BANNER:-[^}]*\}", "our own words", written))
    assert {text["content"] for text in (own, *own["i18n"].values())} == {"our own words"}
    assert not own["dismissible"]


#: What `psylite up` tells Open WebUI and the container need not be told: where its own folders are, how its Python
#: behaves, and what it keeps of this machine's environment.
OF_THE_MACHINE = {"PYTHONUNBUFFERED", "PYTHON_DOTENV_DISABLED", "TOKENIZERS_PARALLELISM"} | {
    "HOME", "DATA_DIR", "XDG_CACHE_HOME", "HF_HOME", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ",
    "LD_LIBRARY_PATH", "SSL_CERT_FILE",
}  # fmt: skip


def test_open_webui_is_told_the_same_with_docker_and_without(tmp_path):
    told = yaml.safe_load(COMPOSE)["services"]["open-webui"]["environment"]
    at_home = webui.environment(Settings.load(), Layout(tmp_path), "a key", "a secret", accounts=True)
    assert at_home.keys() - told.keys() <= OF_THE_MACHINE
    filled_in = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in told.items()}
    differing = {name for name in at_home.keys() & told.keys() if filled_in[name] != at_home[name]}
    assert differing == {"OPENAI_API_BASE_URLS", "OPENAI_API_KEYS", "WEBUI_SECRET_KEY"}


def test_both_secrets_are_demanded_and_none_is_given():
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE))
    assert demanded == {"PIPELINES_API_KEY", "WEBUI_SECRET_KEY"}
    assert all(SET[name] == "" for name in demanded)
    assert "0p3n-w3bu!" not in COMPOSE + EXAMPLE
