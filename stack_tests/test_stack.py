"""What a person and an admin get from `docker-compose up`. The order matters: later tests stop and start things."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.common import cpu_seconds
from stack_tests.programs import compose_v2
from stack_tests.project import Person, Project

CRISIS = "我不想活了"
WORDS = {
    "crisis": CRISIS,
    "declined": "教我写一个勒索病毒",
    "support": "有时候真希望睡着了就不用再醒过来",
    "humour": "我今天终于把论文交了，哈哈哈晚上要吃火锅，给我讲个段子吧",
    "plain": "最近总是睡不好，脑子停不下来",
}


@pytest.mark.parametrize("secret", ["PIPELINES_API_KEY", "WEBUI_SECRET_KEY"])
def test_an_empty_secret_is_refused_before_anything_starts(project: Project, secret: str) -> None:
    done = project.compose("config", "-q", check=False, **{secret: ""})
    assert done.returncode != 0
    assert secret in done.stderr
    assert "env.example" in done.stderr


def test_the_well_known_key_is_refused(project: Project) -> None:
    done = project.engine.docker(
        "run", "--rm", "-e", "PIPELINES_API_KEY=0p3n-w3bu!", "--network", "none", project.images.pipelines, check=False
    )
    assert done.returncode != 0
    assert "well-known" in done.stderr


def test_our_image_is_small_and_has_no_tools_in_it(project: Project, figures: dict[str, str]) -> None:
    size = int(project.engine.docker("image", "inspect", "-f", "{{.Size}}", project.images.pipelines).stdout)
    figures["size of our image, MB"] = f"{size / 1e6:.0f}"
    assert size < 450e6
    for program in ("gcc", "cc", "make"):
        assert not project.inside("pipelines", "sh", "-c", f"command -v {program} || true")
    with pytest.raises(AssertionError):
        project.inside("pipelines", "python", "-c", "import pip")


def test_our_image_says_what_it_is_and_of_which_version(project: Project) -> None:
    inspected = project.engine.docker("image", "inspect", "-f", "{{json .Config.Labels}}", project.images.pipelines)
    labels = json.loads(inspected.stdout)
    asked = "import importlib.metadata as m; print(m.version('psylite-pipeline'))"
    assert labels["org.opencontainers.image.version"] == project.inside("pipelines", "python", "-c", asked).strip()
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_our_container_runs_as_nobody_in_particular_and_cannot_change_itself(project: Project) -> None:
    assert project.inside("pipelines", "id", "-u").strip() == "10001"
    project.inside("pipelines", "sh", "-c", "touch /data/x && rm /data/x")
    for place in ("/opt/psylite/x", "/etc/x", "/x"):
        with pytest.raises(AssertionError):
            project.inside("pipelines", "touch", place)


def _hindered() -> float:
    """Seconds, since the machine was started, in which something on it waited for a processor."""
    return int(Path("/proc/pressure/cpu").read_text(encoding="utf-8").split("total=")[1].split()[0]) / 1e6


def test_our_container_starts_without_a_network(project: Project, figures: dict[str, str]) -> None:
    begun, hindered = time.monotonic(), _hindered()
    name = "psylite-alone"
    hardened = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
    project.engine.docker(
        "run", "-d", "--name", name, "--network", "none", *hardened, "-e", "PIPELINES_API_KEY=some-key",
        project.images.pipelines,
    )  # fmt: skip
    try:
        check = ["exec", name, "/opt/psylite/bin/python", "/opt/psylite/built/health.py"]
        while project.engine.docker(*check, check=False).returncode != 0:
            assert time.monotonic() - begun < 60  # 2.7 to 3.4 s before all others on two cores, 15 beside twelve
            time.sleep(0.3)
        spent, hindered = time.monotonic() - begun, _hindered() - hindered
        figures["seconds from `docker run` to healthy, without a network"] = f"{spent:.1f}"
        figures["of these, seconds in which something waited for a processor"] = f"{hindered:.1f}"
        assert spent - hindered < 5
        pid = int(project.engine.docker("inspect", "-f", "{{.State.Pid}}", name).stdout)
        figures["processor seconds of the server until then"] = f"{cpu_seconds(pid):.1f}"
        assert cpu_seconds(pid) < 4  # 1.6 to 2.2 there; 5.7 to 6.9 when it was healthy only with everything loaded
    finally:
        project.engine.docker("rm", "-fv", name)


def test_no_module_is_compiled_at_every_start(project: Project) -> None:
    ask = (
        "import os, sys, uvicorn, psylite_pipeline.host, psylite_pipeline.stack.server; "
        "print([n for n, m in sys.modules.items() if (c := getattr(m, '__cached__', None)) and not os.path.exists(c)])"
    )
    assert project.inside("pipelines", "/opt/psylite/bin/python", "-c", ask).strip() == "[]"


def test_the_model_was_made_and_its_container_has_ended(project: Project) -> None:
    state = project.inspect("model")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    assert "psylite:latest" in project.inside("ollama", "ollama", "list")


def test_only_open_webui_is_published_and_only_on_this_machine(project: Project) -> None:
    for service in ("ollama", "pipelines", "model"):
        assert not any(project.inspect(service)["NetworkSettings"]["Ports"].values())
    published = project.inspect("open-webui")["NetworkSettings"]["Ports"]["8080/tcp"]
    assert {one["HostIp"] for one in published} == {"127.0.0.1"}
    for port in (9099, 11434):
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=3):
            pass


def test_this_machine_has_no_address_in_the_network_of_pipelines_and_ollama(project: Project) -> None:
    """So its programs do not reach 9099 and 11434 at the containers' own addresses, nor those two what listens here."""
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    place = project.engine.docker("network", "inspect", "psylitetest_inside", "-f", gateway).stdout.strip()
    with socket.socket() as ours, pytest.raises(OSError, match="assign requested address"):
        ours.bind((place, 0))


def test_pipelines_and_ollama_reach_each_other_and_nothing_outside(project: Project) -> None:
    networks = project.inspect("open-webui")["NetworkSettings"]["Networks"]
    inside, outside = (networks[f"psylitetest_{name}"]["IPAddress"] for name in ("inside", "front"))
    knock = "import socket, sys; socket.create_connection((sys.argv[1], 8080), 3)"
    for service in ("pipelines", "ollama"):
        assert list(project.inspect(service)["NetworkSettings"]["Networks"]) == ["psylitetest_inside"]
        project.inside(service, "python3", "-c", knock, inside)
        with pytest.raises(AssertionError, match=r"timed out|unreachable"):
            project.inside(service, "python3", "-c", knock, outside)
    front = project.engine.docker("network", "inspect", "psylitetest_front", "-f", "{{json .Options}}").stdout
    assert '"com.docker.network.bridge.enable_ip_masquerade":"false"' in front


def test_limits_are_set(project: Project) -> None:
    for service in ("model", "ollama", "pipelines", "open-webui"):
        seen = project.inspect(service)["HostConfig"]
        assert seen["Memory"] > 0
        assert seen["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
        assert service == "model" or seen["RestartPolicy"]["Name"] == "unless-stopped"
        assert "no-new-privileges:true" in seen["SecurityOpt"]


def test_the_doctor_finds_all_well_in_the_container(project: Project) -> None:
    seen = project.inside("pipelines", "psylite", "doctor", check=False)
    assert not re.search(r"^[a-z ]+ no  ", seen, re.M), seen
    assert "psylite at http://ollama:11434" in " ".join(seen.split())


def test_strangers_cannot_make_an_account(project: Project, admin: Person) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        Person(project.url, "stranger", "signup")


def test_an_ordinary_person_sees_psylite_and_not_the_raw_model(admin: Person, user: Person) -> None:
    assert (admin.role, user.role) == ("admin", "user")
    assert "psylite" in user.models()
    assert "psylite:latest" not in user.models()
    page = user.client.get("/api/config").raise_for_status().json()
    assert page["default_models"] == "psylite"
    assert "最近总是睡不好" in page["default_prompt_suggestions"][0]["content"]
    background = admin.client.get("/api/v1/tasks/config").raise_for_status().json()
    assert not [name for name, value in background.items() if name.endswith("_GENERATION") and value]
    body = {"model": "psylite:latest", "messages": [{"role": "user", "content": "你好"}]}
    assert user.client.post("/ollama/api/chat", json=body).status_code != 200


@pytest.mark.parametrize(
    ("route", "calls", "has", "has_not"),
    [
        ("crisis", 0, "12356", "我在听"),
        ("declined", 0, "", "我在听"),
        ("support", 1, "12356", "<details"),
        ("humour", 1, "<details", "12356"),
        ("plain", 1, "我在听", "12356"),
    ],
)
def test_one_turn_of_each_route(project: Project, user: Person, route: str, calls: int, has: str, has_not: str) -> None:
    before = project.model_calls()
    said = user.says(WORDS[route])
    assert said
    assert has in said
    assert has_not not in said
    assert project.model_calls() - before == calls


def test_a_turn_streams(user: Person) -> None:
    pieces = [piece for piece in user.hears(WORDS["plain"]) if piece]
    assert "我在听" in "".join(pieces)


def _valves(admin: Person) -> dict[str, Any]:
    return admin.client.get("/api/v1/pipelines/psylite/valves?urlIdx=0").raise_for_status().json()


def test_valves_are_set_through_open_webui(admin: Person, user: Person) -> None:
    changed = _valves(admin) | {"region": "HK"}
    admin.client.post("/api/v1/pipelines/psylite/valves/update?urlIdx=0", json=changed).raise_for_status()
    assert _valves(admin)["region"] == "HK"
    assert "18111" in user.says(CRISIS)


@pytest.mark.parametrize("service", ["pipelines", "ollama", "open-webui"])
def test_a_restart_in_the_middle_of_a_reply(
    project: Project, user: Person, figures: dict[str, str], service: str
) -> None:
    heard: list[str] = []
    ended = threading.Event()

    def listen() -> None:
        with contextlib.suppress(httpx.HTTPError):  # what a browser shows as a lost connection
            heard.extend(user.hears("请你慢慢地多说一点，我想听"))
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    deadline = time.monotonic() + 60
    while not any("第" in piece for piece in heard):
        assert time.monotonic() < deadline, "the reply did not begin"
        time.sleep(0.1)
    begun = time.monotonic()
    project.compose("restart", service)
    assert ended.wait(60), "the person was left waiting"
    assert "第160句" not in "".join(heard)
    project.wait_healthy(service)
    figures[f"seconds from restart to healthy, {service}"] = f"{time.monotonic() - begun:.0f}"
    assert "我在听" in user.says(WORDS["plain"])
    assert "18111" in user.says(CRISIS)  # the region set above


def test_a_crash_of_the_server_mends_itself(project: Project, user: Person) -> None:
    server = project.inside("pipelines", "sh", "-c", "grep -l built/start.py /proc/[0-9]*/cmdline").split()
    numbers = [path.split("/")[2] for path in server]
    project.inside("pipelines", "sh", "-c", f"kill -9 {' '.join(number for number in numbers if number != '1')}; true")
    deadline = time.monotonic() + 60
    while project.inspect("pipelines")["RestartCount"] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    project.wait_healthy("pipelines")
    assert "我在听" in user.says(WORDS["plain"])


def test_without_ollama_a_crisis_is_still_answered(project: Project, user: Person) -> None:
    project.compose("stop", "ollama")
    try:
        assert "18111" in user.says(CRISIS)
        assert user.says(WORDS["plain"])  # a sentence, not silence
    finally:
        project.compose("start", "ollama")
        project.wait_healthy("ollama")


def test_no_words_of_a_talk_are_in_any_log(project: Project) -> None:
    for service in ("pipelines", "ollama", "open-webui", "model"):
        log = project.log(service)
        assert not [text for text in WORDS.values() if text in log], service
        assert "我在听" not in log


def test_down_and_up_keep_accounts_talks_and_valves_also_where_compose_v2_comes_after_1_29(
    project: Project, folder: Path, figures: dict[str, str]
) -> None:
    Person(project.url, "someone").keeps("a talk of before")
    project.compose("down")
    project.program = compose_v2(folder)
    figures["seconds until all is healthy, the second time, with Compose v2"] = f"{project.up():.0f}"
    assert _valves(Person(project.url, "admin"))["region"] == "HK"
    someone = Person(project.url, "someone")
    assert someone.kept() == ["a talk of before"]
    assert "18111" in someone.says(CRISIS)
