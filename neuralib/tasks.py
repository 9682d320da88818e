"""The three tasks as frozen values: built from options or JSON, stored, and run unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from neuralib.errors import UsageError

AudioFormat = Literal["wav", "flac", "mp3", "ogg", "opus", "m4a"]
NotesFormat = Literal["mid", "csv", "json"]
NotesClock = Literal["auto", "basic-pitch", "input"]
TranscriptFormat = Literal["txt", "srt", "vtt", "tsv", "json", "lrc", "elrc", "ass"]
QuantizeGrid = Literal["1/4", "1/8", "1/16", "1/32", "1/4t", "1/8t", "1/16t", "1/32t"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
BitDepth = Literal[16, 24, 32]
Clip = Literal["rescale", "clamp", "error"]


class BaseTask(BaseModel):
    """What every task has."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1
    """Version of this schema, so that stored tasks stay readable."""
    precision: Precision = "auto"
    """Arithmetic of the model; `auto` takes what the device does well and exactly."""
    stream: int | None = Field(None, ge=1, le=10_000)
    """Which of the input's audio streams, from 1; None: the one that it marks as default."""


def _refuse_twice(what: str, names: tuple[str, ...]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} is named twice; name it once")


class SeparateTask(BaseTask):
    """Split a song into stems."""

    kind: Literal["separate"] = "separate"
    model: str = Field("htdemucs", min_length=1)
    """A name of the catalogue, or a path to a local checkpoint."""
    stems: tuple[str, ...] | None = None
    """Stems to write; None: all that the model knows."""
    two_stems: str | None = None
    """Write this stem and `no_<stem>`, the rest of the mix."""
    overlap: float = Field(0.25, ge=0.0, le=0.95)
    """Overlap of neighbouring segments, as a fraction of a segment."""
    shifts: int = Field(0, ge=0, le=64)
    """Runs with random time shifts of up to half a second, averaged; 0: one run, no shift."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Seed of the random shifts."""
    format: AudioFormat = "wav"
    bit_depth: BitDepth | None = None
    """Bits a sample (32: float), for wav and flac; None: as the input."""
    sample_rate: int | None = Field(None, ge=8000, le=384_000)
    """Of the stems, in Hz; None: as the input, or the next that the format holds."""
    channels: Literal[1, 2] | None = None
    """Of the stems; None: as the input, more than two become two."""
    clip: Clip = "rescale"
    """What is done where a stem is louder than full scale, which 32-bit float alone holds: one
    gain for all stems, the peaks cut off, or the run ended."""
    residual: bool = False
    """Also write `residual`: the mix minus the stems."""

    @model_validator(mode="after")
    def _consistent(self) -> SeparateTask:
        if self.stems is not None and not self.stems:
            raise ValueError("stems is empty; name at least one stem, or leave it out for all")
        _refuse_twice("stem", self.stems or ())
        if self.stems is not None and self.two_stems is not None:
            raise ValueError("stems and two_stems exclude each other; give one of them")
        if self.residual and self.two_stems is not None:
            raise ValueError(
                f"two_stems leaves no residual: no_{self.two_stems} is all the rest; leave one out"
            )
        if self.bit_depth is not None and self.format not in ("wav", "flac"):
            raise ValueError(f"bit depth applies to wav and flac, not to {self.format}")
        if self.format == "flac" and self.bit_depth == 32:
            raise ValueError("flac holds 16 or 24 bits; take wav for 32-bit float")
        return self


class MidiTask(BaseTask):
    """Turn a song into notes."""

    kind: Literal["midi"] = "midi"
    model: str = Field("basic-pitch", min_length=1)
    onset_threshold: float = Field(0.5, ge=0.0, le=1.0)
    """Least activation at which a note starts."""
    frame_threshold: float = Field(0.3, ge=0.0, le=1.0)
    """Least activation at which a note goes on."""
    minimum_note_ms: float = Field(127.70, ge=0.0, le=60_000)
    """Shorter notes are dropped."""
    minimum_frequency_hz: float | None = Field(None, gt=0.0)
    maximum_frequency_hz: float | None = Field(None, gt=0.0)
    pitch_bends: bool = True
    """Write the pitch contour of each note as pitch bends."""
    multiple_pitch_bends: bool = False
    """Let overlapping notes bend, one track a pitch."""
    melodia_trick: bool = True
    """Also look for notes without a clear onset."""
    clock: NotesClock = "auto"
    """`basic-pitch`: notes bear its times, up to 10 ms off, and 13 ms after an hour; `input`: those
    of the recording, to half a frame (6 ms), however long it is; `auto`: basic-pitch's up to ten
    minutes, the input's beyond."""
    tempo_bpm: Annotated[float, Field(ge=4.0, le=960.0)] | Literal["auto"] = 120.0
    """Tempo of the MIDI file; the notes keep their times in seconds. `auto`: found in the song."""
    quantize: QuantizeGrid | None = None
    """Move starts and ends of the notes to this grid of the tempo; `t`: triplets; None: leave
    them."""
    program: int = Field(5, ge=1, le=128)
    """Instrument of the MIDI file, as General MIDI numbers them: 1 is a grand piano, 5 an electric
    one."""
    channel: int = Field(1, ge=1, le=16)
    """Channel of the notes; many instruments play drums on 10."""
    formats: tuple[NotesFormat, ...] = Field(("mid",), min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> MidiTask:
        _refuse_twice("format", self.formats)
        low, high = self.minimum_frequency_hz, self.maximum_frequency_hz
        if low is not None and high is not None and low >= high:
            raise ValueError(
                f"minimum frequency {low:g} Hz is not below maximum frequency {high:g} Hz"
            )
        if self.multiple_pitch_bends and self.channel != 1:
            raise ValueError("multiple_pitch_bends takes all channels; leave channel out")
        return self


class TranscribeTask(BaseTask):
    """Write down the words of a song or a speech."""

    kind: Literal["transcribe"] = "transcribe"
    model: str = Field("small", min_length=1)
    engine: Literal["faster-whisper", "openai-whisper"] = "faster-whisper"
    language: str | None = None
    """Code (`en`) or English name of the spoken language; None: detected."""
    task: Literal["transcribe", "translate"] = "transcribe"
    """`translate` writes English whatever is spoken."""
    word_timestamps: bool = False
    initial_prompt: str | None = None
    """Text that the model takes for what was said before: names, spelling, style."""
    vad: bool = False
    """Skip what a voice detector takes for silence; it takes singing for silence too."""
    temperature: tuple[float, ...] = Field((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), min_length=1)
    """Sampling temperatures, tried in turn until a decoding is good enough."""
    beam_size: int = Field(5, ge=1, le=32)
    formats: tuple[TranscriptFormat, ...] = Field(("txt",), min_length=1)
    max_line_width: int = Field(42, ge=0, le=1000)
    """Columns of a line in srt and vtt, wide characters count twice; 0: no limit."""
    max_line_count: int = Field(2, ge=0, le=100)
    """Lines of a cue in srt and vtt; 0: no limit."""
    max_reading_speed: float = Field(20.0, ge=0.0, le=1000.0)
    """Columns a second in srt and vtt: a shorter cue stays until the next one; 0: no limit."""

    @property
    def needs_words(self) -> bool:
        """Whether words are to be timed: asked for, or needed by a format of karaoke."""
        return self.word_timestamps or not {"elrc", "ass"}.isdisjoint(self.formats)

    @model_validator(mode="after")
    def _consistent(self) -> TranscribeTask:
        _refuse_twice("format", self.formats)
        bad = [value for value in self.temperature if not 0.0 <= value <= 1.0]
        if bad:
            raise ValueError(f"temperature {bad[0]:g} is not between 0 and 1")
        return self


Task = Annotated[SeparateTask | MidiTask | TranscribeTask, Field(discriminator="kind")]

_ADAPTER: TypeAdapter[SeparateTask | MidiTask | TranscribeTask] = TypeAdapter(Task)


def build_task(
    values: dict[str, Any], name: Callable[[str], str] = str
) -> SeparateTask | MidiTask | TranscribeTask:
    """Build the task that `values` describe; `kind` says which.

    Args:
        values: field names and values.
        name: turns a field's name into what the caller calls it, for messages.

    Raises:
        UsageError: naming the first wrong field, the value received and what is allowed.
    """
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        raise UsageError(explain(error.errors(include_url=False), name)) from None


def parse_task(text: str | bytes) -> SeparateTask | MidiTask | TranscribeTask:
    """Read a task from its JSON form, as `task.model_dump_json()` wrote it.

    Raises:
        UsageError: where the text is not JSON, or not a task.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise UsageError(explain(error.errors(include_url=False))) from None


_PLAIN_WORDS = {
    "too_short": "name at least one",
    "float_parsing": "it must be a number",
    "float_type": "it must be a number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "int_type": "it must be a whole number",
    "greater_than": "it must be greater than {gt:g}",
    "greater_than_equal": "it must be {ge:g} or more",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be {le:g} or less",
    "literal_error": "it must be {expected}",
    "extra_forbidden": "there is no such option",
}
"""What pydantic says in the words of a programmer."""


def explain(errors: Sequence[Mapping[str, Any]], name: Callable[[str], str] = str) -> str:
    """Say what is wrong with a value of a task: what was received, and what is allowed.

    Args:
        errors: of pydantic, with the place `(kind, field, ...)`; the first one counts, and where
            its field takes several kinds of values, what the others say of them.
        name: turns a field's name into what the caller calls it.
    """
    first = errors[0]
    if first["type"] == "value_error":
        message: str = first["msg"].removeprefix("Value error, ")
        return message
    fields = [part for part in first["loc"][1:] if isinstance(part, str)]
    others = [
        f", or {_allowed(each).removeprefix('it must be ')}" for each in _alternatives(errors)
    ]
    field = name(fields[0]) if fields else "task"
    return f"{field}: got {first['input']!r}; {_allowed(first)}{''.join(others)}"


def _alternatives(errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give the other errors of a field that is a union; pydantic names its members in the place."""
    place = errors[0]["loc"]
    is_union = len(place) > 2 and isinstance(place[2], str)  # a number: the item of a list
    return [each for each in errors[1:] if is_union and each["loc"][:2] == place[:2]]


def _allowed(error: Mapping[str, Any]) -> str:
    if error["type"] in _PLAIN_WORDS:
        return _PLAIN_WORDS[error["type"]].format(**error.get("ctx", {}))
    message: str = error["msg"]
    return f"{message[0].lower()}{message[1:]}"
