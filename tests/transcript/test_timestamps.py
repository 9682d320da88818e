"""Times are rounded once, carry into minutes and hours, and can be read back."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from whisper.utils import format_timestamp

from neuralib.transcript.timestamps import clock, lrc_tag

seconds = st.floats(0, 100 * 3600, allow_nan=False)


def read_clock(text: str) -> float:
    match = re.fullmatch(r"(?:(\d{2,}):)?(\d\d):(\d\d)[.,](\d{3})", text)
    assert match is not None
    hours, minutes, whole, thousandths = (int(part or 0) for part in match.groups())
    assert minutes < 60
    assert whole < 60
    return hours * 3600 + minutes * 60 + whole + thousandths / 1000


def read_lrc(text: str) -> float:
    match = re.fullmatch(r"\[(\d{2,}):(\d\d)\.(\d\d)\]", text)
    assert match is not None
    minutes, whole, hundredths = map(int, match.groups())
    assert whole < 60
    return minutes * 60 + whole + hundredths / 100


@given(time=seconds, hours=st.booleans(), point=st.sampled_from(".,"))
@example(time=59.9996, hours=True, point=".")
@example(time=3599.9996, hours=False, point=",")
def test_clock_is_read_back(time: float, hours: bool, point: str) -> None:
    text = clock(time, hours=hours, point=point)
    assert read_clock(text) == pytest.approx(time, abs=0.000501)
    assert text == format_timestamp(time, always_include_hours=hours, decimal_marker=point)


@given(time=seconds)
def test_lrc_is_read_back(time: float) -> None:
    assert read_lrc(lrc_tag(time)) == pytest.approx(time, abs=0.00501)


@given(first=seconds, second=seconds)
def test_later_times_are_not_written_as_earlier_ones(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert read_clock(clock(low)) <= read_clock(clock(high))
    assert read_lrc(lrc_tag(low)) <= read_lrc(lrc_tag(high))


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0, "00:00:00.000"),
        (1.5, "00:00:01.500"),
        (59.9994, "00:00:59.999"),
        (59.9996, "00:01:00.000"),
        (3599.9999, "01:00:00.000"),
        (36_000.001, "10:00:00.001"),
        (360_000.0, "100:00:00.000"),
    ],
)
def test_clock(time: float, text: str) -> None:
    assert clock(time) == text
    assert clock(time, hours=False) == text.removeprefix("00:")


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0, "[00:00.00]"),
        (59.994, "[00:59.99]"),
        (59.996, "[01:00.00]"),
        (3661.25, "[61:01.25]"),
        (7200.0, "[120:00.00]"),
    ],
)
def test_lrc(time: float, text: str) -> None:
    assert lrc_tag(time) == text
