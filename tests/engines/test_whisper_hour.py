"""The clock of a transcript is the input's own, at the end of an hour as at its start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from neuralib.audio.shape import read
from neuralib.engines import openvino_runtime
from neuralib.engines.device import Placement
from neuralib.engines.whisper.faster_whisper import FasterWhisper
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from neuralib.progress import silent
from neuralib.tasks import TranscribeTask
from tests.micro.song import SAMPLE_RATE, demo_song

MICRO = Path(__file__).parents[1] / "micro" / "whisper_micro.pt"
FRAME = 0.0201
"""Seconds: one frame of Whisper, and what rounding adds."""
RATE = 11_025
HOUR = 3600 * RATE


def write_hour(path: Path) -> float:
    """Write the demo's voice at both ends of a silent hour; return when the second begins."""
    voice = demo_song().stems["vocals"].mean(axis=0)
    spoken = soxr.resample(voice, SAMPLE_RATE, RATE).astype(np.float32)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        file.write(spoken)
        left = HOUR - 2 * spoken.size
        while left > 0:
            file.write(np.zeros(min(left, 60 * RATE), np.float32))
            left -= 60 * RATE
        file.write(spoken)
    return (HOUR - spoken.size) / RATE


def encode_once(engine: FasterWhisper) -> None:
    """Encode the same sound once where it follows itself: most of the windows are silence."""
    engine.load()
    graphs = engine._whisper.model.windows
    encode, held = graphs.encode, {}

    def remembered(features: NDArray[np.float32], slot: int) -> Any:
        key = features.tobytes()
        if slot not in held or held[slot][0] != key:
            held[slot] = key, encode(features, slot)
        return held[slot][1]

    graphs.encode = remembered


def test_times_are_right_at_the_end_of_an_hour(tmp_path: Path, whisper_store: Store) -> None:
    later = write_hour(tmp_path / "hour.flac")
    blocks = [block[0] for block in map(np.asarray, read(tmp_path / "hour.flac", 16_000, 1))]
    engine = FasterWhisper(
        ModelFiles("micro", (MICRO,)), Placement("cpu", "fp32"), whisper_store.prepared
    )
    if openvino_runtime.is_here():
        encode_once(engine)
    task = TranscribeTask(language="en", beam_size=1, temperature=(0.0,))
    found = engine.transcribe(np.concatenate(blocks), task, silent).segments

    sentences = demo_song().sentences
    expected = [(start + at, text) for at in (0.0, later) for start, _, text in sentences]
    assert [segment.text.strip() for segment in found] == [text for _, text in expected]
    begun = [segment.start for segment in found]
    assert begun == pytest.approx([start for start, _ in expected], abs=FRAME)
    first, second = found[:3], found[3:]
    ended = [segment.end + later for segment in first]
    assert [segment.end for segment in second] == pytest.approx(ended, abs=FRAME)
