"""The stems flow: any blocks, any length, constant memory, and an end at any time."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from neuralib.errors import UsageError
from neuralib.models.files import ModelFiles
from tests.demucs_checkpoints import SOURCES, make_model, save_safetensors
from tests.demucs_runs import blocks_of, engine_for, level, make_mix, separate, snr_db

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A bag of all three classes, with segments of half a second and of a second."""
    folder = tmp_path_factory.mktemp("bag")
    return ModelFiles(
        "bag",
        tuple(
            save_safetensors(make_model(klass), folder / f"{klass.__name__}.safetensors")
            for klass in (HTDemucs, HDemucs, Demucs)
        ),
    )


def start(engine, blocks, mix, overlap=0.25):
    return engine.separate(blocks, level(mix), SOURCES, overlap=overlap, shifts=0, seed=0)


@pytest.mark.parametrize("block_frames", [37, 4000, 100_000])
def test_the_blocks_do_not_matter(files, block_frames):
    engine, mix = engine_for(files), make_mix(18_000)
    np.testing.assert_array_equal(
        separate(engine, mix, block_frames=block_frames), separate(engine, mix)
    )


def test_stems_come_while_the_mix_is_still_arriving(files):
    mix = make_mix(40_000)
    arrived = []

    def watched():
        for block in blocks_of(mix, 1000):
            arrived.append(block.shape[-1])
            yield block

    given = 0
    longest = 8000
    for part in start(engine_for(files), watched(), mix):
        given += part.shape[-1]
        assert sum(arrived) - given <= 3 * longest
    assert given == 40_000


def test_no_samples_give_no_stems(files):
    assert list(start(engine_for(files), iter(()), make_mix(1))) == []


def test_silence_stays_silent(files):
    assert not separate(engine_for(files), np.zeros((2, 20_000), np.float32)).any()


def test_the_end_of_the_listener_is_the_end_of_everything(files):
    mix, closed = make_mix(60_000), []

    def source():
        try:
            yield from blocks_of(mix, 1000)
        finally:
            closed.append(True)

    parts = start(engine_for(files), source(), mix)
    next(parts)
    parts.close()
    assert closed == [True]


def test_a_failing_source_is_told_to_the_listener(files):
    mix = make_mix(60_000)

    def source():
        yield from blocks_of(mix[:, :30_000])
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(start(engine_for(files), source(), mix))


def test_an_overlap_without_a_step_is_refused(tmp_path):
    model = make_model(Demucs, segment=Fraction(10, 8000))
    path = save_safetensors(model, tmp_path / "tiny.safetensors")
    engine = engine_for(ModelFiles("tiny", (path,)))
    with pytest.raises(UsageError, match=r"overlap 0.95 leaves no step .* of 10 frames"):
        start(engine, iter(()), make_mix(1), overlap=0.95)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near(files, precision):
    mix = make_mix(9000)
    exact = separate(engine_for(files), mix)
    assert 30 < snr_db(exact, separate(engine_for(files, precision), mix)) < 100


PEAK = """
import sys
import numpy as np
import torch
from pathlib import Path
from neuralib.engines.base import Normalisation
from neuralib.models.files import ModelFiles
from tests.demucs_runs import engine_for

torch.set_num_threads(1)
path, seconds = Path(sys.argv[1]), int(sys.argv[2])
engine = engine_for(ModelFiles("tiny", (path,)))
random = np.random.default_rng(0)
blocks = (random.standard_normal((2, 8000), np.float32) for _ in range(seconds))
parts = engine.separate(
    blocks, Normalisation(0.0, 1.0), engine.sources, overlap=0.25, shifts=0, seed=0
)
assert sum(part.shape[-1] for part in parts) == 8000 * seconds
# A child's `ru_maxrss` counts the size of its parent; VmHWM begins anew with the program.
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
print(peak.split()[1])
"""


def test_ten_minutes_take_the_memory_of_one(tmp_path):
    model = make_model(HTDemucs, segment=5, dconv_mode=0, rewrite=False)
    path = save_safetensors(model, tmp_path / "tiny.safetensors")

    def peak(seconds):
        words = [sys.executable, "-c", PEAK, str(path), str(seconds)]
        done = subprocess.run(words, capture_output=True, cwd=ROOT, check=True)
        return int(done.stdout)

    assert peak(600) < 1.15 * peak(60)  # keeping the stems would give 1.4
