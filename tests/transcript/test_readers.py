"""Independent readers find in the files what was said, and when."""

from __future__ import annotations

import io
from html import unescape
from typing import Any

import av
import pysubs2
import pytest
import webvtt

from neuralib.tasks import TranscriptFormat
from neuralib.transcript.cues import Limits
from neuralib.transcript.encode import encode_transcript
from neuralib.transcript.transcript import Segment, Transcript

Lines = list[tuple[float, float, str]]

SONG = Transcript(
    "en",
    (
        Segment(0.5, 2.5, " We follow the river"),
        Segment(2.5, 4.0, " R&B <3 [x] at 100 %"),
        Segment(59.96, 61.0, " first\nsecond\u2028third"),
        Segment(3600.0, 3601.5, " שלום עולם"),
        Segment(36_000.02, 36_001.0, " 我们沿着 🎵"),
    ),
)
SAID = [
    (0.5, 2.5, "We follow the river"),
    (2.5, 4.0, "R&B <3 [x] at 100 %"),
    (59.96, 61.0, "first second third"),
    (3600.0, 3601.5, "שלום עולם"),
    (36_000.02, 36_001.0, "我们沿着 🎵"),
]


ROUND = str.maketrans("[]", "()")


def by_pysubs2(data: bytes, format: str) -> Lines:
    events = pysubs2.SSAFile.from_string(data.decode(), format_=format)
    return [(event.start / 1000, event.end / 1000, event.plaintext) for event in events]


def by_webvtt(data: bytes) -> Lines:
    captions = webvtt.from_buffer(io.BytesIO(data))
    return [(seconds(each.start), seconds(each.end), unescape(each.text)) for each in captions]


def seconds(clock: str) -> float:
    """This reader's own seconds are whole ones."""
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def by_ffmpeg(data: bytes, format: str) -> Lines:
    """What FFmpeg's demuxer finds; its times are the packets'."""
    lines = []
    with av.open(io.BytesIO(data), format=format) as container:
        for packet in container.demux(subtitles=0):
            if packet.pts is None or packet.time_base is None:
                continue
            start = float(packet.pts * packet.time_base)
            length = float((packet.duration or 0) * packet.time_base)
            lines.append((start, start + length, bytes(packet).decode().rstrip("\n")))
    return lines


def check(found: Lines, expected: Lines, step: float = 0.001) -> None:
    assert [text for *_, text in found] == [text for *_, text in expected]
    for line, other in zip(found, expected, strict=True):
        assert line[:2] == pytest.approx(other[:2], abs=step / 2 + 1e-6)


def test_pysubs2_reads_srt() -> None:
    # SubRip has no way to write a "<"; this reader takes what looks like markup for markup alone.
    check(by_pysubs2(encode_transcript(SONG, "srt"), "srt"), SAID)


def test_ffmpeg_reads_srt() -> None:
    check(by_ffmpeg(encode_transcript(SONG, "srt"), "srt"), SAID)


def test_webvtt_py_reads_vtt() -> None:
    check(by_webvtt(encode_transcript(SONG, "vtt")), SAID)


def test_ffmpeg_reads_vtt() -> None:
    escaped = [(*times, text.replace("&", "&amp;").replace("<", "&lt;")) for *times, text in SAID]
    check(by_ffmpeg(encode_transcript(SONG, "vtt"), "webvtt"), escaped)  # type: ignore[arg-type]


def test_ffmpeg_reads_lrc() -> None:
    found = by_ffmpeg(encode_transcript(SONG, "lrc"), "lrc")
    said = [(start, start, text.translate(ROUND)) for start, _, text in SAID]
    check([(start, start, text) for start, _, text in found], said)


@pytest.mark.parametrize("format", ["srt", "vtt"])
def test_broken_lines_are_read_back(format: TranscriptFormat) -> None:
    text = "We follow the river under silver light, and every summer I remember your garden"
    limits = Limits(30, 2, 20.0)
    data = encode_transcript(Transcript("en", (Segment(1.0, 9.0, text),)), format, limits)
    for found in (by_pysubs2(data, format), by_webvtt(data) if format == "vtt" else None):
        if found is not None:
            assert len(found) == 2
            lines = [line for *_, cue in found for line in cue.split("\n")]
            assert max(map(len, lines)) <= 30
            assert " ".join(lines) == text


@pytest.mark.parametrize(
    "text",
    [
        "a --> b",
        "00:00:05,000 --> 00:00:06,000",
        "00:05.000 --> 00:06.000",
        "NOTE this",
        "STYLE",
        "WEBVTT",
        "REGION",
        "7",
        "[00:05.00] noise",
        "[ti:title]",
        "a\r\n\r\nb",
        "&amp; &lt;",
    ],
)
@pytest.mark.parametrize("format", ["srt", "vtt", "lrc"])
def test_text_that_looks_like_the_format_stays_text(format: TranscriptFormat, text: str) -> None:
    transcript = Transcript("en", (Segment(1.0, 2.0, text), Segment(3.0, 4.0, "end")))
    data = encode_transcript(transcript, format)
    readers: dict[str, Any] = {
        "srt": lambda data: by_ffmpeg(data, "srt"),
        "vtt": by_webvtt,
        "lrc": lambda data: by_ffmpeg(data, "lrc"),
    }
    found = readers[format](data)
    assert [start for start, *_ in found] == [1.0, 3.0]
    said = text.translate(ROUND) if format == "lrc" else text.replace("-->", "->")
    assert [" ".join(line.split()) for *_, line in found] == [" ".join(said.split()), "end"]
