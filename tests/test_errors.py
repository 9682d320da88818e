"""What the errors say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from neuralib.errors import NeuraLibError, OutputError
from neuralib.execute.sink import FolderSink


def test_a_folder_that_went_away_is_told_with_advice(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path / "out")
    said = r"cannot write '.*a\.mid': No such file or directory; its folder is gone, .* with -o"

    def lose_the_folder() -> None:
        with sink:
            sink.put("notes", "a.mid", b"")
            shutil.rmtree(tmp_path / "out")

    with pytest.raises(OutputError, match=said):
        lose_the_folder()


def test_a_message_is_one_line() -> None:
    assert NeuraLibError("first\n  second").message == "first second"
