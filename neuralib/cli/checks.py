"""What `neuralib doctor` looks at, one line each."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import get_args

from neuralib import __version__
from neuralib.cli.cluster.checks import cluster_checks
from neuralib.engines.refusal import brief
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


@dataclass(frozen=True)
class Library:
    """A distribution that a task needs, or runs faster with."""

    name: str
    purpose: str
    module: str | None
    """What is imported of it; None: only a file that it brings is read."""
    needed: bool = True


LIBRARIES = (
    Library("numpy", "audio", "numpy"),
    Library("av", "audio", "av"),
    Library("soxr", "audio", "soxr"),
    Library("torch", "separate", "torch"),
    Library("demucs", "separate", "demucs.htdemucs"),
    Library("basic-pitch", "midi", None),
    Library("onnxruntime", "midi", "onnxruntime"),
    Library("faster-whisper", "transcribe", "faster_whisper"),
    Library("openai-whisper", "transcribe", "whisper"),
    Library("openvino", "speed", "openvino", needed=False),
)
"""What the others need comes first: the first that is damaged is the cause."""

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
        from neuralib.engines.pool import engine_class

        there = engine_class(task).place(wish, "auto")
    except NeuraLibError as error:
        return Check("machine", name, False, wish, error.message)
    except ImportError as error:
        return Check("machine", name, False, f"not known: {error}", "see the libraries below")
    found = f"{wish} means {there.device}, precision auto means {there.precision}"
    return Check("machine", name, True, found)


def _libraries() -> Iterator[Check]:
    for library in LIBRARIES:
        if not library.needed and find_spec(library.name) is None:
            continue  # this machine may have no wheel of it
        found, advice = _library(library)
        name = f"{library.name} ({library.purpose})"
        yield Check("libraries", name, not advice, found, advice, library.needed)


def _library(library: Library) -> tuple[str, str]:
    """Say what was found, and what to type where it is not as it should be."""
    try:
        found = version(library.name)
    except PackageNotFoundError:
        how = "pip install" if library.module else "neuralib models pull"
        return "not installed", f"{how} {library.name}"
    try:
        if library.module:
            import_module(library.module)
    except Exception as error:  # whatever the code of others raises when it is damaged
        reason = brief(str(error))
        advice = f"pip install --force-reinstall {library.name}"
        return f"{found}, cannot be imported: {reason}", advice
    return found, ""


def _formats() -> Iterator[Check]:
    for format in get_args(AudioFormat):
        try:
            from neuralib.audio.encode import check_encoder

            check_encoder(format, 16)
            yield Check("formats", format, True, "can be written", needed=False)
        except NeuraLibError as error:
            yield Check("formats", format, False, "cannot be written", error.message, needed=False)
        except ImportError as error:
            found = f"not known: {error}"
            yield Check("formats", format, False, found, "see the libraries above", needed=False)


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
