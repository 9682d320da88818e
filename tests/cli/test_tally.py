"""The line at the end of a batch."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from neuralib.cli.batch.record import Record, failed
from neuralib.cli.batch.tally import Tally
from neuralib.errors import NoAudio
from neuralib.tasks import MidiTask

FAILED = failed("a.wav", MidiTask(), NoAudio("is empty"))
SKIPPED = replace(FAILED, status="skipped", error=None)
DONE = replace(SKIPPED, status="done", audio_seconds=100.0)


@pytest.mark.parametrize(
    ("records", "line", "status"),
    [
        ([SKIPPED, SKIPPED], "2 skipped", 0),
        ([FAILED], "1 failed", 1),
        ([DONE], r"1 done; 1:40 of audio in \d\.\d s \(\d+x\)", 0),
        (
            [SKIPPED, FAILED, *[DONE] * 60],
            r"60 done, 1 skipped, 1 failed; 1:40:00 of audio in \d\.\d s \(\d+x\)",
            1,
        ),
    ],
)
def test_summary(records: list[Record], line: str, status: int) -> None:
    tally = Tally()
    for record in records:
        tally.add(record)
    assert re.fullmatch(line, tally.summary())
    assert tally.exit_status == status
