"""Stems: `neuralib separate` beside demucs' command and audio-separator's.

All have the same random weights, as large as the released htdemucs, and the same noise, which takes
the same arithmetic as music.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.htdemucs import SOURCES, write_models
from benchmarks.peers import find
from benchmarks.process import NEURALIB, Cost, measure
from benchmarks.stand_ins import write_song
from benchmarks.work import Options, Work, elsewhere

SECONDS = 180.0
WARM_UP_SECONDS = 2.0
LISTS = (
    "vr_download_list",
    "mdx_download_list",
    "mdx_download_vip_list",
    "mdx23c_download_list",
    "mdx23c_download_vip_list",
    "roformer_download_list",
)
"""What audio-separator expects in its list of models, and would fetch."""


def separate(options: Options, folder: Path) -> Work:
    """All four stems."""
    seconds = options.seconds or SECONDS
    write_models(folder)
    _list_for_audio_separator(folder)
    model = str(folder / "random0.th")
    repo = ["--repo", str(folder), "-n", "random0", "-d", "cpu"]
    words = {
        "demucs": ["--shifts", "0", "--float32", *repo, "-o", "demucs"],
        "audio-separator": [
            *("-m", "one.yaml", "--model_file_dir", str(folder), "--demucs_shifts", "0"),
            *("--output_format", "WAV", "--normalization", "1.0", "--output_dir", "separator"),
        ],
        "neuralib": _ours(model, "auto"),
        "neuralib fp32": _ours(model, "fp32"),
    }
    places = {
        "demucs": str(folder / "demucs" / "random0" / "{song}" / "{stem}.wav"),
        "audio-separator": str(folder / "separator" / "{song}_({Stem})_one.wav"),
        "neuralib": str(folder / "auto" / "{song}" / "{stem}.wav"),
        "neuralib fp32": str(folder / "fp32" / "{song}" / "{stem}.wav"),
    }
    about = (
        f"All stems of {seconds:g} s of stereo noise, with random weights of htdemucs' "
        "size, no shifts; demucs and we write 32-bit float. audio-separator, which would fetch a "
        "list of models, finds one of ours; it writes 16 bits, which limits its dB."
    )
    return _work(options, folder, words, places, SOURCES, seconds, about)


def one_stem(options: Options, folder: Path) -> Work:
    """The vocals and the rest, by a bag of four models of which one knows the vocals."""
    seconds = options.seconds or SECONDS
    write_models(folder)
    bag = ["--two-stems", "vocals"]
    repo = ["--repo", str(folder), "-n", "bag", "-d", "cpu"]
    words = {
        "demucs": ["--shifts", "0", "--float32", *repo, "-o", "demucs", *bag],
        "neuralib": [*_ours(str(folder / "bag.yaml"), "auto"), *bag],
    }
    places = {
        "demucs": str(folder / "demucs" / "bag" / "{song}" / "{stem}.wav"),
        "neuralib": str(folder / "auto" / "{song}" / "{stem}.wav"),
    }
    about = (
        f"The vocals and the rest of {seconds:g} s, by a bag of four models, each with "
        "the weight for one stem, as htdemucs_ft is; `--two-stems vocals`."
    )
    return _work(options, folder, words, places, ("vocals",), seconds, about)


def _ours(model: str, precision: str) -> list[str]:
    here = ["--device", "cpu", "--precision", precision, "--bit-depth", "32"]
    return ["--model", model, "-o", precision, "-q", *here]


def _work(
    options: Options,
    folder: Path,
    words: dict[str, list[str]],
    places: dict[str, str],
    stems: tuple[str, ...],
    seconds: float,
    about: str,
) -> Work:
    song = write_song(folder / "song.wav", seconds / 60)
    short = write_song(folder / "short.wav", WARM_UP_SECONDS / 60)
    environment = os.environ | {"NEURALIB_MODELS_DIR": str(folder / "models")}
    names = options.wants(*words)
    programs = {
        name: [*NEURALIB, "separate"]
        if name.startswith("neuralib")
        else [find(name, name, options.peers)]
        for name in names
    }

    def run(name: str, recording: Path) -> Cost:
        command = [*programs[name], str(recording), *words[name]]
        return measure(command, folder, environment)

    def warm_up() -> None:
        for name in names:
            run(name, short)

    def compare() -> dict[str, float]:
        there = {name: places[name] for name in names}
        return elsewhere(snr_db, there, song.stem, stems)

    return Work(
        about,
        seconds,
        {name: lambda name=name: run(name, song) for name in names},
        compare,
        "dB from demucs",
        {"neuralib": 40.0, "neuralib fp32": 80.0},
        warm_up,
    )


def snr_db(places: dict[str, str], song: str, stems: tuple[str, ...]) -> dict[str, float]:
    """Signal-to-noise ratio of each program's worst stem, demucs' being the signal.

    Args:
        places: pattern of the stems' paths by program.
        song: its name.
        stems: names of the stems.
    """
    import numpy as np
    import soundfile

    def level(name: str, stem: str) -> float:
        signal = noise = 0.0
        paths = [
            places[each].format(song=song, stem=stem, Stem=stem.title())
            for each in ("demucs", name)
        ]
        with soundfile.SoundFile(paths[0]) as theirs, soundfile.SoundFile(paths[1]) as ours:
            if theirs.frames != ours.frames:
                return -np.inf
            for reference, block in zip(theirs.blocks(65_536), ours.blocks(65_536), strict=True):
                signal += float(np.square(reference).sum())
                noise += float(np.square(reference - block).sum())
        return 10 * float(np.log10(signal / max(noise, 1e-30)))

    if "demucs" not in places:
        return {}
    return {name: min(level(name, stem) for stem in stems) for name in places if name != "demucs"}


def _list_for_audio_separator(folder: Path) -> None:
    (folder / "one.yaml").write_text("models: [random0]\n", encoding="utf-8")
    models = {"Demucs v4: random": {"random0.th": "random0.th", "one.yaml": "one.yaml"}}
    listed = {"demucs_download_list": models} | {name: {} for name in LISTS}
    (folder / "download_checks.json").write_text(json.dumps(listed), encoding="utf-8")
