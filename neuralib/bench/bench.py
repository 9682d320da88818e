"""The plan: which model of each task, and each in which places."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralib.bench.trial import Answer, Kind, Plan, Question
from neuralib.errors import NeuraLibError, UnknownModel
from neuralib.models.store import Store
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

DEFAULTS: dict[Kind, str] = {
    each.kind: each.model for each in (SeparateTask(), MidiTask(), TranscribeTask())
}
"""Model of each task where none is named."""
SECONDS: dict[Kind, float] = {"separate": 16.0, "midi": 60.0, "transcribe": 60.0}
"""Length of the song: some segments of Demucs, two windows of Whisper."""
SONG_SECONDS = 240.0
"""Length of the song that times are told for."""


@dataclass(frozen=True)
class Row:
    """What one run told."""

    task: Kind
    model: str
    is_random: bool
    """Whether random weights of the model's size stood for it."""
    is_auto: bool
    """Whether this is what `--precision auto` takes."""
    is_reference: bool
    """Whether the others' results are compared with these."""
    answer: Answer | None
    error: dict[str, Any] | None
    """`code`, `message` and `exit_status`."""

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of audio in a second."""
        answer = self.answer
        return answer.audio_seconds / max(answer.seconds, 1e-9) if answer else None

    @property
    def song_seconds(self) -> float | None:
        """Time that a song of four minutes takes, from loading the model on."""
        factor = self.real_time_factor
        if self.answer is None or factor is None:
            return None
        return self.answer.load_seconds + SONG_SECONDS / factor

    def to_json(self) -> dict[str, Any]:
        """Give the record as a JSON object; what could not be measured is null."""
        names = list(Answer.model_fields)
        told = self.answer.model_dump() if self.answer else dict.fromkeys(names)
        return {
            "task": self.task,
            "model": self.model,
            "is_random": self.is_random,
            "is_auto": self.is_auto,
            "is_reference": self.is_reference,
            **told,
            "real_time_factor": self.real_time_factor,
            "song_seconds": self.song_seconds,
            "error": self.error,
        }


def choose_models(store: Store, names: Sequence[str]) -> dict[Kind, str | None]:
    """Say which model is measured for each task: named, else the default, else any that is here.

    None: none is here, so random weights stand for the default one.

    Raises:
        NeuraLibError: where a name is no model of any task, or it is not here.
    """
    found: dict[Kind, str | None] = {}
    for name in names:
        found[_kind_of(store, name)] = name
    for kind, default in DEFAULTS.items():
        if kind not in found:
            here = (each for each in (default, *store.here()) if _is_here(store, each, kind))
            found[kind] = next(here, None)
    return found


def measure(
    kind: Kind,
    model: str | None,
    device: str,
    seconds: float,
    song: Path | None,
    folder: Path,
    report: Callable[[str], None],
) -> Iterator[Row]:
    """Measure one task in all the places that are here, what `auto` takes first.

    Args:
        kind: the task.
        model: None: random weights.
        device: `auto`, or the only one to measure on.
        seconds: length of the song.
        song: a recording to take it from; None: it is made.
        folder: for files; removed by whoever calls.
        report: told what is done now.
    """
    question = Question(
        kind=kind,
        model=model,
        device=device,
        precision="auto",
        seconds=seconds,
        song=song,
        folder=folder,
    )
    name = DEFAULTS[kind] if model is None else Path(model).stem
    report(f"preparing {kind}")
    said = _ask("prepare", question)
    if "code" in said:
        yield Row(kind, name, model is None, True, False, None, said)
        return
    auto, *others = Plan.model_validate(said).places
    reference = next((each for each in reversed((auto, *others)) if each[1] == "fp32"), auto)
    rows = {}
    for place in dict.fromkeys((reference, auto, *others)):
        report(f"measuring {kind} in {place[1]} on {place[0]}")
        changes = {
            "device": place[0],
            "precision": place[1],
            "name": " ".join(place).replace(":", ""),
            "reference": None if place == reference else " ".join(reference).replace(":", ""),
        }
        said = _ask("measure", question.model_copy(update=changes))
        failed = "code" in said
        answer = None if failed else Answer.model_validate(said)
        rows[place] = Row(
            kind,
            name,
            model is None,
            place == auto,
            place == reference,
            answer,
            said if failed else None,
        )
    yield from (rows[place] for place in (auto, *others))


def _ask(verb: str, question: Question) -> dict[str, Any]:
    """Let a process of its own answer; what it prints beside is thrown away unless it crashes."""
    words = [sys.executable, "-m", "neuralib.bench.child", verb, question.model_dump_json()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            out, errors = child.communicate()
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        last = (errors.decode(errors="replace").strip() or "no reason given").splitlines()[-1]
        return {
            "code": "internal",
            "message": f"its process ended with {child.returncode}: {last}",
            "exit_status": 1,
        }
    said: dict[str, Any] = json.loads(out.splitlines()[-1])
    return said


def _is_here(store: Store, name: str, kind: Kind) -> bool:
    try:
        store.locate(name, kind)
    except NeuraLibError:
        return False
    return True


def _kind_of(store: Store, name: str) -> Kind:
    error: NeuraLibError | None = None
    for kind in DEFAULTS:
        try:
            store.locate(name, kind)
        except NeuraLibError as found:
            if error is None or isinstance(error, UnknownModel):
                error = found
        else:
            return kind
    assert error
    raise error
