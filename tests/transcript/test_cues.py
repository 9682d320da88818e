"""Cues can be read: short lines, whole words, long enough, one after the other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.transcript.cues import Cue, Limits, cues
from neuralib.transcript.transcript import Segment, Transcript, Word
from neuralib.transcript.width import columns

READABLE = Limits(42, 2, 20.0)
LONG = (
    "We follow the river under silver light, and every summer I remember your garden, "
    "where morning light will find you home again."
)

times = st.floats(0, 7200).map(lambda time: round(time, 2))
texts = st.lists(st.text("abcäxyz,.", min_size=1, max_size=12), min_size=1, max_size=40)
segments = st.builds(
    lambda start, length, words: Segment(start, start + length, " " + " ".join(words)),
    times,
    st.floats(0, 30),
    texts,
)


def transcript(*segments: Segment) -> Transcript:
    return Transcript("en", segments)


def timed(text: str, onsets: list[float], seconds: float = 0.2) -> Segment:
    words = [f" {word}" for word in text.split()]
    timed_words = tuple(
        Word(start, start + seconds, word, 1.0) for start, word in zip(onsets, words, strict=True)
    )
    return Segment(onsets[0], onsets[-1] + seconds, "".join(words), timed_words)


def test_no_line_is_longer_and_no_cue_higher_than_asked() -> None:
    found = cues(transcript(Segment(0.0, 10.0, LONG)), READABLE)
    assert [len(cue.lines) for cue in found] == [2, 2]
    assert all(columns(line) <= 42 for cue in found for line in cue.lines)
    assert " ".join(line for cue in found for line in cue.lines) == LONG


def test_lines_are_even() -> None:
    (cue,) = cues(
        transcript(Segment(0.0, 5.0, "one two three four five six seven eight nine")), READABLE
    )
    assert cue.lines == ("one two three four five", "six seven eight nine")


def test_a_line_that_fits_is_left_as_it_is() -> None:
    text = "two  spaces"
    assert cues(transcript(Segment(0.0, 5.0, text)), READABLE) == [Cue(0.0, 5.0, (text,))]


def test_a_word_that_is_wider_than_a_line_stays_whole() -> None:
    (cue,) = cues(transcript(Segment(0.0, 5.0, "a Donaudampfschifffahrt b")), Limits(8))
    assert cue.lines == ("a", "Donaudampfschifffahrt", "b")


def test_without_word_times_a_cue_gets_time_by_its_width() -> None:
    first, second = cues(transcript(Segment(10.0, 18.0, "aaa bbb ccc ddd")), Limits(7, 1))
    assert (first.start, second.end) == (10.0, 18.0)
    assert first.end == pytest.approx(14.0, abs=0.5)
    assert second.start == pytest.approx(14.0, abs=0.5)


def test_with_word_times_a_cue_lasts_as_long_as_its_words() -> None:
    segment = timed("aaa bbb ccc ddd", [10.0, 10.5, 17.0, 17.5])
    assert cues(transcript(segment), Limits(7, 1)) == [
        Cue(10.0, 10.7, ("aaa bbb",)),
        Cue(17.0, 17.7, ("ccc ddd",)),
    ]


def test_a_long_pause_between_words_ends_a_cue() -> None:
    segment = timed("one two three", [1.0, 1.5, 5.0])
    assert cues(transcript(segment), Limits(42, 2)) == [
        Cue(1.0, 1.7, ("one two",)),
        Cue(5.0, 5.2, ("three",)),
    ]


def test_words_without_time_still_give_cues_with_time() -> None:
    segment = timed("aaa bbb ccc", [1.0, 1.0, 1.0], 0.0)
    spread = cues(transcript(Segment(1.0, 4.0, segment.text, segment.words)), Limits(3, 1))
    assert [(cue.start, cue.end) for cue in spread] == [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]


def test_what_is_said_too_fast_stays_until_it_is_read() -> None:
    fast = transcript(Segment(1.0, 1.5, "x" * 40), Segment(10.0, 11.0, "y"))
    assert [cue.end for cue in cues(fast, READABLE)] == [3.0, 11.0]


def test_what_is_said_too_fast_stays_until_the_next_at_most() -> None:
    fast = transcript(Segment(1.0, 1.5, "x" * 40), Segment(2.0, 4.0, "y"))
    assert [cue.end for cue in cues(fast, READABLE)] == [2.0, 4.0]


def test_nothing_is_lengthened_without_a_limit() -> None:
    fast = transcript(Segment(1.0, 1.5, "x" * 40))
    assert cues(fast, Limits(42, 2)) == [Cue(1.0, 1.5, ("x" * 40,))]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("我们沿着银色的光走过河流", ("我们沿着", "银色的光", "走过河流")),
        ("今日は、いい天気です", ("今日は、い", "い天気です")),
        ("「はい」と言った", ("「はい」", "と言った")),
        ("ずっと一緒にいたよ", ("ずっと一緒", "にいたよ")),
        ("나는 강을 따라 간다", ("나는 강을", "따라 간다")),
    ],
)
def test_scripts_without_spaces_are_broken_where_a_line_may_end(
    text: str, lines: tuple[str, ...]
) -> None:
    found = cues(transcript(Segment(0.0, 5.0, text)), Limits(10))
    assert tuple(line for cue in found for line in cue.lines) == lines


def test_wide_letters_take_two_columns_and_marks_none() -> None:
    assert columns("光a") == 3
    assert columns("e\u0301") == 1
    assert columns("שלום") == 4


def test_thai_is_broken_between_letters() -> None:
    text = "เราเดินตามแม่น้ำใต้แสงสีเงิน"
    (cue,) = cues(transcript(Segment(0.0, 5.0, text)), Limits(10))
    assert "".join(cue.lines) == text
    assert all(columns(line) <= 10 for line in cue.lines)


def test_overlapping_cues_end_where_the_next_begins() -> None:
    found = cues(transcript(Segment(1.0, 5.0, "a"), Segment(3.0, 6.0, "b")), Limits())
    assert found == [Cue(1.0, 3.0, ("a",)), Cue(3.0, 6.0, ("b",))]


def test_a_cue_without_length_gets_one() -> None:
    found = cues(transcript(Segment(1.0, 1.0, "a"), Segment(1.5, 2.0, "b")), Limits())
    assert [(cue.start, cue.end) for cue in found] == [(1.0, 1.5), (1.5, 2.0)]
    (alone,) = cues(transcript(Segment(1.0, 1.0, "a")), Limits())
    assert alone.end == pytest.approx(1.0 + 5 / 6)


def test_cues_that_begin_together_become_one() -> None:
    found = cues(transcript(Segment(1.0, 1.0, "a"), Segment(1.0, 2.0, "b")), Limits())
    assert found == [Cue(1.0, 2.0, ("a b",))]


def test_cues_are_in_order_of_time() -> None:
    found = cues(transcript(Segment(5.0, 6.0, "b"), Segment(-0.5, 2.0, "a")), Limits())
    assert found == [Cue(0.0, 2.0, ("a",)), Cue(5.0, 6.0, ("b",))]


@given(st.lists(segments, max_size=6), st.sampled_from([READABLE, Limits(), Limits(12, 1, 5.0)]))
def test_any_cues_follow_each_other_and_say_all(parts: list[Segment], limits: Limits) -> None:
    found = cues(transcript(*parts), limits)
    assert all(cue.end > cue.start for cue in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    said = " ".join(line for cue in found for line in cue.lines).split()
    assert sorted(said) == sorted(word for part in parts for word in part.text.split())
    if limits.line_width:
        for line in (line for cue in found for line in cue.lines):
            assert columns(line) <= limits.line_width or " " not in line
        assert all(len(cue.lines) <= limits.line_count for cue in found)
