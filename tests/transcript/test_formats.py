"""What is in the files: as openai-whisper writes it, and harmless where the text is not."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whisper.utils import get_writer

from neuralib.tasks import TranscribeTask, TranscriptFormat
from neuralib.transcript.encode import FORMATS, encode_transcript
from neuralib.transcript.formats import json_document
from neuralib.transcript.transcript import Segment, Transcript, Word

SONG = Transcript(
    "en",
    (
        Segment(0.0, 2.5, " We follow the river"),
        Segment(2.5, 59.9996, " über 100 % 你好 🎵"),
        Segment(59.9996, 3725.1, " end's end?", avg_logprob=-0.25, temperature=0.2),
    ),
)
EMPTY = Transcript("und", ())
CUES: tuple[tuple[TranscriptFormat, int], ...] = (("srt", 0), ("vtt", 2))
"""Formats of cues, and the lines of their head."""


def one(text: str) -> Transcript:
    return Transcript("en", (Segment(1.0, 2.0, text),))


def written(transcript: Transcript, format: TranscriptFormat) -> str:
    return encode_transcript(transcript, format).decode()


def as_openai(transcript: Transcript) -> dict[str, Any]:
    segments = [
        {"start": segment.start, "end": segment.end, "text": segment.text}
        for segment in transcript.segments
    ]
    return {"text": transcript.text, "segments": segments, "language": transcript.language}


@pytest.mark.parametrize("format", ["txt", "srt", "vtt", "tsv"])
@pytest.mark.parametrize("transcript", [SONG, EMPTY, one(" --> x\ty")], ids=["song", "", "odd"])
def test_bytes_are_those_of_openai_whispers_writers(
    tmp_path: Path, format: TranscriptFormat, transcript: Transcript
) -> None:
    get_writer(format, str(tmp_path))(as_openai(transcript), "song.wav", {})
    expected = (tmp_path / f"song.{format}").read_bytes()
    assert encode_transcript(transcript, format) == expected


def test_srt() -> None:
    assert written(SONG, "srt") == (
        "1\n00:00:00,000 --> 00:00:02,500\nWe follow the river\n\n"
        "2\n00:00:02,500 --> 00:01:00,000\nüber 100 % 你好 🎵\n\n"
        "3\n00:01:00,000 --> 01:02:05,100\nend's end?\n\n"
    )


def test_vtt_leaves_out_hours_while_there_are_none() -> None:
    assert written(SONG, "vtt").endswith("01:00.000 --> 01:02:05.100\nend's end?\n\n")


def test_lrc() -> None:
    assert written(SONG, "lrc") == (
        "[00:00.00]We follow the river\n[00:02.50]über 100 % 你好 🎵\n[01:00.00]end's end?\n"
    )


def test_json_has_openai_whispers_keys() -> None:
    word = Word(1.25, 1.5, " word", 0.75)
    segment = Segment(1.0, 2.0, " word", (word,), -0.5, 0.125, 1.5, 0.25)
    assert json.loads(json_document(Transcript("en", (segment,)))) == {
        "text": "word",
        "segments": [
            {
                "id": 0,
                "start": 1.0,
                "end": 2.0,
                "text": " word",
                "temperature": 0.25,
                "avg_logprob": -0.5,
                "compression_ratio": 1.5,
                "no_speech_prob": 0.125,
                "words": [{"word": " word", "start": 1.25, "end": 1.5, "probability": 0.75}],
            }
        ],
        "language": "en",
    }


def test_json_has_milliseconds_and_four_decimals() -> None:
    word = Word(1.2344999, 7.0200000000000005, " word", 0.9876543)
    segment = Segment(0.1 + 0.2, 3.0199999999999996, " word", (word,), -0.25 / 3, 1e-9, 4 / 3, 0.6)
    (found,) = json.loads(json_document(Transcript("en", (segment,))))["segments"]
    assert (found["start"], found["end"]) == (0.3, 3.02)
    assert (found["avg_logprob"], found["no_speech_prob"]) == (-0.0833, 0.0)
    assert (found["compression_ratio"], found["temperature"]) == (1.3333, 0.6)
    assert found["words"] == [{"word": " word", "start": 1.234, "end": 7.02, "probability": 0.9877}]


def test_json_gives_the_engines_whole_text() -> None:
    transcript = Transcript("en", (Segment(0, 1, " part"),), whole=" whole ")
    assert json.loads(json_document(transcript))["text"] == "whole"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_json_stays_json_where_a_number_is_none(value: float) -> None:
    word = Word(0.0, 1.0, "a", value)
    segment = Segment(0.0, 1.0, "a", (word,), value, value, value)
    parsed = json.loads(
        json_document(Transcript("en", (segment,))), parse_constant=lambda name: pytest.fail(name)
    )
    assert parsed["segments"][0]["avg_logprob"] is None
    assert parsed["segments"][0]["words"][0]["probability"] is None


def test_an_empty_transcript_gives_valid_files() -> None:
    assert {name: written(EMPTY, name) for name in FORMATS if name not in ("json", "ass")} == {
        "txt": "",
        "srt": "",
        "vtt": "WEBVTT\n\n",
        "tsv": "start\tend\ttext\n",
        "lrc": "",
        "elrc": "",
    }
    assert json.loads(json_document(EMPTY)) == {"text": "", "segments": [], "language": "und"}


def test_segments_without_text_are_left_out_of_all_but_json() -> None:
    gap = Transcript("en", (Segment(0, 1, " a"), Segment(1, 2, "  "), Segment(2, 3, " b")))
    whole = Transcript("en", (gap.segments[0], gap.segments[2]))
    for format in FORMATS:
        if format != "json":
            assert written(gap, format) == written(whole, format)
    assert [segment["id"] for segment in json.loads(json_document(gap))["segments"]] == [0, 1, 2]


def test_vtt_escapes_markup() -> None:
    assert "\nR&amp;B &lt;3 a -> b\n" in written(one("R&B <3 a --> b"), "vtt")
    assert "\n----x -> b\n" in written(one("----x ----> b"), "vtt")


def test_lrc_keeps_brackets_from_being_times() -> None:
    assert written(one("[00:05.00] noise"), "lrc") == "[00:01.00](00:05.00) noise\n"


@given(text=st.text())
def test_any_text_stays_in_its_line(text: str) -> None:
    """One line or cue is written, whatever line ends, tabs and arrows are in it."""
    transcript = one(text)
    said = bool(" ".join(text.strip().splitlines()))
    assert written(transcript, "txt").count("\n") == written(transcript, "lrc").count("\n") == said
    assert len(written(transcript, "txt").splitlines()) == said
    for format, head in CUES:
        lines = written(transcript, format).splitlines()[head:]
        arrows = [number for number, line in enumerate(lines) if "-->" in line]
        assert len(arrows) == said
        assert all(line == "" for number in arrows for line in lines[number + 2 :])
    rows = list(
        csv.reader(io.StringIO(written(transcript, "tsv")), delimiter="\t", quoting=csv.QUOTE_NONE)
    )
    assert [len(row) for row in rows] == [3] * (1 + said)
    assert json.loads(json_document(transcript))["segments"][0]["text"] == text


@pytest.mark.parametrize("format", FORMATS)
def test_files_are_utf8_with_bare_line_feeds(format: TranscriptFormat) -> None:
    data = encode_transcript(SONG, format)
    assert b"\r" not in data
    assert "你好" in data.decode()


def test_what_is_not_unicode_is_replaced() -> None:
    assert encode_transcript(one("half \ud83c"), "txt") == b"half ?\n"


def test_formats_are_those_of_the_task() -> None:
    TranscribeTask(formats=tuple(FORMATS))  # type: ignore[arg-type]
    assert set(FORMATS) == set(TranscriptFormat.__args__)  # type: ignore[attr-defined]
