"""Which sound of an input is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audio.containers import write_film
from tests.conftest import Command


def test_each_audio_stream_can_be_named(neuralib: Command, tmp_path: Path) -> None:
    write_film(tmp_path / "film.mkv")
    seconds = [
        neuralib("midi", "film.mkv", "--json", *words).records[0]["audio_seconds"]
        for words in ((), ("--stream", 1), ("--stream", 2))
    ]
    assert seconds == pytest.approx([0.5, 0.25, 0.5], abs=1e-3)


def test_a_stream_that_is_not_there_fails_that_input_alone(
    neuralib: Command, tmp_path: Path
) -> None:
    write_film(tmp_path / "film.mkv")
    done = neuralib("midi", "film.mkv", "--stream", 3)
    assert done.status == 1
    assert done.errors == [
        "error: 'film.mkv' has no audio stream 3; choose one of its own "
        "(1: eng, flac, mono; 2: ger, flac, stereo)"
    ]
    assert neuralib("midi", "film.mkv", "--stream", 0).status == 2
