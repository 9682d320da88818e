"""A part of `benchmarks.rows.midi`: the second run of a loaded model, told as JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from neuralib.audio.shape import read
from neuralib.engines.pool import Engines
from neuralib.midi.create import create_notes
from neuralib.midi.encode import encode_notes
from neuralib.midi.score import Score
from neuralib.models.store import Store
from neuralib.tasks import MidiTask


def main() -> None:
    engine = Engines(Store(Path(os.environ["NEURALIB_MODELS_DIR"])), "cpu").get(MidiTask())
    for _ in range(2):
        started, used = time.perf_counter(), time.process_time()
        activations = engine.track(read(Path(sys.argv[1]), engine.sample_rate, 1))
        encode_notes(create_notes(activations, MidiTask()), "mid", Score())
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - used
    scale = 1 if sys.platform == "darwin" else 1024
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
    print(json.dumps([seconds, cpu_seconds, peak_mb]))


if __name__ == "__main__":
    main()
