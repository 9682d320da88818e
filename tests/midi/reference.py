"""Basic Pitch's own code, and activations to compare with."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from neuralib.midi.activations import Activations
from neuralib.midi.notes import Note
from neuralib.midi.times import frames_in
from neuralib.tasks import MidiTask

with warnings.catch_warnings():
    # It logs which of its four runtimes are not installed, and its own dependencies may be old.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", FutureWarning)
    logging.disable(logging.WARNING)
    from basic_pitch import inference, note_creation

    logging.disable(logging.NOTSET)

__all__ = [
    "from_events",
    "inference",
    "make_activations",
    "note_creation",
    "reference_notes",
    "to_activations",
    "to_output",
]


def to_output(activations: Activations) -> dict[str, NDArray[np.float32]]:
    """Copy activations into basic-pitch's form, whose functions change what they are given."""
    return {
        "onset": activations.onsets.copy(),
        "note": activations.notes.copy(),
        "contour": activations.contours.copy(),
    }


def to_activations(output: dict[str, NDArray[np.float32]]) -> Activations:
    """Turn basic-pitch's form into ours."""
    return Activations(output["onset"], output["note"], output["contour"])


def reference_notes(
    activations: Activations, task: MidiTask, *, infer_onsets: bool = True
) -> list[Note]:
    """Create notes with basic-pitch."""
    # It divides by the largest rise, which is 0 in songs of one or two frames.
    with np.errstate(invalid="ignore"):
        _, events = note_creation.model_output_to_notes(
            to_output(activations),
            onset_thresh=task.onset_threshold,
            frame_thresh=task.frame_threshold,
            infer_onsets=infer_onsets,
            min_note_len=frames_in(task.minimum_note_ms),
            min_freq=task.minimum_frequency_hz,
            max_freq=task.maximum_frequency_hz,
            include_pitch_bends=task.pitch_bends,
            melodia_trick=task.melodia_trick,
        )
    return from_events(events)


def from_events(events: Sequence[tuple[float, float, int, float, list[int] | None]]) -> list[Note]:
    """Turn basic-pitch's note events into sorted notes, and lower its bends to the right pitch."""
    notes = [
        Note(
            float(start),
            float(end),
            int(pitch),
            float(amplitude),
            None if bends is None else tuple(int(bend) - 1 for bend in bends),
        )
        for start, end, pitch, amplitude, bends in events
    ]
    return sorted(notes, key=attrgetter("place"))


def make_activations(
    frames: int, seed: int, *, smoothness: int = 1, levels: int | None = None
) -> Activations:
    """Invent activations: noise, drawn out over `smoothness` frames, on so many `levels`."""
    random = np.random.default_rng(seed)
    noise = random.random((frames + smoothness - 1, 88))
    drawn_out = np.lib.stride_tricks.sliding_window_view(noise, smoothness, axis=0).mean(axis=-1)
    contrast = (drawn_out - 0.5) * smoothness + random.uniform(0.1, 0.6)
    notes = contrast.clip(0.0, 1.0) * (random.random(88) < random.uniform(0.03, 0.3))
    onsets = random.random((frames, 88)) ** random.integers(1, 6)
    contours = random.random((frames, 264))
    if levels is not None:
        onsets, notes, contours = (
            np.round(matrix * levels) / levels for matrix in (onsets, notes, contours)
        )
    return Activations(*(matrix.astype(np.float32) for matrix in (onsets, notes, contours)))
