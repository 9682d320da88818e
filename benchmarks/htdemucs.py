"""Random models as large as the released htdemucs, and a bag of four, as htdemucs_ft is."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.process import ROOT, measure

SOURCES = ("drums", "bass", "other", "vocals")

_MODELS = """
import pathlib, sys
from demucs.htdemucs import HTDemucs
from tests.demucs_checkpoints import FULL_SIZE, make_model, save_package
folder = pathlib.Path(sys.argv[1])
for seed in range(4):
    model = make_model(HTDemucs, seed, **FULL_SIZE)
    save_package(model, folder / f"random{seed}.th")
"""
_BAG = """models: [random0, random1, random2, random3]
weights: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
"""


def write_models(folder: Path) -> None:
    """Write `random0.th` to `random3.th` and `bag.yaml`, each model with the weight for one stem.

    That is done in a process of its own: a child's peak memory counts its parent's size.
    """
    measure([sys.executable, "-c", _MODELS, str(folder)], ROOT)
    (folder / "bag.yaml").write_text(_BAG, encoding="utf-8")
