"""A process that measures one run: `python -m neuralib.bench.child prepare|measure QUESTION`.

Each run has one to itself, so that its peak memory is its own, and nothing is warm from the last.
It prints `Plan` or `Answer`, or the error as `{"code", "message", "exit_status"}`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from neuralib.bench.trial import Answer, Plan, Question, make_task
from neuralib.engines.pool import Engines, engine_class
from neuralib.errors import NeuraLibError
from neuralib.models.open import open_store
from neuralib.models.store import Store
from neuralib.settings import load_settings
from neuralib.tasks import MidiTask, Precision, SeparateTask, TranscribeTask

_SONG = "song.wav"
_SHORT_SECONDS = 3.0
"""Runs that are shorter are run again: the first ever is slower."""


def main() -> None:
    """Answer the question of the command line."""
    verb, text = sys.argv[1:]
    question = Question.model_validate_json(text)
    try:
        answer = prepare(question) if verb == "prepare" else measure(question)
        said = answer.model_dump_json()
    except NeuraLibError as error:
        said = json.dumps(
            {"code": error.code, "message": error.message, "exit_status": error.exit_status}
        )
    sys.stdout.write(f"{said}\n")


def prepare(question: Question) -> Plan:
    """Write the song and random weights where they are needed, and load the model once.

    Raises:
        NeuraLibError: where the model or the device cannot be used.
    """
    from neuralib.bench.song import cut_song, write_song
    from neuralib.bench.stand_in import write_stand_in

    if question.song is None:
        write_song(question.folder / _SONG, question.seconds)
    else:
        cut_song(question.song, question.folder / _SONG, question.seconds)
    if question.model is None:
        write_stand_in(question.kind, question.folder)
    task = _task(question)
    engines = _engines(question)
    placement = engines.get(task).placement
    places: list[tuple[str, Precision]] = [(placement.device, placement.precision)]
    if placement.device != "cpu":
        places.append(("cpu", engine_class(task).place("cpu", "auto").precision))
    for device in dict.fromkeys(device for device, _ in places):
        if (device, "fp32") not in places:
            places.append((device, "fp32"))
    return Plan(places=tuple(places))


def measure(question: Question) -> Answer:
    """Load the model, and run the task.

    Raises:
        NeuraLibError: where it fails.
    """
    from neuralib.execute import Source, execute
    from neuralib.execute.sink import FolderSink
    from neuralib.progress import silent

    task, engines = _task(question), _engines(question)
    started = time.perf_counter()
    engines.get(task)
    load_seconds = time.perf_counter() - started
    out = question.folder / question.name
    for _ in range(2):
        source = Source(question.folder / _SONG, "song")
        result = execute(task, source, FolderSink(out), silent, engines)
        if result.seconds > _SHORT_SECONDS:
            break
    peak_bytes = _peak_bytes()
    agrees = None
    # Of a made voice, models that are no stand-ins hear each something else.
    can_agree = question.kind != "transcribe" or question.song or question.model is None
    if question.reference is not None and can_agree:
        from neuralib.bench.agreement import agreement

        agrees = agreement(question.kind, question.folder / question.reference, out)
    return Answer(
        runtime=result.runtime or "",
        device=result.device,
        precision=result.precision,
        audio_seconds=result.audio_seconds,
        seconds=result.seconds,
        load_seconds=load_seconds,
        peak_bytes=peak_bytes,
        agreement=agrees,
    )


def _task(question: Question) -> SeparateTask | MidiTask | TranscribeTask:
    names = {"separate": "htdemucs.safetensors", "transcribe": "small.pt"}
    model = question.model or str(question.folder / names[question.kind])
    return make_task(question, model)


def _engines(question: Question) -> Engines:
    """Keep nothing that is made of random weights."""
    is_random = question.model is None
    store = Store(question.folder / "models") if is_random else open_store(load_settings())
    return Engines(store, question.device)


def _peak_bytes() -> int | None:
    status = Path("/proc/self/status")
    if status.exists():  # what `resource` tells here counts the parent's memory too
        words = next(
            line.split() for line in status.read_text().splitlines() if line.startswith("VmHWM:")
        )
        return int(words[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
