"""One note, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was heard."""

    start: float
    """Seconds from the start of the input."""
    end: float
    """Seconds from the start of the input, after `start`."""
    pitch: int
    """MIDI note number: 60 is the middle C, 69 the A of 440 Hz."""
    amplitude: float
    """Mean activation, 0 to 1."""
    bends: tuple[int, ...] | None = None
    """Deviation from `pitch` in thirds of a semitone, evenly spaced from `start` to `end`."""

    @property
    def place(self) -> tuple[float, float, int]:
        """Start, end and pitch: the order of notes."""
        return self.start, self.end, self.pitch

    @property
    def velocity(self) -> int:
        """Amplitude as MIDI has it, 1 to 127 (0 would mean the end of a note)."""
        return min(max(round(127 * self.amplitude), 1), 127)

    @property
    def name(self) -> str:
        """Scientific pitch notation, with sharps: `C4` is the middle C."""
        return f"{_NAMES[self.pitch % 12]}{self.pitch // 12 - 1}"

    @property
    def frequency_hz(self) -> float:
        """Equal temperament on A4 = 440 Hz: 440 · 2^((pitch - 69) / 12)."""
        return float(440.0 * 2.0 ** ((self.pitch - 69) / 12))
