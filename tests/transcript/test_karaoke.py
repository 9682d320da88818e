"""Words light up when they are sung: enhanced lyrics, and ASS as independent readers see it."""

from __future__ import annotations

import io
import re

import av
import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.tasks import TranscribeTask
from neuralib.transcript.encode import encode_transcript
from neuralib.transcript.karaoke import ass, elrc
from neuralib.transcript.transcript import Segment, Transcript, Word

WORDS = (
    Word(3600.5, 3600.8, " We", 1.0),
    Word(3600.8, 3601.25, " follow", 1.0),
    Word(3601.5, 3602.0, " on.", 1.0),
)
SONG = Transcript(
    "en",
    (
        Segment(0.5, 2.0, " No words"),
        Segment(3600.25, 3602.5, " We follow on.", WORDS),
    ),
)


def one(text: str, *words: Word) -> Transcript:
    return Transcript("en", (Segment(1.0, 2.0, text, words),))


def read_elrc(line: str) -> list[tuple[float, str]]:
    """Words and ends with their times, as the format's inventor (A2 Media Player) describes it."""
    parts = re.findall(r"<(\d+):(\d\d\.\d\d)>([^<]*)", line)
    return [(int(minutes) * 60 + float(rest), text.strip()) for minutes, rest, text in parts]


def test_elrc() -> None:
    assert elrc(SONG) == (
        "[00:00.50]<00:00.50>No words<00:02.00>\n"
        "[60:00.25]<60:00.50>We <60:00.80>follow<60:01.25> <60:01.50>on.<60:02.00>\n"
    )


def test_elrc_times_each_word_and_the_end_of_the_last() -> None:
    assert read_elrc(elrc(SONG).splitlines()[1]) == [
        (3600.5, "We"),
        (3600.8, "follow"),
        (3601.25, ""),
        (3601.5, "on."),
        (3602.0, ""),
    ]


def test_ffmpeg_reads_the_lines_of_elrc() -> None:
    with av.open(io.BytesIO(encode_transcript(SONG, "elrc")), format="lrc") as container:
        packets = [packet for packet in container.demux(subtitles=0) if packet.pts is not None]
    starts = [float(packet.pts * packet.time_base) for packet in packets if packet.time_base]
    assert starts == [0.5, 3600.25]


@pytest.mark.parametrize("text", ["<00:05.00> x", "[00:05.00] x", "I <3 x"])
def test_text_that_looks_like_a_time_is_none(text: str) -> None:
    line = elrc(one(text)).strip()
    assert line.count("[") == 1
    assert [time for time, _ in read_elrc(line)] == [1.0, 2.0] or text == "I <3 x"
    assert line.endswith("x<00:02.00>")


def test_pysubs2_reads_ass() -> None:
    script = pysubs2.SSAFile.from_string(ass(SONG), format_="ass")
    assert script.info["ScriptType"] == "v4.00+"
    assert list(script.styles) == ["Default"]
    assert [(line.start, line.end, line.plaintext) for line in script] == [
        (500, 2000, "No words"),
        (3_600_250, 3_602_500, "We follow on."),
    ]
    assert {line.style for line in script} == {"Default"}


def test_ffmpeg_reads_ass() -> None:
    with av.open(io.BytesIO(encode_transcript(SONG, "ass")), format="ass") as container:
        packets = [packet for packet in container.demux(subtitles=0) if packet.pts is not None]
    times = [
        (float(packet.pts * packet.time_base), float(packet.duration * packet.time_base))
        for packet in packets
        if packet.pts is not None and packet.duration is not None and packet.time_base
    ]
    assert times == [(0.5, 1.5), (3600.25, 2.25)]


def test_ass_lights_each_word_when_it_is_sung() -> None:
    line = ass(SONG).splitlines()[-1]
    assert line.endswith(r",,{\k25}{\k30}We {\k45}follow{\k25} {\k50}on.{\k50}")
    assert line.startswith("Dialogue: 0,1:00:00.25,1:00:02.50,Default,,0,0,0,,")


def test_pauses_and_words_make_up_the_line() -> None:
    for line in pysubs2.SSAFile.from_string(ass(SONG), format_="ass"):
        lengths = [int(length) for length in re.findall(r"\\k(\d+)", line.text)]
        assert sum(lengths) * 10 == line.end - line.start


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (r"{\i1}a{b}", "\uff5b\uff3ci1\uff5da\uff5bb\uff5d"),
        ("a\nb\u2028c", "a b c"),
        (r"a\Nb\hc", "a\uff3cNb\uff3chc"),
        ("one, two, three", "one, two, three"),
        ("Dialogue: 0,0:00:00.00", "Dialogue: 0,0:00:00.00"),
        ("; [Events]", "; [Events]"),
        ("שלום {א}", "שלום \uff5bא\uff5d"),
        ("你好、世界", "你好、世界"),
    ],
)
def test_no_text_is_a_command_of_ass(text: str, seen: str) -> None:
    (line,) = pysubs2.SSAFile.from_string(ass(one(text)), format_="ass")
    assert line.plaintext == seen


def test_an_empty_transcript_is_a_valid_script() -> None:
    script = pysubs2.SSAFile.from_string(ass(Transcript("und", ())), format_="ass")
    assert len(script) == 0
    assert list(script.styles) == ["Default"]


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=8),
    st.floats(0, 5000),
    st.floats(0, 5),
)
def test_any_word_times_are_in_order_within_the_line(
    times: list[tuple[float, float]], start: float, length: float
) -> None:
    words = tuple(Word(start + a, start + b, f" {a:.2f}", 1.0) for a, b in times)
    segment = Segment(start, start + length, "".join(word.text for word in words), words)
    transcript = Transcript("en", (segment,))
    (line,) = pysubs2.SSAFile.from_string(ass(transcript), format_="ass")
    lengths = [int(each) for each in re.findall(r"\\k(\d+)", line.text)]
    assert sum(lengths) * 10 == line.end - line.start
    assert line.plaintext == segment.text.strip()
    written = [time for time, _ in read_elrc(elrc(transcript))]
    assert written == sorted(written)


@pytest.mark.parametrize("format", ["elrc", "ass"])
def test_karaoke_asks_for_word_times(format: str) -> None:
    assert TranscribeTask(formats=(format,)).needs_words  # type: ignore[arg-type]
    assert not TranscribeTask().needs_words
    assert TranscribeTask(word_timestamps=True).needs_words
