from __future__ import annotations

from typing import Any

import pytest

from neuralib.errors import UsageError
from neuralib.service.request import check_key, check_task, request_sha256, result_key
from neuralib.tasks import MidiTask, SeparateTask, Task, TranscribeTask

SHA256 = "ab" * 32


def test_equal_requests_have_equal_keys() -> None:
    assert result_key(SHA256, MidiTask()) == result_key(SHA256, MidiTask(tempo_bpm=120))
    assert len(result_key(SHA256, MidiTask())) == 64


@pytest.mark.parametrize(
    ("sha256", "task"),
    [
        ("cd" * 32, SeparateTask()),
        (SHA256, SeparateTask(model="htdemucs_ft")),
        (SHA256, SeparateTask(shifts=1)),
        (SHA256, SeparateTask(stems=("vocals",))),
        (SHA256, MidiTask()),
    ],
)
def test_whatever_differs_has_another_key(sha256: str, task: Task) -> None:
    assert result_key(sha256, task) != result_key(SHA256, SeparateTask())


def test_another_request_is_told_from_a_repeated_one() -> None:
    first: tuple[Any, ...] = (MidiTask(), "smp_1", "normal", False)
    assert request_sha256(*first) == request_sha256(*first)
    for other in (
        (MidiTask(tempo_bpm=90), "smp_1", "normal", False),
        (MidiTask(), "smp_2", "normal", False),
        (MidiTask(), "smp_1", "high", False),
        (MidiTask(), "smp_1", "normal", True),
    ):
        assert request_sha256(*other) != request_sha256(*first)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 201, "a\n"])
def test_a_key_that_cannot_be_kept_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="1 to 200 visible ASCII"):
        check_key(key)


def test_a_task_that_would_fill_lists_is_refused() -> None:
    check_task(TranscribeTask(initial_prompt="ä" * 5000))
    with pytest.raises(UsageError, match="16384 are allowed"):
        check_task(TranscribeTask(initial_prompt="ä" * 10_000))
