"""What `neuralib doctor` looks at, one line each."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import get_args

from neuralib import __version__
from neuralib.audio.encode import check_encoder
from neuralib.cli.cluster.checks import cluster_checks
from neuralib.engines.pool import engine_class
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

    @property
    def advice(self) -> str:
        """What to type where it is not installed, or broken."""
        if self.module is None:
            return f"neuralib models pull {self.name}"
        return f"pip install --force-reinstall {self.name}"


LIBRARIES = (
    Library("torch", "separate", "torch"),
    Library("demucs", "separate", "demucs.htdemucs"),
    Library("basic-pitch", "midi", None),
    Library("onnxruntime", "midi", "onnxruntime"),
    Library("faster-whisper", "transcribe", "faster_whisper"),
    Library("openai-whisper", "transcribe", "whisper"),
    Library("openvino", "speed", "openvino", needed=False),
    Library("av", "audio", "av"),
    Library("soxr", "audio", "soxr"),
)

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
    for library in LIBRARIES:
        name = f"{library.name} ({library.purpose})"
        found, ok = "not installed", False
        with suppress(PackageNotFoundError):
            found, ok = version(library.name), True
        if ok and library.module:
            try:
                import_module(library.module)
            except Exception as error:  # whatever the code of others raises when it is damaged
                found, ok = f"{found}, cannot be imported: {brief(str(error))}", False
        advice = "" if ok else library.advice
        yield Check("libraries", name, ok, found, advice, library.needed)


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
