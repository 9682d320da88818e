"""A reader of Standard MIDI Files that bears with nothing.

After the MIDI Manufacturers Association, "Standard MIDI Files 1.0" (RP-001), 1996, and "MIDI 1.0
Detailed Specification", table 1. It shares no code with what writes the files.
"""

from __future__ import annotations

import struct

_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_META_LENGTHS = {0x2F: 0, 0x51: 3, 0x58: 4, 0x59: 2}
_TEXTS = range(0x01, 0x08)
_OF_FIRST_TRACK = (0x51, 0x58)


class Fault(Exception):
    """What a strict reader would warn of."""


def check(data: bytes) -> None:
    """Read a file to its last byte.

    Raises:
        Fault: at the first thing that the specification does not allow.
    """
    _need(data[:8] == b"MThd" + struct.pack(">I", 6), "the header is not 6 bytes long")
    format, tracks, division = struct.unpack(">HHH", data[8:14])
    _need(format == 1, f"format {format}")
    _need(0 < division < 0x8000, f"division {division}")
    position = 14
    for number in range(tracks):
        _need(data[position : position + 4] == b"MTrk", f"no track {number}")
        (size,) = struct.unpack(">I", data[position + 4 : position + 8])
        position += 8
        _need(position + size <= len(data), f"track {number} is cut off")
        _Track(data[position : position + size], number).check()
        position += size
    _need(position == len(data), "bytes behind the last track")


class _Track:
    def __init__(self, data: bytes, number: int) -> None:
        self._data = data
        self._number = number
        self._at = 0
        self._status: int | None = None
        self._ended = False

    def check(self) -> None:
        while self._at < len(self._data):
            _need(not self._ended, "events behind the end of a track")
            self._number_of_any_length()
            if self._data[self._at] >= 0x80:
                self._status = self._byte()
            _need(self._status is not None, "no status to run on")
            assert self._status is not None
            if self._status == 0xFF:
                self._meta()
            else:
                kind = _DATA_BYTES.get(self._status >> 4)
                _need(kind is not None, f"status {self._status:#x}")
                assert kind is not None
                for _ in range(kind):
                    _need(self._byte() < 0x80, "a data byte above 127")
        _need(self._ended, "a track without an end")

    def _meta(self) -> None:
        self._status = None  # it ends a running status
        kind = self._byte()
        length = self._number_of_any_length()
        body = self._data[self._at : self._at + length]
        self._at += length
        _need(len(body) == length, "a meta event that is cut off")
        _need(length == _META_LENGTHS.get(kind, length), f"meta event {kind:#x} of {length} bytes")
        _need(kind not in _OF_FIRST_TRACK or self._number == 0, "a tempo outside the first track")
        if kind in _TEXTS:
            _need(body.isascii(), "text that is not ASCII")
        self._ended = kind == 0x2F

    def _byte(self) -> int:
        _need(self._at < len(self._data), "a track that is cut off")
        self._at += 1
        return self._data[self._at - 1]

    def _number_of_any_length(self) -> int:
        value = 0
        for place in range(4):
            byte = self._byte()
            _need(place > 0 or byte != 0x80, "a number with leading zeros")
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise Fault("a number of more than four bytes")


def _need(holds: bool, fault: str) -> None:
    if not holds:
        raise Fault(fault)
