"""Train the micro HTDemucs on songs that it synthesises itself.

    python -m tests.micro.train_htdemucs --out tests/micro/htdemucs_micro.safetensors

The songs of the training, of the validation and of the demo are different songs; the sentences that
the demo speaks are never spoken here. Needs eSpeak NG. After every validation the averaged weights
are written, so an interrupted training leaves a model that works.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray
from safetensors.torch import save_file

from tests.micro.song import DEMO_SEED, SAMPLE_RATE, SPOKEN, Song, band, demo_song, vocals
from tests.micro.speech import SAMPLE_RATE as VOICE_RATE
from tests.micro.speech import SENTENCES, speak

SOURCES = ["drums", "bass", "other", "vocals"]

SEGMENT = Fraction(3)
"""Seconds that the finished model processes at once; it is trained on shorter examples, which
makes the batches more varied in the same time."""

KWARGS: dict[str, Any] = {
    "sources": SOURCES,
    "channels": 12,
    "growth": 2,
    "nfft": 4096,
    "depth": 4,
    "dconv_depth": 1,
    "dconv_comp": 4,
    "bottom_channels": 0,
    "t_layers": 1,
    "t_heads": 4,
    "t_hidden_scale": 2.0,
    "samplerate": SAMPLE_RATE,
    "segment": SEGMENT,
}

STEPS = 800
BATCH_SIZE = 3
EXAMPLE_SECONDS = 2.0
PEAK_LEARNING_RATE = 2e-3
WARM_UP_STEPS = 110
COSINE_STEPS = 2090
"""Longer than the training: the average of the weights calms them as a decay to zero would."""
AVERAGE_DECAY = 0.995

TRAINING_SONGS = range(10_000, 10_240)
VALIDATION_SONGS = range(20_000, 20_004)
SONG_SECONDS = 8.0
VOICE_TRACKS = 48
VOICE_TRACK_SECONDS = 30.0


def song_sdr(estimate: torch.Tensor, stem: torch.Tensor) -> float:
    """Signal-to-distortion ratio over a whole song in dB, all channels and samples together."""
    return float(10 * torch.log10(stem.square().sum() / (estimate - stem).square().sum()))


def separate(model: HTDemucs, mix: torch.Tensor) -> torch.Tensor:
    """Separate a mix `(2, frames)` as demucs does: shape `(4, 2, frames)`."""
    reference = mix.mean(0)
    normal = (mix - reference.mean()) / reference.std()
    stems = apply_model(model, normal[None], shifts=0, overlap=0.25)[0]
    return stems * reference.std() + reference.mean()


def save(model: HTDemucs, path: Path) -> None:
    """Write a model as demucs' hub does: half precision, class and arguments in the metadata."""

    def encode(value: object) -> object:
        if not isinstance(value, Fraction):
            raise TypeError(f"cannot store {value!r}")
        return {
            "_type": "fraction", "numerator": value.numerator, "denominator": value.denominator
        }  # fmt: skip

    metadata = {
        "klass": f"{HTDemucs.__module__}.{HTDemucs.__name__}",
        "args": "[]",
        "kwargs": json.dumps(KWARGS, default=encode),
    }
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    part = path.with_suffix(".part")
    save_file(state, part, metadata)
    part.replace(path)


def _sentence(rng: np.random.Generator) -> str:
    """Return words of the sentences that the demo does not speak, and words that do not exist."""
    known = [
        word
        for number, text in enumerate(SENTENCES)
        if number not in SPOKEN
        for word in text.rstrip(".").split()
    ]
    words = []
    for _ in range(rng.integers(4, 10)):
        if rng.random() < 0.5:
            words.append(str(rng.choice(known)))
        else:
            syllables = rng.integers(1, 4)
            words.append("".join(_syllable(rng) for _ in range(syllables)))
    return " ".join(words) + "."


def _syllable(rng: np.random.Generator) -> str:
    onset = rng.choice(["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "sh", "t", "v", "w"])
    vowel = rng.choice(["a", "e", "i", "o", "u", "ee", "ow", "ay"])
    return str(onset) + str(vowel) + str(rng.choice(["", "", "n", "r", "s", "t", "l"]))


def _voice_track(rng: np.random.Generator) -> NDArray[np.float16]:
    """Several sentences of one speaker, the demo's speaker every other time: `(2, frames)`."""
    default = rng.random() < 0.5
    voice = "en-us" if default else str(rng.choice(["en-us", "en", "en+m3", "en+f2", "en-us+f4"]))
    speed = int(rng.integers(130, 155) if default else rng.integers(110, 190))
    pitch = int(rng.integers(45, 55) if default else rng.integers(20, 80))
    take = np.zeros(round(VOICE_TRACK_SECONDS * VOICE_RATE), np.float32)
    first = 0
    while first < take.size:
        samples = speak(_sentence(rng), voice=voice, speed_wpm=speed, pitch=pitch).samples
        samples = samples[: take.size - first]
        take[first : first + samples.size] = samples
        first += samples.size + round(rng.uniform(0.2, 2.0) * VOICE_RATE)
    return vocals(take, seed=int(rng.integers(1 << 30))).astype(np.float16)


@dataclass(frozen=True)
class Pool:
    """Material of which examples are mixed."""

    bands: list[NDArray[np.float16]]
    """Drums, bass and other of a song, each of shape `(3, 2, frames)`."""
    voices: list[NDArray[np.float16]]
    """Each of shape `(2, frames)`."""

    @classmethod
    def render(cls) -> Pool:
        """Synthesise everything; takes a minute or two."""
        rng = np.random.default_rng(1)
        bands = [
            np.stack(list(band(seed, SONG_SECONDS).values())).astype(np.float16)
            for seed in TRAINING_SONGS
        ]
        return cls(bands, [_voice_track(rng) for _ in range(VOICE_TRACKS)])

    def example(self, rng: np.random.Generator, frames: int) -> NDArray[np.float32]:
        """Mix stems of one song, or of several, with a voice: `(4, 2, frames)`."""
        same_song = rng.random() < 0.5
        song, first = 0, 0
        stems = np.empty((4, 2, frames), np.float32)
        for index in range(3):
            if index == 0 or not same_song:
                song = int(rng.integers(len(self.bands)))
                first = int(rng.integers(self.bands[song].shape[2] - frames))
            stems[index] = self.bands[song][index, :, first : first + frames]
        voice = self.voices[int(rng.integers(len(self.voices)))]
        first = int(rng.integers(voice.shape[1] - frames))
        stems[3] = voice[:, first : first + frames]
        for stem in stems:
            stem *= 10 ** (rng.uniform(-6, 4) / 20) * rng.choice([-1, 1])
            if rng.random() < 0.5:
                stem[:] = stem[::-1].copy()
        return stems


def _batches(pool: Pool) -> Iterator[torch.Tensor]:
    """Endless batches `(batch, 4, 2, frames)`."""
    rng = np.random.default_rng(2)
    frames = round(EXAMPLE_SECONDS * SAMPLE_RATE)
    while True:
        yield torch.from_numpy(np.stack([pool.example(rng, frames) for _ in range(BATCH_SIZE)]))


def _validation() -> list[Song]:
    rng = np.random.default_rng(3)
    songs = []
    for seed in VALIDATION_SONGS:
        assert seed != DEMO_SEED
        stems = band(seed, SONG_SECONDS)
        frames = stems["drums"].shape[1]
        stems["vocals"] = _voice_track(rng)[:, :frames].astype(np.float32)
        songs.append(Song(stems, np.asarray(sum(stems.values()), np.float32), ()))
    return songs


def improvement(model: HTDemucs, song: Song) -> dict[str, float]:
    """How much better each stem is than the mix would be in its place, in dB SDR."""
    mix = torch.from_numpy(song.mix)
    estimates = separate(model, mix)
    gains = {}
    for name, estimate in zip(SOURCES, estimates, strict=True):
        stem = torch.from_numpy(song.stems[name])
        gains[name] = song_sdr(estimate, stem) - song_sdr(mix, stem)
    return gains


def _learning_rate(step: int) -> float:
    """Fraction of the peak: a linear start, then a cosine."""
    if step < WARM_UP_STEPS:
        return (step + 1) / WARM_UP_STEPS
    return 0.5 * (1 + math.cos(math.pi * (step - WARM_UP_STEPS) / COSINE_STEPS))


def train(out: Path) -> HTDemucs:
    """Train, and write the averaged weights to `out` after every validation."""
    torch.manual_seed(0)
    songs = _validation()
    model = HTDemucs(**KWARGS)
    average: HTDemucs = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _learning_rate)
    began, running = time.monotonic(), 0.0
    for step, stems in zip(range(1, STEPS + 1), _batches(Pool.render()), strict=False):
        mix = stems.sum(1)
        scale = mix.std(dim=(1, 2), keepdim=True)[:, None]
        model.train()
        loss = ((model(mix) - stems) / scale).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        _follow(average, model, min(AVERAGE_DECAY, step / (step + 10)))
        running += (loss.item() - running) / min(step, 50)
        if step % 50 == 0:
            _log(f"step {step} loss {running:.4f} after {time.monotonic() - began:.0f} s")
        if step % 200 == 0 or step == STEPS:
            save(average, out)
            _log_improvement("validation", [improvement(average, song) for song in songs])
    return average


@torch.no_grad()
def _follow(average: HTDemucs, model: HTDemucs, decay: float) -> None:
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def _log(line: str) -> None:
    print(line, flush=True)


def _log_improvement(name: str, gains: list[dict[str, float]]) -> None:
    means = ", ".join(f"{source} {np.mean([g[source] for g in gains]):.1f}" for source in SOURCES)
    _log(f"{name}: dB better than the mix: {means}")


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description="Train the micro HTDemucs (minutes to an hour).")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    _log_improvement("demo song", [improvement(train(options.out), demo_song())])


if __name__ == "__main__":
    main()
