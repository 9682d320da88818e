from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.jobs.job import JobArtifact
from neuralib.service.names import archive_name, artifact_name, safe_name, stem_of


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("song.wav", "song.wav"),
        ("/home/anna/My Song.flac", "My Song.flac"),
        ("..\\..\\windows\\song.mp3", "song.mp3"),
        ("folder/", "folder"),
        ("..", "audio"),
        ("...", "audio"),
        ("", "audio"),
        (None, "audio"),
        ("a\x00b\nc.wav", "abc.wav"),
        ("gpj.\u202evaw.exe", "gpj.vaw.exe"),
        ("u\u0308ber.wav", "über.wav"),
        (" .wav ", ".wav"),
    ],
)
def test_a_name_is_made_safe(given: str | None, kept: str) -> None:
    assert safe_name(given) == kept


@given(st.text())
def test_every_name_can_be_a_file(text: str) -> None:
    name = safe_name(text)
    assert name == safe_name(name)
    assert os.path.basename(name) == name
    assert name not in ("", ".", "..")
    assert len(name.encode()) <= 200
    assert stem_of(name) not in ("", ".", "..")


def test_a_long_name_keeps_its_suffix() -> None:
    name = safe_name("ä" * 300 + ".flac")
    assert name.endswith("ä.flac")
    assert 195 < len(name.encode()) <= 200


def artifact(name: str, kind: str) -> JobArtifact:
    return JobArtifact(name=name, kind=kind, bytes=1, sha256="0" * 64)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sample", "name", "kind", "alone", "packed"),
    [
        ("song.wav", "vocals.wav", "stem", "song.vocals.wav", "song/vocals.wav"),
        ("song.wav", "notes.mid", "notes", "song.mid", "song.mid"),
        ("song.live.wav", "transcript.srt", "transcript", "song.live.srt", "song.live.srt"),
        ("song", "notes.json", "notes", "song.json", "song.json"),
        (".hidden", "notes.mid", "notes", "hidden.mid", "hidden.mid"),
        ("...wav", "vocals.wav", "stem", "wav.vocals.wav", "wav/vocals.wav"),
    ],
)
def test_results_are_named_after_the_sample(
    sample: str, name: str, kind: str, alone: str, packed: str
) -> None:
    assert artifact_name(sample, artifact(name, kind)) == alone
    assert archive_name(sample, artifact(name, kind)) == packed
