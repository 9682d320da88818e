"""Measure the micro Whisper with openai-whisper's own `transcribe()`, default options.

python -m tests.micro.measure_whisper tests/micro/whisper_micro.pt
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
import whisper
from numpy.typing import NDArray
from whisper.audio import SAMPLE_RATE

from tests.micro import song
from tests.micro.listening import HELD_OUT_VOICES, VOICES
from tests.micro.separations import for_whisper, separated_voice, separator
from tests.micro.speech import SAMPLE_RATE as VOICE_RATE
from tests.micro.speech import SENTENCES, speak

Mono = NDArray[np.float32]
Said = tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class Score:
    """How well one recording was understood."""

    wrong_words: int
    """Edit distance in words."""
    words: int
    """Words that were said."""
    worst_edge: float
    """Largest error of a segment's start or end in seconds; infinite for another segmentation."""


def words_of(text: str) -> list[str]:
    """Words without case and punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def edit_distance(found: list[str], true: list[str]) -> int:
    """Words to change, add or take away."""
    row = list(range(len(true) + 1))
    for i, word in enumerate(found, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(true, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]


def score(result: dict[str, Any], said: Said) -> Score:
    """Compare a transcription with what was said."""
    found = [part for part in result["segments"] if part["text"].strip()]
    true = words_of(" ".join(text for _, _, text in said))
    worst = float("inf")
    if len(found) == len(said):
        edges = [
            max(abs(part["start"] - start), abs(part["end"] - end))
            for part, (start, end, _) in zip(found, said, strict=True)
        ]
        worst = max(edges, default=0.0)
    return Score(edit_distance(words_of(result["text"]), true), len(true), worst)


def readings(voice: str, seed: int, speed_wpm: int) -> tuple[Mono, Said]:
    """All sentences by one voice, 1 to 4 s apart."""
    rng = np.random.default_rng(seed)
    track, said, time = [], [], 0.0
    for number in rng.permutation(len(SENTENCES)):
        gap = rng.uniform(0.3, 4.0)
        samples = speak(SENTENCES[number], voice=voice, speed_wpm=speed_wpm).samples
        samples = soxr.resample(samples, VOICE_RATE, SAMPLE_RATE)
        track += [np.zeros(round(gap * SAMPLE_RATE), np.float32), samples]
        time += round(gap * SAMPLE_RATE) / SAMPLE_RATE
        said.append((time, time + samples.size / SAMPLE_RATE, SENTENCES[number]))
        time = said[-1][1]
    return np.concatenate([*track, np.zeros(SAMPLE_RATE, np.float32)]), tuple(said)


def cases() -> Iterator[tuple[str, Mono, Said]]:
    """Name, audio at 16 kHz and what is said in it."""
    demo = song.demo_song()
    vocals = demo.stems["vocals"]
    backing = demo.mix - vocals
    heard = np.abs(vocals).mean(axis=0) > 0.005
    ratio = np.sqrt(np.mean(vocals[:, heard] ** 2) / np.mean(backing**2))
    yield "demo vocals", for_whisper(vocals), demo.sentences
    yield "demo vocals as separated", separated_voice(separator(), demo.mix), demo.sentences
    for decibels in (20, 15, 10, 5, 0):
        leak = backing * np.float32(ratio * 10 ** (-decibels / 20))
        yield f"demo vocals, band {decibels} dB below", for_whisper(vocals + leak), demo.sentences
    yield (
        f"demo mix, band {20 * np.log10(ratio):.1f} dB below",
        for_whisper(demo.mix),
        demo.sentences,
    )
    yield "silence", np.zeros(20 * SAMPLE_RATE, np.float32), ()
    noise = np.random.default_rng(0).standard_normal(20 * SAMPLE_RATE).astype(np.float32)
    yield "noise", 0.01 * noise, ()
    yield "demo band alone", for_whisper(backing), ()
    for seed, voice in enumerate((*dict.fromkeys(VOICES), *HELD_OUT_VOICES)):
        kind = "held-out" if voice in HELD_OUT_VOICES else "trained"
        yield f"{kind} voice {voice}", *readings(voice, seed, 120 + 10 * (seed % 5))


def main() -> None:
    """Print a line for every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--say", action="store_true", help="print the segments as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    wrong: Counter[str] = Counter()
    words: Counter[str] = Counter()
    model = whisper.load_model(str(options.checkpoint), device="cpu")
    for name, audio, said in cases():
        if options.only not in name:
            continue
        result = model.transcribe(audio, fp16=False)
        found = score(result, said)
        print(
            f"{name}: {found.wrong_words} of {found.words} words wrong, "
            f"worst edge {found.worst_edge:.2f} s"
        )
        kind, _, voice = name.partition(" voice ")
        if voice:
            wrong[kind] += found.wrong_words
            words[kind] += found.words
        if options.say:
            for part in result["segments"]:
                print(f"  {part['start']:6.2f} {part['end']:6.2f} {part['text']}")
    for kind, count in words.items():
        print(f"{kind} voices: {wrong[kind]} of {count} words wrong")


if __name__ == "__main__":
    main()
