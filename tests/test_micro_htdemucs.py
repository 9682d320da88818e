"""The micro HTDemucs really separates the demo song, read and run by demucs itself."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from demucs.hf import load_safetensors_model
from demucs.htdemucs import HTDemucs

from tests.micro import song
from tests.micro.train_htdemucs import SOURCES, save, separate, song_sdr

CHECKPOINT = Path(song.__file__).with_name("htdemucs_micro.safetensors")


@pytest.fixture(scope="module")
def model() -> HTDemucs:
    loaded = load_safetensors_model(CHECKPOINT)
    assert isinstance(loaded, HTDemucs)
    return loaded


@pytest.fixture(scope="module")
def demo() -> song.Song:
    return song.demo_song()


def test_the_checkpoint_is_a_small_htdemucs(model: HTDemucs) -> None:
    assert CHECKPOINT.stat().st_size < 3_000_000
    assert (model.sources, model.samplerate, model.audio_channels) == (SOURCES, 44100, 2)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_saved_model_reads_back(model: HTDemucs, tmp_path: Path) -> None:
    save(model, tmp_path / "again.safetensors")
    again = load_safetensors_model(tmp_path / "again.safetensors")
    assert again.segment == model.segment == Fraction(3)
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert [path.name for path in tmp_path.iterdir()] == ["again.safetensors"]


def test_every_stem_is_at_least_8_db_better_than_the_mix(model: HTDemucs, demo: song.Song) -> None:
    mix = torch.from_numpy(demo.mix)
    for name, estimate in zip(SOURCES, separate(model, mix), strict=True):
        stem = torch.from_numpy(demo.stems[name])
        assert song_sdr(estimate, stem) - song_sdr(mix, stem) >= 8, name
        # Silence scores 0 dB, which is some decibels better than the mix; a separation beats it.
        assert song_sdr(estimate, stem) > 3, name


def test_the_demo_song_is_the_sum_of_its_stems(demo: song.Song) -> None:
    assert set(demo.stems) == set(SOURCES)
    assert demo.mix.dtype == np.float32
    assert {stem.shape for stem in demo.stems.values()} == {demo.mix.shape} == {(2, 882_000)}
    assert np.array_equal(sum(demo.stems.values()), demo.mix)
    assert 0.5 < np.abs(demo.mix).max() < 1


def test_the_voice_is_heard_in_its_sentences_only(demo: song.Song) -> None:
    voice = demo.stems["vocals"]
    spoken = np.zeros(voice.shape[1], bool)
    for start, end, text in demo.sentences:
        assert text
        # Resampling rings a little before a word, the room after it.
        spoken[round((start - 0.05) * 44100) : round((end + 0.4) * 44100)] = True
    assert np.abs(voice[:, spoken]).max() > 0.1
    assert np.abs(voice[:, ~spoken]).max() < 0.001


def test_another_seed_is_another_song_and_the_same_seed_the_same() -> None:
    first, again, other = (song.band(seed, 2.0) for seed in (7, 7, 8))
    for name, stem in first.items():
        assert np.array_equal(stem, again[name])
        assert not np.array_equal(stem, other[name])


def test_the_written_song_is_16_bit_stereo(tmp_path: Path, demo: song.Song) -> None:
    path = tmp_path / "song.wav"
    song.write_demo_song(path)
    with av.open(str(path)) as file:
        assert file.streams.audio[0].codec_context.name == "pcm_s16le"
        assert file.streams.audio[0].rate == 44100
        blocks = [frame.to_ndarray().astype(np.float32) for frame in file.decode(audio=0)]
    samples = np.concatenate(blocks, axis=1).reshape(-1, 2).T / 32768
    assert np.abs(samples - demo.mix).max() < 2 / 32768
