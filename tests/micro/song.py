"""The demo song: a synthetic band and a spoken voice, the same on every machine.

    python -m tests.micro.song song.wav --stems stems/

The band is computed. The voice is a recording of eSpeak NG, `vocals.flac`, with the times of its
sentences in `vocals.json`, so that only whoever records it again (`--record`) needs eSpeak NG.
"""

from __future__ import annotations

import argparse
import json
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from tests.micro.band import band
from tests.micro.instruments import SAMPLE_RATE
from tests.micro.speech import SAMPLE_RATE as VOICE_RATE
from tests.micro.speech import SENTENCES, speak

__all__ = ["SAMPLE_RATE", "Song", "band", "demo_song", "vocals", "write_demo_song"]

DEMO_SEED = 2024
"""The demo's band. The models are trained on other seeds only."""

_SECONDS = 20.0
SPOKEN = (0, 3, 9)
"""Indices of the demo's sentences in `SENTENCES`; the separator never hears them in training."""

_FIRST_SENTENCE_SECONDS, _GAP_SECONDS = 3.5, 2.5
_TAKE = Path(__file__).with_name("vocals.flac")
_TIMES = Path(__file__).with_name("vocals.json")
_PEAK = 0.9


@dataclass(frozen=True, eq=False)
class Song:
    """A song with everything that a perfect separator and transcriber would find in it."""

    stems: dict[str, NDArray[np.float32]]
    """`drums`, `bass`, `other`, `vocals`, each of shape `(2, frames)` at 44 100 Hz."""
    mix: NDArray[np.float32]
    """Sum of the stems, shape `(2, frames)`, peak below 1."""
    sentences: tuple[tuple[float, float, str], ...]
    """`(start, end, text)` of what the voice says, in seconds."""


def vocals(
    dry: NDArray[np.float32], *, seed: int, level_decibels: float = -14.0
) -> NDArray[np.float32]:
    """Put a voice into a small stereo room.

    Args:
        dry: the voice, mono, shape `(samples,)` at 22 050 Hz.
        seed: chooses the room.
        level_decibels: RMS of the voice where it is heard, full scale is 0.

    Returns:
        float32, shape `(2, 2 * samples)` at 44 100 Hz.
    """
    rng = np.random.default_rng(seed)
    voice = soxr.resample(dry.astype(np.float32), VOICE_RATE, SAMPLE_RATE)
    frames = 2 * dry.size
    voice = np.pad(voice, (0, max(0, frames - voice.size)))[:frames]
    tail = round(0.35 * SAMPLE_RATE)
    decay = np.exp(-np.arange(tail) / (rng.uniform(0.03, 0.08) * SAMPLE_RATE))
    room = rng.standard_normal((2, tail)) * decay
    room *= rng.uniform(0.1, 0.3) / np.sqrt(np.sum(room**2, axis=1, keepdims=True))
    room[:, 0] += 1.0
    size = frames + tail
    wet = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(room, size), size)[:, :frames]
    heard = np.abs(voice) > 0.01
    rms = np.sqrt(np.mean(wet[:, heard] ** 2)) if heard.any() else 1.0
    return np.asarray(wet * (10 ** (level_decibels / 20) / rms), np.float32)


def demo_song() -> Song:
    """Make the demo song, 20 s."""
    stems = band(DEMO_SEED, _SECONDS)
    stems["vocals"] = vocals(_read_take(), seed=DEMO_SEED)
    peak = np.abs(sum(stems.values())).max()
    stems = {name: stem * np.float32(_PEAK / peak) for name, stem in stems.items()}
    mix = np.asarray(sum(stems.values()), np.float32)
    sentences = json.loads(_TIMES.read_text(encoding="utf-8"))
    return Song(stems, mix, tuple((start, end, text) for start, end, text in sentences))


def write_demo_song(path: Path) -> None:
    """Write the mix as a 16-bit WAV."""
    _write_wav(path, demo_song().mix)


def _write_wav(path: Path, samples: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(samples.T * 32767).clip(-32768, 32767).astype("<i2").tobytes())


def _read_take() -> NDArray[np.float32]:
    with av.open(str(_TAKE)) as file:
        blocks = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
    return np.asarray(np.concatenate(blocks) / 32768, np.float32)


def _record_take() -> None:
    """Let eSpeak NG say the sentences, and write the take and its times."""
    take = np.zeros(round(_SECONDS * VOICE_RATE), np.float32)
    times = []
    start = _FIRST_SENTENCE_SECONDS
    for number in SPOKEN:
        speech = speak(SENTENCES[number])
        first = round(start * VOICE_RATE)
        take[first : first + speech.samples.size] = speech.samples
        end = start + speech.samples.size / VOICE_RATE
        times.append((round(start, 3), round(end, 3), SENTENCES[number]))
        start = end + _GAP_SECONDS
    with av.open(str(_TAKE), "w") as file:
        stream = file.add_stream("flac", rate=VOICE_RATE, layout="mono")
        samples = np.round(take * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE
        file.mux([*stream.encode(frame), *stream.encode(None)])
    lines = ",\n".join(f"  {json.dumps(sentence)}" for sentence in times)
    _TIMES.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main() -> None:
    """Write the demo song, its stems if wanted, or record the voice again."""
    parser = argparse.ArgumentParser(description="Write the demo song as 16-bit WAV.")
    parser.add_argument("path", type=Path, nargs="?", help="where the mix goes")
    parser.add_argument("--stems", type=Path, metavar="DIR", help="write the stems there as well")
    parser.add_argument("--record", action="store_true", help="record the voice (eSpeak NG)")
    options = parser.parse_args()
    if options.record:
        _record_take()
    if options.path:
        write_demo_song(options.path)
    if options.stems:
        options.stems.mkdir(parents=True, exist_ok=True)
        for name, stem in demo_song().stems.items():
            _write_wav(options.stems / f"{name}.wav", stem)


if __name__ == "__main__":
    main()
