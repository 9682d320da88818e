"""When the sound of a file is heard: the silence before it, and that in its gaps.

Samples follow each other in a stream, whatever its time stamps say. In a film the sound may begin
later than the pictures, and recorders leave out what was muted or lost. Players wait there, so
that times counted in samples would be too early by all that is missing.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.stream import Disposition

from neuralib.audio.container import Source

_WITH_GAPS = frozenset({"matroska", "mp4", "mpegts"})
"""Containers that stamp each packet with its time. The stamps of the others are counted by FFmpeg
from what is there, or (ASF) jump to and fro by a packet of the codec."""

_GAP_SECONDS = 0.015
"""Less than a packet that is lost (20 ms and more), more than stamps are rounded by (1 ms)."""

_UNSTEADY_GAP_SECONDS = 0.1
"""For codecs whose packets hold now more and now fewer samples (Vorbis, WMA): their stamps are off
by a part of a packet. Players make nothing of less than this."""

_STEADY_CODECS = ("aac", "ac3", "alac", "eac3", "flac", "mp2", "mp3", "opus")

_LONGEST_JUMP_SECONDS = 10.0
"""In MPEG-TS, whose clock begins anew where recordings are joined: `dts_delta_threshold` of the
command ffmpeg."""

_UNKNOWN_SECONDS = 3600.0
"""The most silence that is believed in a file that does not say how long it is."""


class Clock:
    """Says how much silence belongs where, as the frames of a source come by."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rate = source.stream.sample_rate
        unit = source.stream.time_base
        self._unit_seconds = None if unit is None else float(unit)
        names = source.container.format.name.split(",")
        self._has_gaps = not _WITH_GAPS.isdisjoint(names)
        steady = source.stream.codec_context.codec.canonical_name in _STEADY_CODECS
        self._gap_seconds = _GAP_SECONDS if steady else _UNSTEADY_GAP_SECONDS
        # A stamp that is damaged must not become years of silence.
        self._left_seconds = _seconds(source.container.duration) or _UNKNOWN_SECONDS
        self._longest_seconds = _LONGEST_JUMP_SECONDS if "mpegts" in names else self._left_seconds
        self._begun = False
        self._end: float | None = None
        self._heard_seconds = 0.0
        self.delay_frames = 0
        """Samples of silence before the first frame, at the rate of the stream."""
        self.gaps = 0
        """How many have been filled."""
        self.first_gap_seconds = 0.0
        """Where in the stream the first of them is."""

    def missing_frames(self, frame: AudioFrame) -> int:
        """Take the next frame; give the samples of silence between the one before and this."""
        if self._begun and not self._has_gaps:
            return 0  # a song has many frames, and the rest takes as long as to decode them
        # What decoders give is stamped in the unit of their stream.
        start = _stamp(frame.pts, self._unit_seconds)
        if not self._begun:
            self._begun = True
            self.delay_frames = self._delay(start)
        missing = self._missing(start) if self._has_gaps else 0
        seconds = frame.samples / frame.sample_rate
        self._heard_seconds += missing / self._rate + seconds
        if self._end is not None:
            self._end += missing / self._rate + seconds
        elif start is not None:
            self._end = start + seconds
        return missing

    def _delay(self, start: float | None) -> int:
        # What a decoder of Windows Media leaves out at the start is not in the stamps of ASF.
        if start is None or self._source.container.format.name == "asf":
            seconds = delay_seconds(self._source)
        else:
            seconds = delay_seconds(self._source, start)
        return round(seconds * self._rate) if seconds <= self._left_seconds else 0

    def _missing(self, start: float | None) -> int:
        if start is None or self._end is None:
            return 0
        late = start - self._end
        if late > min(self._longest_seconds, self._left_seconds) or late < -1.0:
            self._end = start  # another clock begins here, or the stamp is damaged
            return 0
        if late < self._gap_seconds:
            return 0
        if not self.gaps:
            self.first_gap_seconds = self._heard_seconds
        self.gaps += 1
        self._left_seconds -= late
        return round(late * self._rate)


def delay_seconds(source: Source, start: float | None = None) -> float:
    """Give by how much the sound begins later than the first picture or sound of the file.

    Time 0 is where a player begins: not that of the stamps, which in a recording of a broadcast
    have run for hours.

    Args:
        source: the open file.
        start: stamp of the first frame in seconds; None: what the header says of the stream.
    """
    streams = source.container.streams
    others = [
        _stamp(stream.start_time, stream.time_base)
        for stream in (*streams.audio, *streams.video)
        if stream is not source.stream and not stream.disposition & Disposition.attached_pic
    ]
    starts = [other for other in others if other is not None]
    own = _stamp(source.stream.start_time, source.stream.time_base)
    # Alone, what is left out at its start is the encoder's delay.
    if own is None or not starts:
        return 0.0
    return max((own if start is None else start) - min(own, *starts), 0.0)


def _stamp(time: int | None, unit: Fraction | float | None) -> float | None:
    return None if time is None or unit is None else float(time * unit)


def _seconds(duration: int | None) -> float:
    return (duration or 0) / av.time_base
