"""Loops are cut, choruses stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.transcript.loops import without_loops
from neuralib.transcript.transcript import Segment, Word


def phrases(text: str, count: int, seconds: float, **known: float) -> list[Segment]:
    return [
        Segment(number * seconds, (number + 1) * seconds, f" {text}", **known)  # type: ignore[arg-type]
        for number in range(count)
    ]


def said(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.text.strip() for segment in segments]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Around the world, around the world", 3.8),
        ("Work, work, work, work, work, work", 2.0),
        ("Na na na na, na na na na, hey hey, goodbye", 4.0),
        ("Bye bye bye", 1.2),
        ("Thank you.", 1.0),
        ("爱你", 1.0),
    ],
)
def test_a_chorus_stays_however_often_it_is_sung(text: str, seconds: float) -> None:
    song = phrases(text, 40, seconds)
    assert without_loops(song) == tuple(song)


def test_one_line_of_a_chorus_stays() -> None:
    line = Segment(0.0, 12.0, " la la la la" * 12)
    assert without_loops([line]) == (line,)


def test_lines_that_leave_no_time_to_say_them_are_cut() -> None:
    looped = [Segment(0.0, 2.0, " I see you"), *phrases("Thank you so much.", 30, 0.04)]
    assert said(without_loops(looped)) == ["I see you", "Thank you so much."]


def test_lines_that_take_turns_are_a_loop_too() -> None:
    pair = phrases("Oh my love", 20, 0.04)
    looped = [part for each in pair for part in (each, Segment(each.end, each.end, " come home"))]
    assert said(without_loops(looped)) == ["Oh my love", "come home"]


def test_a_loop_within_a_line_is_cut_to_its_first_phrase() -> None:
    line = Segment(10.0, 14.0, " We go home," + " I'm sorry," * 60)
    (left,) = without_loops([line])
    assert left.text == " We go home, I'm sorry,"
    assert left.start == 10.0
    assert left.end == pytest.approx(10.3, abs=0.2)


def test_words_of_a_loop_are_cut_with_it() -> None:
    words = [Word(1.0, 1.4, " Oh", 0.9), *(Word(1.5, 1.5, " you", 0.9) for _ in range(50))]
    line = Segment(1.0, 2.0, "".join(word.text for word in words), tuple(words))
    (left,) = without_loops([line])
    assert left.words == tuple(words[:2])
    assert left.text == " Oh you"
    assert left.end == 1.5


def test_letters_without_spaces_loop_too() -> None:
    (left,) = without_loops([Segment(0.0, 3.0, "谢谢大家" * 30)])
    assert left.text == " 谢谢大家"


def test_a_loop_where_whisper_heard_no_speech_is_cut_at_any_speed() -> None:
    looped = phrases("Thank you for watching.", 10, 3.0, no_speech_prob=0.9)
    assert said(without_loops(looped)) == ["Thank you for watching."]


def test_a_chorus_before_a_loop_stays() -> None:
    chorus = phrases("Come back to me", 4, 2.0)
    loop = [Segment(8.0, 8.02, " Come back to me") for _ in range(20)]
    assert without_loops([*chorus, *loop]) == tuple(chorus)


def test_a_few_fast_repeats_are_no_loop() -> None:
    line = Segment(0.0, 0.3, " no no no no")
    assert without_loops([line]) == (line,)


@given(st.lists(st.text(max_size=30), max_size=12))
def test_what_is_said_slowly_stays_as_it_is(texts: list[str]) -> None:
    lines = [Segment(10.0 * i, 10.0 * i + 10.0, text) for i, text in enumerate(texts)]
    assert without_loops(lines) == tuple(lines)
