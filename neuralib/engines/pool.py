"""Engines that stay loaded, made on demand from a literal table."""

from __future__ import annotations

from importlib import import_module

from neuralib.engines.base import Engine
from neuralib.engines.device import memory_told
from neuralib.models.store import ModelFiles, Store
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

TABLE = {
    "demucs": ("neuralib.engines.demucs.engine", "Demucs"),
    "basic-pitch": ("neuralib.engines.basic_pitch.engine", "BasicPitch"),
    "faster-whisper": ("neuralib.engines.whisper.faster_whisper", "FasterWhisper"),
    "openai-whisper": ("neuralib.engines.whisper.openai_whisper", "OpenAIWhisper"),
}
"""Module and class of every engine; the module is imported when the engine is first used."""


def engine_name(task: SeparateTask | MidiTask | TranscribeTask) -> str:
    """Name the engine in `TABLE` that runs `task`."""
    if isinstance(task, TranscribeTask):
        return task.engine
    return "demucs" if isinstance(task, SeparateTask) else "basic-pitch"


def engine_class(task: SeparateTask | MidiTask | TranscribeTask) -> type[Engine]:
    """Give the engine that runs `task`; what it computes with is not imported yet."""
    module, class_name = TABLE[engine_name(task)]
    found: type[Engine] = getattr(import_module(module), class_name)
    return found


class Engines:
    """Loaded engines by what they were asked for.

    Args:
        store: where the checkpoints are.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
    """

    def __init__(self, store: Store, device: str) -> None:
        self._store = store
        self._device = device
        self._loaded: dict[tuple[str, str, str], Engine] = {}

    def locate(self, task: SeparateTask | MidiTask | TranscribeTask) -> ModelFiles:
        """Find the checkpoint for `task` without loading it.

        Raises:
            ModelMissing: where it is not on this machine.
            ModelError: where it is unknown or damaged.
        """
        return self._store.locate(task.model, task.kind)

    def get(self, task: SeparateTask | MidiTask | TranscribeTask) -> Engine:
        """Give the loaded engine for `task`.

        Raises:
            MissingError: where the checkpoint, a library or the device is not here.
            ModelError: where the checkpoint is unknown or damaged.
        """
        key = (engine_name(task), task.model, task.precision)
        if key not in self._loaded:
            files = self.locate(task)
            chosen = engine_class(task)
            placement = chosen.place(self._device, task.precision)
            engine = chosen(files, placement, self._store.prepared)
            with memory_told():
                engine.load()
            self._loaded[key] = engine
        return self._loaded[key]
