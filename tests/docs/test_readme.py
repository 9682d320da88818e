"""The examples in the documents run, and print what the documents show.

The blocks marked `console` on a page are one session in the project's folder after `make demo`.
Lines that begin with `$ ` are typed as they stand; the lines below each are what a terminal then
shows, where `…` stands for anything and a number for any number.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.__main__ import make_parser
from neuralib.settings import Settings
from tests.conftest import ROOT
from tests.micro.song import write_demo_song

PAGES = ["README.md", "docs/quickstart.md"]

NOT_RUN = {
    "make demo": "installs from the network; a test of its own runs what it runs then",
    "source .venv/bin/activate": "every command gets a shell of its own, where this is done",
    "pip install -c constraints.txt .": "installs from the network",
    "neuralib models pull htdemucs basic-pitch small": "fetches from the network",
}
"""Commands of the pages that no test types, and why."""

_COMMAND = re.compile(r"((?:[^\n]*[\\|]\n)*[^\n]*\n)(.*)", re.DOTALL)
"""A command goes on in the next line after a backslash or a pipe."""

FOREIGN_OPTIONS = {"--bullmq", "--midi-tempo", "--no-deps", "--out"}
"""Options of other programs that the documents name."""


@dataclass(frozen=True)
class Example:
    """One command of a page, and what the page shows below it."""

    command: str
    shown: str


def examples(page: str) -> Iterator[Example]:
    """Read the commands of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, shown = _COMMAND.findall(part)[0]
            yield Example(command.strip(), shown.strip())


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like the project's after `make demo`, as far as the pages see it."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "demo").mkdir()
    write_demo_song(tmp_path / "demo" / "song.wav")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_shows(
    page: str, clone: Path, environment: dict[str, str]
) -> None:
    scripts = Path(sys.executable).parent
    activated = environment | {"PATH": f"{scripts}{os.pathsep}{environment['PATH']}"}
    for example in examples(page):
        if example.command in NOT_RUN:
            continue
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", example.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=clone,
            env=activated,
            check=False,
        )
        printed = done.stdout.decode().strip()
        assert done.returncode == 0, f"$ {example.command}\n{printed}"
        assert _agree(example.shown, printed), (
            f"$ {example.command}\nshown:\n{example.shown}\nprinted:\n{printed}"
        )
        named = [clone / line for line in printed.splitlines() if line.startswith("demo/")]
        assert [path for path in named if not path.is_file()] == []


def test_every_command_that_is_not_run_is_on_a_page() -> None:
    typed = {example.command for page in PAGES for example in examples(page)}
    assert set(NOT_RUN) <= typed


def test_shown_output_is_compared() -> None:
    assert _agree("a 12 s", "a 7.05 s")
    assert _agree("one\n…\nfour", "one\ntwo\nthree\nfour")
    assert not _agree("done", "failed")
    assert not _agree("one", "one\ntwo")


def test_options_named_in_the_documents_exist() -> None:
    measuring = re.findall(r"--[a-z-]+", make_parser().format_help())
    known = {*_options(ROOT / "docs" / "cli.md"), *measuring}
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    named = {(page.name, option) for page in pages for option in _options(page)}
    assert {each for each in named if each[1] not in known | FOREIGN_OPTIONS} == set()


def test_config_file_in_the_documents_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "neuralib.toml").write_text(block, encoding="utf-8")
    for name in Settings.model_fields:
        monkeypatch.delenv(f"NEURALIB_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)
    read = Settings()
    assert read.model_fields_set == set(re.findall(r"^(\w+) =", block, re.MULTILINE))


def _agree(shown: str, printed: str) -> bool:
    pattern = re.sub(r"\d+(\\\.\d+)?", r"\\d+(\\.\\d+)?", re.escape(shown)).replace("…", ".*")
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def _options(page: Path) -> list[str]:
    return re.findall(r"(?<![\w-])--[a-z][a-z-]*", page.read_text(encoding="utf-8"))
