"""How long a user waits for the first answer: `python -m benchmarks.startup [CLIP]`.

Prints the median and the spread of whole commands, each in a process of its own, in turn.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.process import NEURALIB, measure
from tests.audio_files import noise, write_wav

ROUNDS = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = Path(sys.argv[1]).resolve() if sys.argv[1:] else folder / "nine seconds.wav"
        if not sys.argv[1:]:
            write_wav(clip, noise(44100 * 9, channels=1))
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "neuralib --help": [*NEURALIB, "--help"],
            f"neuralib midi {clip.name!r}": [*NEURALIB, "midi", str(clip), "-o", str(folder)],
        }
        seconds: dict[str, list[float]] = {label: [] for label in commands}
        for _ in range(ROUNDS):
            for label, words in commands.items():
                seconds[label].append(measure(words, folder).seconds)
    print("| command | median s | least s | most s |\n|---|---|---|---|")
    for label, values in seconds.items():
        median = statistics.median(values)
        print(f"| `{label}` | {median:.2f} | {np.min(values):.2f} | {np.max(values):.2f} |")


if __name__ == "__main__":
    main()
