"""Wrong words: one line, the right exit status, nothing started."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Command


def test_version(neuralib: Command) -> None:
    done = neuralib("--version")
    assert done.status == 0
    assert done.stdout.startswith(b"neuralib ")


@pytest.mark.parametrize("words", [["--help"], ["separate", "-h"], ["models", "--help"]])
def test_help(neuralib: Command, words: list[str]) -> None:
    done = neuralib(*words)
    assert done.status == 0
    assert b"Usage" in done.stdout


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("command", ["separate", "midi", "transcribe", "doctor", "models pull"])
def test_help_is_for_people(neuralib: Command, command: str, columns: str) -> None:
    text = neuralib(*command.split(), "--help", COLUMNS=columns).stdout.decode()
    text = re.sub(r"{[a-z]+}", "", text)  # fields of a template
    assert not re.search(r"<(bool|str|int|float|path|file|list.*)>|[{}]", text)
    assert max(map(len, text.splitlines())) <= int(columns)


@pytest.mark.parametrize("command", ["separate", "midi", "transcribe"])
def test_help_says_that_imports_can_be_named(neuralib: Command, command: str) -> None:
    text = " ".join(neuralib(command, "--help").stdout.decode().split())
    assert "-m, --model NAME|FILE Name that `models list` shows, imported or not, or path" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], ""),
        (["separate"], "neuralib separate --help`"),
        (["separate", "a.wav", "--frmat", "wav"], "--format"),
        (["sepparate", "a.wav"], "No such command 'sepparate'"),
        (["models", "pull"], "Missing argument 'NAME'; see"),
        (["midi", "a.wav", "--tempo"], "requires an argument"),
        (["serve", "--port", "abc"], "--port: got 'abc'; it must be a whole number; see"),
        (["worker", "--grace", "x"], "--grace: got 'x'; it must be a number; see"),
    ],
)
def test_what_cannot_be_parsed_is_one_line(
    neuralib: Command, words: list[str], message: str
) -> None:
    done = neuralib(*words)
    assert (done.status, done.stdout) == (2, b"")
    if words:
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert message in line
    else:
        assert done.stderr.startswith("Usage: ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["separate", "a.wav", "--format", "aiff"], "--format: got 'aiff'; it must be 'wav'"),
        (["separate", "a.wav", "--overlap", "1"], "--overlap: got 1.0"),
        (["separate", "a.wav", "--stems", ","], "at least one stem"),
        (["separate", "a.wav", "--bit-depth", "12"], "--bit-depth: got 12"),
        (["separate", "a.wav", "--precision", "fp8"], "--precision: got 'fp8'"),
        (["separate", "a.wav", "--device", "tpu"], "device 'tpu' is not one of auto, cpu"),
        (["midi", "a.wav", "--format", "mid,xml"], "--format: got 'xml'"),
        (["midi", "a.wav", "--minimum-note-length", "-1"], "--minimum-note-length: got -1.0"),
        (["midi", "a.wav", "--tempo", "0"], "--tempo: got 0.0; it must be 4 or more, or 'auto'"),
        (
            ["midi", "a.wav", "--tempo", "fast"],
            "--tempo: got 'fast'; it must be a number, or 'auto'",
        ),
        (["transcribe", "a.wav", "--task", "sing"], "--task: got 'sing'"),
        (["transcribe", "a.wav", "--temperature", "hot"], "--temperature: got 'hot'"),
        (["transcribe", "a.wav", "--engine", "kaldi"], "--engine: got 'kaldi'"),
        (["midi", "a.wav", "--jobs", "0"], "--jobs: got 0; it must be 1 or more"),
        (["midi", "a.wav", "--jobs", "2", "--submit"], "--jobs is about this machine"),
        (["midi", "-", "-"], "given twice"),
        (["midi", "a.wav", "-o", ""], "-o: got ''; name a folder"),
        (["midi", "a.wav", "b.wav", "-o", "-"], "2 inputs were given"),
        (["midi", "a.wav", "-o", "-", "--format", "mid,csv"], "writes one format"),
        (["midi", "a.wav", "-o", "-", "--json"], "both want standard output"),
        (["midi", "a.wav", "--format", "mid,mid"], "format mid is named twice"),
        (["separate", "a.wav", "-o", "-"], "name it, for instance --stems vocals"),
    ],
)
def test_wrong_option_is_exit_status_2(neuralib: Command, words: list[str], message: str) -> None:
    done = neuralib(*words)
    assert (done.status, done.stdout) == (2, b"")
    (line,) = done.errors
    assert message in line


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["separate", "a.wav"], "neuralib models pull htdemucs"),
        (["transcribe", "a.wav"], "neuralib models pull small"),
        (["separate", "a.wav", "--model", "htdemuks"], "did you mean htdemucs"),
        (["separate", "a.wav", "--model", "tiny"], "not for separate"),
        (["midi", "a.wav", "--device", "cuda:99"], "--device cpu"),
    ],
)
def test_missing_thing_is_exit_status_3_and_starts_nothing(
    neuralib: Command, tmp_path: Path, words: list[str], advice: str
) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    done = neuralib(*words)
    assert (done.status, done.stdout) == (3, b"")
    (line,) = done.errors
    assert advice in line
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_missing_model_is_told_before_any_input(neuralib: Command) -> None:
    done = neuralib("separate", "gone.wav", "--json")
    assert (done.status, done.stdout) == (3, b"")
    (line,) = done.errors
    assert "htdemucs" in line


def test_wrong_config_file_is_exit_status_2(neuralib: Command, tmp_path: Path) -> None:
    (tmp_path / "neuralib.toml").write_text("device = [")
    done = neuralib("midi", "a.wav")
    assert done.status == 2
    assert "neuralib.toml" in done.errors[0]


def test_command_modules_import_only_typer_and_the_standard_library() -> None:
    allowed = {*sys.stdlib_module_names, "typer", "neuralib"}
    for name in (
        *("app", "console", "doctor", "help", "jobs", "keys", "midi", "models", "options"),
        *("reach", "samples", "separate", "serve", "transcribe", "worker"),
    ):
        tree = ast.parse((ROOT / "neuralib" / "cli" / f"{name}.py").read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        modules = {
            node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in top
        }
        assert {str(module).partition(".")[0] for module in modules} <= allowed


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"], ["jobs", "list", "--help"]])
def test_help_loads_nothing_heavy(neuralib: Command, words: list[str]) -> None:
    done = neuralib(*words, PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    heavy = {"numpy", "torch", "av", "onnxruntime", "fastapi", "rq", "sqlalchemy", "httpx2"}
    assert loaded.isdisjoint(heavy)
    assert loaded.isdisjoint({"neuralib.settings", "neuralib.cli.cluster"})
