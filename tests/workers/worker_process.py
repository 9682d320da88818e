"""A worker as its own process, whose children do what the samples are called.

Arguments: data folder, database, Redis, seconds of grace, and what to do: `scripted` or `engines`.
Where it ends by itself, it prints which heavy libraries it has imported.
"""

from __future__ import annotations

import sys

HEAVY = ("torch", "numpy", "av", "ctranslate2", "onnxruntime", "demucs", "neuralib.engines")

if __name__ == "__main__":  # its children import this file too, and need nothing of what follows
    import logging
    from pathlib import Path

    from neuralib.settings import Settings
    from neuralib.workers.compute import open_engines
    from neuralib.workers.main import run_worker
    from tests.workers.computes import open_scripted

    folder, database, redis, grace, compute = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    settings = Settings(
        data_dir=Path(folder),
        database_url=database,  # type: ignore[arg-type]  # pydantic makes them secret
        redis_url=redis,  # type: ignore[arg-type]
        offline=True,
    )
    run_worker(
        settings,
        grace_seconds=float(grace),
        open_compute=open_scripted if compute == "scripted" else open_engines,
    )
    print("imported:", *(name for name in HEAVY if name in sys.modules))
