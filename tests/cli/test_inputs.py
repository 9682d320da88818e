"""From words to files, each with a name of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from neuralib.cli.batch.inputs import find_inputs
from neuralib.cli.batch.output import check_folder
from neuralib.errors import InputNotFound, NoAudio, OutputError
from tests.audio.test_bad_input import unprivileged


def make(folder: Path, *names: str) -> list[str]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return [str(path) for path in paths]


def test_folder_gives_its_audio_files_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.flac", "a.WAV", "notes.txt", "deep/c.mp3", ".hidden.wav", ".cache/d.wav")
    found = find_inputs([str(tmp_path)])
    assert [entry.name for entry in found] == ["a", "b", "c"]
    assert not any(entry.error for entry in found)


def test_folder_without_audio_is_an_error_of_its_own(tmp_path: Path) -> None:
    words = make(tmp_path, "song.wav")
    (tmp_path / "empty").mkdir()
    missing, there = find_inputs([str(tmp_path / "empty"), *words])
    assert isinstance(missing.error, NoAudio)
    assert there.error is None


def test_an_empty_word_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.wav").touch()
    monkeypatch.chdir(tmp_path)
    (entry,) = find_inputs([""])
    assert isinstance(entry.error, InputNotFound)


def test_missing_file_keeps_its_place(tmp_path: Path) -> None:
    words = make(tmp_path, "song.wav")
    first, second = find_inputs([str(tmp_path / "nothing.wav"), *words])
    assert isinstance(first.error, InputNotFound)
    assert "nothing.wav" in first.error.message
    assert second.error is None


def test_folders_behind_a_closed_door() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are for its user alone
        folder = Path(name)
        folder.chmod(0o755)
        make(folder, "closed/song.wav", "listed/song.wav", "listed/more/song.wav")
        (folder / "closed").chmod(0)
        (folder / "listed").chmod(0o444)
        words = [str(folder / word) for word in ("closed", "closed/song.wav", "listed")]
        with unprivileged():
            found = find_inputs(words)
            with pytest.raises(OutputError, match="Permission denied"):
                check_folder(folder / "closed" / "out")
        for path in ("closed", "listed"):
            (folder / path).chmod(0o755)
    assert [entry.label for entry in found] == words
    assert all(isinstance(entry.error, InputNotFound) for entry in found)


@pytest.mark.parametrize("word", ["x" * 300, "x/" * 3000, "loop", "loop/song.wav", "a.wav/b.wav"])
def test_what_cannot_be_looked_at_keeps_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "a.wav")
    (tmp_path / "loop").symlink_to("loop")
    wrong, right = find_inputs([word, "a.wav"])
    assert isinstance(wrong.error, InputNotFound)
    assert word in wrong.error.message
    assert right.error is None


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/song.wav", "b/tune.wav"], ["song", "tune"]),
        (["song.wav", "song.mp3"], ["song (wav)", "song (mp3)"]),
        (["a/song.wav", "b/song.wav"], ["song (wav)", "song (wav) (2)"]),
        (["a/Song.wav", "b/song.mp3"], ["Song (wav)", "song (mp3)"]),
        (["a/song.wav", "b/song.wav", "c/song (wav) (2).wav"], None),
    ],
)
def test_no_two_inputs_share_a_name(
    tmp_path: Path, files: list[str], names: list[str] | None
) -> None:
    found = [entry.name for entry in find_inputs(make(tmp_path, *files))]
    assert len({name.casefold() for name in found}) == len(files)
    if names:
        assert found == names


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("two words.wav", "two words"),
        ("line\nbreak.wav", "line_break"),
        ("-dash.wav", "-dash"),
        ("e\N{COMBINING ACUTE ACCENT}t\N{LATIN SMALL LETTER E WITH ACUTE}.wav", "été"),
        ("音楽.flac", "音楽"),
        ("what?.wav", "what_"),
        ("dots...wav", "dots"),
        ("nul.wav", "_nul"),
        ("Com1.live.wav", "_Com1.live"),
        ("console.wav", "console"),
    ],
)
def test_result_names_are_safe_everywhere(tmp_path: Path, file: str, name: str) -> None:
    (entry,) = find_inputs(make(tmp_path, file))
    assert entry.name == name
