"""From activations to notes: the same notes as basic-pitch 0.4 `model_output_to_notes`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat

import numpy as np

from neuralib.midi.activations import KEYS, LOWEST_PITCH, Activations
from neuralib.midi.amplitudes import amplitudes
from neuralib.midi.bends import estimate_bends
from neuralib.midi.notes import Note
from neuralib.midi.peaks import onset_peaks
from neuralib.midi.search import NoteSearch, Span
from neuralib.midi.times import WINDOW_FRAMES, clock_of, frames_in, seconds_of
from neuralib.tasks import MidiTask


def create_notes(
    activations: Activations, task: MidiTask, *, infer_onsets: bool = True
) -> list[Note]:
    """Find the notes in what the pitch model said.

    It differs from basic-pitch where that is wrong: all bends are a third of a semitone lower
    (see `estimate_bends`), onsets count even where no note ever gets louder (it divides by zero
    there), limits of the frequency range may lie beyond the piano (it then counts the keys
    from the other end), and notes are found to the end of a song.

    Args:
        activations: stays as it is.
        task: thresholds, least length, frequency range, pitch bends, melodia trick, clock.
        infer_onsets: also take sudden rises of the note activations for onsets.

    Returns:
        The notes by start, then end, then pitch; `bends` is None in all of them where the task
        wants none.
    """
    keys = _keys(task.minimum_frequency_hz, task.maximum_frequency_hz)
    if keys.start == keys.stop:
        return []
    with _no_collection():
        spans = _spans(activations.part(0, activations.reference_frames), keys, task, infer_onsets)
        spans += _late_spans(activations, keys, task, infer_onsets)
        return list(_notes(spans, keys.start, activations, task))


def _spans(activations: Activations, keys: slice, task: MidiTask, infer_onsets: bool) -> list[Span]:
    onsets, notes = activations.onsets[:, keys], activations.notes[:, keys]
    if not notes.size:
        return []
    search = NoteSearch(notes, task.frame_threshold, frames_in(task.minimum_note_ms))
    spans = list(
        search.from_onsets(onset_peaks(onsets, notes, task.onset_threshold, infer=infer_onsets))
    )
    if task.melodia_trick:
        spans += search.from_energy()
    return sorted(spans)


def _late_spans(
    activations: Activations, keys: slice, task: MidiTask, infer_onsets: bool
) -> list[Span]:
    """Find the notes that start where basic-pitch does not look any more."""
    if activations.reference_frames is None:
        return []
    if len(activations.notes) - activations.reference_frames <= frames_in(task.minimum_note_ms):
        return []  # no note is so short
    first = max(activations.reference_frames - WINDOW_FRAMES, 0)
    spans = _spans(activations.part(first), keys, task, infer_onsets)
    moved = (Span(first + start, first + end, column) for start, end, column in spans)
    return [span for span in moved if span.start >= activations.reference_frames]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let the collector of cycles rest: notes are none, and it would walk all of them often.

    Without this an hour of dense music takes a fifth more time, and more than its pieces do.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _notes(
    spans: list[Span], lowest: int, activations: Activations, task: MidiTask
) -> Iterator[Note]:
    table = np.fromiter(chain.from_iterable(spans), np.int64, 3 * len(spans)).reshape(-1, 3)
    starts, ends, keys = table.T
    keys += lowest
    clock = clock_of(task.clock, len(activations.notes))
    curves = (
        estimate_bends(activations.contours, starts, ends, keys)
        if task.pitch_bends
        else repeat(None, len(spans))
    )
    return map(
        Note,
        seconds_of(starts, clock).tolist(),
        seconds_of(ends, clock).tolist(),
        (LOWEST_PITCH + keys).tolist(),
        amplitudes(activations.notes, starts, ends, keys),
        curves,
    )


def _keys(minimum_hz: float | None, maximum_hz: float | None) -> slice:
    """Give the keys from the minimum to below the maximum, each rounded to the nearest key."""
    low = 0 if minimum_hz is None else _nearest_key(minimum_hz)
    high = KEYS if maximum_hz is None else _nearest_key(maximum_hz)
    return slice(low, max(low, high))


def _nearest_key(hz: float) -> int:
    pitch = 12 * (np.log2(hz) - np.log2(440.0)) + 69
    return int(np.clip(np.round(pitch - LOWEST_PITCH), 0, KEYS))
