"""A part of `benchmarks.rows.midi`, run by basic-pitch's own Python: its second run as JSON."""

import json
import resource
import sys
import time

from basic_pitch import FilenameSuffix, build_icassp_2022_model_path
from basic_pitch.inference import Model, predict

model = Model(build_icassp_2022_model_path(FilenameSuffix.onnx))
for _ in range(2):
    started, used = time.perf_counter(), time.process_time()
    predict(sys.argv[1], model)[1]
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - used
scale = 1 if sys.platform == "darwin" else 1024
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
print()
print(json.dumps([seconds, cpu_seconds, peak_mb]))
