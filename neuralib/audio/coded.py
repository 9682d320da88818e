"""Sound of another codec that a WAV file passes off as 16-bit samples: DTS, AC-3, MP3 ..."""

from __future__ import annotations

import re

import numpy as np

PROBED_BYTES = 65536
"""FFmpeg has to see so many of them to tell, a dozen frames of DTS."""

_ANYWHERE = (
    *(0x7FFE8001, 0xFE7F0180),  # DTS of either byte order (ETSI TS 102 114, 5.3)
    *(0x1FFFE800, 0xFF1F00E8),  # the same in 14 bits, as on discs
    *(0x64582025, 0xF8726FBA),  # DTS-HD (7.4), TrueHD
)
"""What frames begin with of codecs that FFmpeg finds wherever the first frame is."""

_FEWEST_FRAMES = 3
"""FFmpeg wants four; loud noise has one now and then."""

_AT_THE_START = re.compile(
    rb"\x0B\x77|\x77\x0B|\x01\x10\0"  # AC-3 and E-AC-3 (ETSI TS 102 366), of either byte order
    rb"|\xFF[\xF0\xF1\xF8\xF9]|\x56[\xE0-\xFF]"  # AAC: ADTS and LOAS (ISO/IEC 14496-3, 1.A.3, 1.7)
    rb"|\xFF[\xE0-\xFF][\x10-\xEF]|ID3"  # MPEG audio (ISO/IEC 11172-3, 2.4.2.3), and its tag
)
"""What frames begin with of codecs that FFmpeg hardly finds where no file begins with one."""


def may_be_coded(data: bytes) -> bool:
    """Whether FFmpeg might find another codec than PCM in the first samples of a WAV file.

    It takes a millisecond to find none, and this some microseconds. True of some that are PCM.

    Args:
        data: the first `PROBED_BYTES` of the samples, or all that there are.
    """
    data = data.ljust(8, b"\0")
    # Frames begin with a sample, and so at either half of such a word.
    halves = (np.frombuffer(data[at:], ">u4", (len(data) - at) // 4) for at in (0, 2))
    words = [half.astype(np.uint32) for half in halves]
    for sync in _ANYWHERE:
        if sum(np.count_nonzero(half == sync) for half in words) >= _FEWEST_FRAMES:
            return True
    return _AT_THE_START.match(data.lstrip(b"\0")) is not None
