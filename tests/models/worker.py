"""One process that uses a store: `python -m tests.models.worker pull|prepare FOLDER ...`."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

from neuralib.errors import NeuraLibError
from neuralib.models.files import ModelFiles
from neuralib.models.store import Store
from tests.models.conftest import CATALOGUE


def pull(folder: str, hub_url: str, most_bytes: str = "") -> None:
    """Pull the model `one`; `most_bytes`: no file may grow longer, as on a full disk."""
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
    store = Store(Path(folder), hub_url=hub_url or None, catalogue=CATALOGUE)
    print("pulling", flush=True)
    store.pull("one", lambda transfer: print(transfer.done_bytes, flush=True))


def prepare(folder: str, checkpoint: str, log: str, hold: str) -> None:
    """Prepare the form `words` of a checkpoint; `hold`: build until that file is there."""

    def build(place: Path) -> None:
        (place / "first.bin").write_text("first")
        with Path(log).open("a") as lines:
            lines.write(f"built by {os.getpid()}\n")
        while not Path(hold).exists():
            time.sleep(0.01)
        (place / "last.bin").write_text("last")

    model = ModelFiles("any", (Path(checkpoint),))
    print("preparing", flush=True)
    print(Store(Path(folder)).prepared(model, "words", build))


if __name__ == "__main__":
    try:
        {"pull": pull, "prepare": prepare}[sys.argv[1]](*sys.argv[2:])
    except NeuraLibError as error:
        sys.exit(f"{type(error).__name__}: {error.message}")
