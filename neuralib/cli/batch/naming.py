"""Where each result of a batch goes: the usual places, or those of `--name-template`."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from neuralib.audio.tags import Tags, read_tags
from neuralib.cli.batch.inputs import Input
from neuralib.cli.batch.template import TAG_FIELDS, Template
from neuralib.errors import InputError, OutputError
from neuralib.execute import artifact_kind
from neuralib.execute.sink import Place
from neuralib.models.catalogue import CATALOGUE
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

AnyTask = SeparateTask | MidiTask | TranscribeTask


class Naming:
    """The paths of all results of a batch below one folder; no two inputs get the same.

    A name depends on the inputs before its own, whatever runs first; so their tags are read when it
    is asked for, each once. Standard input and what cannot be read have none. Several threads may
    ask.

    Args:
        task: what will run.
        inputs: of the batch.
        folder: for all results.
        template: None: `<name>/<stem>.<ext>` for stems, `<name>.<ext>` for the rest.
    """

    def __init__(
        self, task: AnyTask, inputs: Sequence[Input], folder: Path, template: Template | None
    ) -> None:
        self._task = task
        self._folder = folder
        self._template = template
        self._lock = threading.Lock()
        self._inputs = inputs
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}
        self._values: dict[str, Mapping[str, str]] = {}
        self._numbers: dict[str, int] = {}
        self._owners: dict[str, str] = {}
        if template is not None or isinstance(task, SeparateTask):
            # No result of one input takes the place of another input.
            self._owners = {_key(entry.path): "" for entry in inputs if entry.label != "-"}

    def place(self, entry: Input) -> Place:
        """Give what tells where below the folder a result of this input goes, by its own name.

        Raises (what is given does):
            OutputError: where another input, or a result of another one, is there.
        """
        if self._template is not None:
            return partial(self._placed, self._template, entry)
        return partial(self._checked, entry)

    def paths(self, entry: Input, names: Sequence[str]) -> dict[str, Path]:
        """Give the path of each result of this input, by its own name.

        Raises:
            OutputError: as `place`, where a template names it.
        """
        place = partial(self._usual, entry) if self._template is None else self.place(entry)
        return {name: self._folder / place(name) for name in names}

    def _name(self, template: Template, wanted: Input) -> None:
        """Settle the names of all inputs up to the wanted one."""
        tagged = not template.fields.isdisjoint(TAG_FIELDS)
        while wanted.name not in self._numbers:
            entry = self._inputs[len(self._numbers)]
            values = self._values[entry.name] = self._fields(entry, tagged=tagged)
            first = template.render(values, 1).casefold()
            number = self._next.get(first, 1)
            while (path := template.render(values, number).casefold()) in self._taken:
                number += 1
            self._taken.add(path)
            self._next[first] = number + 1
            self._numbers[entry.name] = number

    def _fields(self, entry: Input, *, tagged: bool) -> dict[str, str]:
        tags = _tags(entry) if tagged else Tags()
        number = (tags.track or "0").partition("/")[0].strip()
        model = self._task.model
        return {
            "name": entry.name,
            "kind": artifact_kind(self._task),
            "title": tags.title or entry.name,
            "artist": tags.artist or "Unknown artist",
            "album": tags.album or "Unknown album",
            "date": tags.date or "Unknown date",
            "track": number.zfill(2),
            "model": model if model in CATALOGUE else Path(model).stem,
            "stem": "",
            "ext": "",
        }

    def _usual(self, entry: Input, name: str) -> str:
        return f"{entry.name}/{name}" if isinstance(self._task, SeparateTask) else name

    def _checked(self, entry: Input, name: str) -> str:
        place = self._usual(entry, name)
        if not self._owners:
            return place
        key = _key(self._folder / place)
        if key in self._owners and key != _key(entry.path):
            raise OutputError(
                f"cannot write {place!r}: another input of this batch is there; choose another "
                "folder with -o, or leave it out of the inputs"
            )
        return place

    def _placed(self, template: Template, entry: Input, name: str) -> str:
        with self._lock:
            self._name(template, entry)
        stem, _, ext = name.rpartition(".")
        values = {**self._values[entry.name], "stem": stem, "ext": ext}
        place = template.render(values, self._numbers[entry.name])
        if self._owners.setdefault(_key(self._folder / place), entry.name) != entry.name:
            raise OutputError(
                f"cannot write {place!r}: another input of this batch is there, or its result; put "
                "{name} into --name-template, or choose another folder with -o"
            )
        return place


def _key(path: Path) -> str:
    return os.path.realpath(path).casefold()


def _tags(entry: Input) -> Tags:
    if entry.error or entry.label == "-" or entry.raw:
        return Tags()
    try:
        return read_tags(entry.path)
    except InputError:  # told when it is its turn
        return Tags()
