"""What `neuralib doctor` looks at, one line each."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import get_args

from neuralib import __version__
from neuralib.audio.encode import check_encoder
from neuralib.cli.cluster.checks import cluster_checks
from neuralib.engines.pool import engine_class
from neuralib.errors import NeuraLibError
from neuralib.models.open import open_store
from neuralib.settings import Settings, config_files
from neuralib.tasks import AudioFormat, MidiTask, SeparateTask, TranscribeTask


@dataclass(frozen=True)
class Check:
    """One thing that is here, or not."""

    area: str
    name: str
    ok: bool
    found: str
    advice: str = ""
    """What to type or do where it is not ok."""
    needed: bool = True
    """One of the three tasks cannot run without it."""


LIBRARIES = {
    "torch": ("separate", "pip install torch"),
    "demucs": ("separate", "pip install demucs"),
    "basic-pitch": ("midi", "neuralib models pull basic-pitch"),
    "onnxruntime": ("midi", "pip install onnxruntime"),
    "faster-whisper": ("transcribe", "pip install faster-whisper"),
    "openai-whisper": ("transcribe", "pip install openai-whisper"),
    "av": ("audio", "pip install av"),
    "soxr": ("audio", "pip install soxr"),
}
"""Distribution, what it is for, and how it is installed."""

DEFAULTS = (SeparateTask(), MidiTask(), TranscribeTask())


def run_checks(settings: Settings) -> list[Check]:
    """Look at everything; what is broken becomes a check that is not ok."""
    return [
        *_machine(settings),
        *_libraries(),
        *_formats(),
        *_models(settings),
        *cluster_checks(settings),
    ]


def _machine(settings: Settings) -> Iterator[Check]:
    area = "machine"
    yield Check(area, "neuralib", True, f"{__version__}, Python {platform.python_version()}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check(area, "processor", True, f"{platform.machine()}, {cores} cores")
    for task in DEFAULTS:
        yield _device(settings.device, task)
    files = [str(path) for path in config_files() if path.is_file()]
    yield Check(area, "config", True, ", ".join(files) or "no neuralib.toml: defaults")


def _device(wish: str, task: SeparateTask | MidiTask | TranscribeTask) -> Check:
    name = f"device ({task.kind})"
    try:
        there = engine_class(task).place(wish, "auto")
    except NeuraLibError as error:
        return Check("machine", name, False, wish, error.message)
    except ImportError as error:
        return Check("machine", name, False, f"not known: {error}", "see the libraries below")
    found = f"{wish} means {there.device}, precision auto means {there.precision}"
    return Check("machine", name, True, found)


def _libraries() -> Iterator[Check]:
    for name, (purpose, advice) in LIBRARIES.items():
        try:
            yield Check("libraries", f"{name} ({purpose})", True, version(name))
        except PackageNotFoundError:
            yield Check("libraries", f"{name} ({purpose})", False, "not installed", advice)


def _formats() -> Iterator[Check]:
    for format in get_args(AudioFormat):
        try:
            check_encoder(format, 16)
            yield Check("formats", format, True, "can be written", needed=False)
        except NeuraLibError as error:
            yield Check("formats", format, False, "cannot be written", error.message, needed=False)


def _models(settings: Settings) -> Iterator[Check]:
    folder = settings.models_folder
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free / 1e9
    yield Check("models", "folder", True, f"{folder} ({free:.0f} GB free)")
    store = open_store(settings)
    for task in DEFAULTS:
        name = f"{task.model} ({task.kind})"
        try:
            files = store.locate(task.model, task.kind)
            yield Check("models", name, True, str(files.paths[0].parent))
        except NeuraLibError as error:
            advice = f"neuralib models pull {task.model}"
            yield Check("models", name, False, error.message.partition(";")[0], advice)
