"""What `deploy/` starts and sets is what NeuraLib has; there is no Docker here to try it with."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from neuralib.cli.app import app
from neuralib.engines.device import check_name
from neuralib.jobs.open import open_database
from neuralib.queue.base import TASK_KINDS
from neuralib.queue.open import open_queue
from neuralib.settings import Settings
from neuralib.storage.open import open_storage
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
PAGES = sorted((ROOT / "docs" / "cluster").glob("*.md"))
PROGRAM = "/opt/neuralib/bin/neuralib"
"""Where the units look for it."""

WORKER_VARIABLES = {"WORKER_QUEUES", "WORKER_DEVICE"}
"""Of the worker's unit alone."""

FOREIGN_OPTIONS = {
    *("--appendfsync", "--appendonly", "--maxmemory-policy", "--requirepass"),  # redis-server
    *("--now", "--profile", "--rm", "--scale"),  # systemctl and docker compose
}
"""Options of other programs that the pages name."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def ours() -> dict[str, dict[str, Any]]:
    """The services that run NeuraLib."""
    services = compose()["services"].items()
    return {name: each for name, each in services if each["image"].startswith("neuralib:")}


def expanded(text: str, variables: dict[str, str]) -> str:
    """Put in variables as Compose does; one with `:?` has to be there."""

    def put(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        value = variables.get(name, "")
        if not value and kind == "?":
            raise KeyError(name)
        return value or (rest if kind == "-" else "")

    return _VARIABLE.sub(put, text)


def variables_of(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: value for name, value in pairs}


def filled() -> dict[str, str]:
    """The example's variables, with secrets."""
    given = variables_of(DEPLOY / "compose.env.example")
    return {name: value or "abcdef0123456789" for name, value in given.items()}


def parse(words: list[str]) -> dict[str, Any]:
    """Let the real command line make sense of a command, without running it."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("neuralib", list(words))
    while hasattr(command, "commands"):
        name, *rest = [*context._protected_args, *context.args]
        command = command.commands[name]
        context = command.make_context(name, rest, parent=context)
    params: dict[str, Any] = context.params
    return params


def check_worker(params: dict[str, Any]) -> None:
    if "queues" in params:
        assert set(params["queues"].split(",")) <= set(TASK_KINDS)
    if params.get("device"):
        check_name(params["device"])


def test_every_setting_of_the_compose_file_exists_and_can_be_read() -> None:
    for service in ours().values():
        values = {
            name.removeprefix("NEURALIB_").lower(): expanded(value, filled())
            for name, value in service["environment"].items()
        }
        settings = Settings(**values)  # type: ignore[arg-type]
        assert settings.model_fields_set == set(values)
        open_database(settings).close()
        open_queue(settings)
        open_storage(settings)


def test_every_command_of_the_compose_file_exists() -> None:
    for name, service in ours().items():
        words = [expanded(word, filled()) for word in service["command"]]
        params = parse(words)
        check_worker(params)
        assert words[0] == ("serve" if name == "gateway" else "worker")


def test_the_image_starts_a_command_that_exists() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    settings = re.findall(r"NEURALIB_(\w+)=", text)
    assert settings
    assert {name.lower() for name in settings} <= set(Settings.model_fields)
    assert re.search(r'^ENTRYPOINT \["neuralib"\]\nCMD \["serve"\]$', text, re.MULTILINE)
    commands = re.findall(r"&& neuralib (.+)$", text, re.MULTILINE)
    assert [parse(shlex.split(command))["names"] for command in commands] == [["basic-pitch"]]
    assert text.rindex("USER neuralib") > text.rindex("FROM ")


def test_what_the_image_is_built_from_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = " ".join(re.findall(r"^COPY ([^-].*) \S+$", text, re.MULTILINE)).split()
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert {f"!{path}" for path in copied} <= set(sent)
    for service in ours().values():
        build = service["build"]
        assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
        variant = build.get("args", {}).get("VARIANT", "cpu")
        assert service["image"] == f"neuralib:{variant}"
        assert f" AS {variant}\n" in text


def test_the_compose_file_needs_what_its_example_names() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    used = {found[1] for found in _VARIABLE.finditer(text)}
    example = variables_of(DEPLOY / "compose.env.example")
    assert used == set(example)
    required = {found[1] for found in _VARIABLE.finditer(text) if found[2] == "?"}
    assert required == {name for name, value in example.items() if not value}
    with pytest.raises(KeyError):
        expanded(text, {})
    defaults = {found[1]: found[3] for found in _VARIABLE.finditer(text) if found[2] == "-"}
    assert {name: example[name] for name in defaults} == defaults


def test_the_compose_file_holds_together() -> None:
    loaded = compose()
    services = loaded["services"]
    mounted = set()
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services)
        assert not service["image"].endswith(":latest")
        assert ":" in service["image"]
        assert service["restart"] == "unless-stopped"
        mounted |= {volume.partition(":")[0] for volume in service.get("volumes", [])}
        if name in ours()["gateway"]["depends_on"]:
            assert "healthcheck" in service
    assert mounted == set(loaded["volumes"])


def test_only_the_gateway_is_published_and_on_loopback() -> None:
    published = {
        name: [expanded(port, filled()) for port in service["ports"]]
        for name, service in compose()["services"].items()
        if "ports" in service
    }
    assert published == {"gateway": ["127.0.0.1:7470:7470"]}


def test_redis_writes_everything_down_and_forgets_nothing() -> None:
    words = compose()["services"]["redis"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def unit_values(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_every_command_of_a_unit_exists(unit: Path) -> None:
    own = dict(
        pair.split("=", 1) for line in unit_values(unit, "Environment") for pair in line.split()
    )
    assert set(own) <= WORKER_VARIABLES
    (command,) = unit_values(unit, "ExecStart")
    program, *words = shlex.split(expanded(command, own))
    assert program == PROGRAM
    check_worker(parse(words))


def test_every_variable_of_the_units_example_is_a_setting() -> None:
    given = variables_of(UNITS / "neuralib.env.example")
    values = {name.removeprefix("NEURALIB_").lower(): value for name, value in given.items()}
    assert all(name.startswith("NEURALIB_") for name in given)
    settings = Settings(**values)  # type: ignore[arg-type]
    open_database(settings).close()
    open_queue(settings)
    open_storage(settings)


def test_a_unit_waits_longer_than_what_it_stops() -> None:
    grace = parse(["worker"])["grace"]
    (seconds,) = unit_values(UNITS / "neuralib-worker@.service", "TimeoutStopSec")
    assert int(seconds) > grace
    assert int(ours()["worker"]["stop_grace_period"].removesuffix("s")) > grace


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS.glob("*.service"):
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, sys.executable)
        (tmp_path / unit.name.replace("@.", "@gpu0.")).write_text(text, encoding="utf-8")
    units = [str(unit) for unit in sorted(tmp_path.glob("*.service"))]
    assert len(units) == 2
    done = subprocess.run(
        ["systemd-analyze", "verify", *units],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def commands_of(page: Path) -> Iterator[list[str]]:
    """The `neuralib` commands in a page's blocks and lines; what stands for a name is one."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(neuralib [^`\n]+)`", text)
    for line in lines:
        _, found, rest = line.partition("neuralib ")
        before = line[: line.index("neuralib ")] if found else ""
        if found and re.fullmatch(r"(\$ )?(\w+=\S+ |sudo )*", before):
            yield shlex.split(rest, comments=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    for words in commands_of(page):
        command: Any = typer.main.get_command(app)
        if any(word.startswith("-") for word in words) or words[-1].isupper():
            check_worker(parse(words))
        for word in words:  # a name alone, such as `neuralib worker`
            if not hasattr(command, "commands"):
                break
            command = command.commands[word]


def options_of(command: Any) -> set[str]:
    own = {option for param in command.params for option in param.opts}
    return own.union(*map(options_of, getattr(command, "commands", {}).values()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_of_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page.read_text(encoding="utf-8")))
    known = options_of(typer.main.get_command(app)) | FOREIGN_OPTIONS
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_and_metric_of_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    settings = {name.lower() for name in re.findall(r"NEURALIB_([A-Z_]+)", text)}
    assert settings <= set(Settings.model_fields)
    metrics = (ROOT / "neuralib" / "server" / "metrics.py").read_text(encoding="utf-8")
    named = set(re.findall(r"\bneuralib_[a-z_]+", text)) - {"neuralib_ping"}
    assert {name for name in named if f'"{name.removesuffix("_total")}"' not in metrics} == set()


def test_every_component_has_its_page() -> None:
    components = {"gateway", "broker", "queue", "storage", "database", "events"}
    components |= {f"worker-{kind}" for kind in TASK_KINDS}
    names = {page.stem for page in PAGES}
    assert names == components | {"overview", "growing"}
    overview = (ROOT / "docs" / "cluster" / "overview.md").read_text(encoding="utf-8")
    assert {
        name for name in names if name != "overview" and f"({name}.md)" not in overview
    } == set()
