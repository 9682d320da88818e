"""A steady tempo, and where its beats are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

_BAR_QUARTERS = 4
_MICROSECONDS = 1e6


@dataclass(frozen=True)
class Tempo:
    """Quarter notes of the same length from the first beat on, in bars of four.

    What comes before the first beat is a bar of its own, which is as short as it needs to be: so
    bars and beats of a sequencer lie on those of the music, while notes keep their times.
    """

    microseconds_per_quarter: int
    """As a Standard MIDI File says it: whole, so that a grid counted in it never runs away."""
    first_beat: float = 0.0
    """Seconds from the start of the input; 0, or at least a 32nd of a quarter."""

    @classmethod
    def of(cls, bpm: float, first_beat: float = 0.0) -> Tempo:
        """Describe a beat.

        Args:
            bpm: quarter notes a minute.
            first_beat: seconds at which any bar starts; 0 or more. Whole bars are taken off.
        """
        microseconds = round(60 * _MICROSECONDS / bpm)
        quarter_seconds = microseconds / _MICROSECONDS
        first_beat %= _BAR_QUARTERS * quarter_seconds
        tempo = cls(microseconds, first_beat)
        return tempo if tempo.pickup[0] else cls(microseconds)

    @cached_property
    def pickup(self) -> tuple[int, int]:
        """Numerator and denominator of the bar before the first beat; (0, 4) where it is none.

        Its quarters last between a half and one and a half times as long as all others.
        """
        quarters = self.first_beat * _MICROSECONDS / self.microseconds_per_quarter
        for denominator in (4, 8, 16, 32, 64):
            if numerator := round(quarters * denominator / 4):
                return numerator, denominator
        return 0, 4

    @property
    def pickup_quarters(self) -> float:
        """Length of the bar before the first beat, in its own quarters: a whole 16th of one."""
        numerator, denominator = self.pickup
        return numerator * 4 / denominator

    @property
    def pickup_microseconds_per_quarter(self) -> int:
        """Tempo of the bar before the first beat, where there is one."""
        return round(self.first_beat * _MICROSECONDS / self.pickup_quarters)

    def quarter_at(self, seconds: float) -> float:
        """Count quarters from the first beat to a time; negative before it."""
        return (seconds - self.first_beat) * _MICROSECONDS / self._length(seconds < self.first_beat)

    def seconds_at(self, quarter: float) -> float:
        """Give the time of what `quarter_at` counts, 0 or later."""
        seconds = self.first_beat + quarter * self._length(quarter < 0) / _MICROSECONDS
        return max(seconds, 0.0)  # the pickup's tempo is rounded

    def _length(self, early: bool) -> int:
        if early and self.pickup_quarters:
            return self.pickup_microseconds_per_quarter
        return self.microseconds_per_quarter
