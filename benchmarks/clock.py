"""Clicks at the start and the end of an hour: `python -m benchmarks.clock [MINUTES]`.

Writes silence with a click at second 1 and one a second before the end, in every container and
codec that the tests know, decodes it as every task does (`decode`, and `read` at the 16 kHz of
Whisper), and prints by how many milliseconds each click is late.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from neuralib.audio.decode import decode
from neuralib.audio.shape import read
from tests.audio.clicks import lateness, write_clicks
from tests.audio.containers import LOSSLESS, LOSSY

SPEECH_RATE = 16_000


def main() -> None:
    seconds = 60 * int(sys.argv[1] if len(sys.argv) > 1 else 60)
    print("| container | codec | rate | start | end | start at 16 kHz | end at 16 kHz | longer |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind in LOSSY + LOSSLESS:
            rate = 44_100 if 44_100 in kind.rates else kind.rates[-1]
            path = write_clicks(Path(folder) / f"hour.{kind.suffix}", kind, rate, seconds)
            own = lateness(decode(path), rate, rate, seconds)
            speech = lateness(read(path, SPEECH_RATE, 1), SPEECH_RATE, rate, seconds)
            texts = [f"{1000 * late:.2f}" for late in (*own[:2], *speech[:2], own[2])]
            print(f"| {kind.suffix} | {kind.codec} | {rate} | {' | '.join(texts)} |", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
