"""Telling a checkpoint from anything else by its first bytes; nothing in it is run."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Literal

from neuralib.errors import CheckpointError
from neuralib.models.files import Kind

Form = Literal["safetensors", "demucs", "whisper", "torch", "onnx", "bag"]
"""`demucs`, `whisper`: PyTorch files with their entries; `torch`: any other PyTorch file.
`bag`: a list of sub-models, as demucs writes it."""

FORMS: dict[Kind, tuple[Form, ...]] = {
    "separate": ("safetensors", "demucs", "bag"),
    "midi": ("onnx",),
    "transcribe": ("whisper",),
}
"""The forms that the engines of each task read."""

_WORDS: dict[Form, str] = {
    "safetensors": "a safetensors file",
    "demucs": "a Demucs checkpoint (.th)",
    "whisper": "an OpenAI Whisper checkpoint (.pt)",
    "torch": "a PyTorch file with neither Demucs' nor Whisper's entries",
    "onnx": "an ONNX graph",
    "bag": "a bag (.yaml)",
}
_ZIP = b"PK\x03\x04"
_TORCH_BEFORE_1_6 = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_ENTRIES: dict[Form, tuple[bytes, ...]] = {
    "demucs": (b"klass", b"kwargs", b"state"),
    "whisper": (b"dims", b"model_state_dict"),
}
"""Keys of the pickled dictionary; pickle writes them as they are."""
_PICKLE_BYTES = 8 << 20
# ModelProto writes its field 1, the IR version, as tag 0x08 and a small number, and then one of
# its length-delimited fields.
_ONNX = b"\x08"
_ONNX_NEXT_TAGS = frozenset(b"\x12\x1a\x22\x32\x3a\x42\x72")
_SAFETENSORS_HEADER_LIMIT = 100_000_000  # bytes; the format's own


def form_of(path: Path, kind: Kind) -> Form:
    """Tell the form of the checkpoint at `path`, and that it is one for `kind`.

    Only the frame of the file is looked at: its magic bytes, the names of its entries, and that
    its end is there.

    Raises:
        CheckpointError: where the file is empty, cut short, cannot be read, is no checkpoint,
            or is one of another task.
    """
    form = _form(path)
    wanted = " or ".join(_WORDS[each] for each in FORMS[kind])
    if form is None:
        raise CheckpointError(f"{path} is not a checkpoint; {kind} takes {wanted}")
    if form not in FORMS[kind]:
        raise CheckpointError(f"{path} is {_WORDS[form]}; {kind} takes {wanted}")
    return form


def kind_of(path: Path) -> Kind:
    """Tell the task of a checkpoint from its form.

    Raises:
        CheckpointError: where the file is no checkpoint of any task.
    """
    form = _form(path)
    for kind, forms in FORMS.items():
        if form in forms:
            return kind
    known = ", ".join(_WORDS[each] for forms in FORMS.values() for each in forms)
    raise CheckpointError(f"{path} is not a checkpoint that is known here: {known}")


def _form(path: Path) -> Form | None:
    try:
        if path.stat().st_size == 0:
            raise CheckpointError(f"{path} is empty; fetch or export the checkpoint again")
        if path.suffix.lower() in (".yaml", ".yml"):
            return "bag"
        with path.open("rb") as file:
            return _form_of_file(path, file)
    except OSError as error:
        raise CheckpointError(f"cannot read checkpoint {path}: {error.strerror}") from None


def _form_of_file(path: Path, file: BinaryIO) -> Form | None:
    head = file.read(16)
    if head[:4] == _ZIP:
        return _zip_form(path)
    if head.startswith(_TORCH_BEFORE_1_6):
        return _torch_form(file.read(_PICKLE_BYTES))
    if head[:1] == _ONNX and len(head) > 2 and head[2] in _ONNX_NEXT_TAGS:
        return "onnx"
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and length <= _SAFETENSORS_HEADER_LIMIT:
        file.seek(8)
        _check_length(path, file.read(length), length, path.stat().st_size)
        return "safetensors"
    return None


def _zip_form(path: Path) -> Form | None:
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if not pickles:
                return None
            with archive.open(pickles[0]) as file:
                return _torch_form(file.read(_PICKLE_BYTES))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error):
        raise CheckpointError(
            f"{path} is cut short or damaged: its archive cannot be read; fetch it again"
        ) from None


def _torch_form(pickled: bytes) -> Form:
    for form, entries in _ENTRIES.items():
        if all(entry in pickled for entry in entries):
            return form
    return "torch"


def _check_length(path: Path, header: bytes, length: int, size: int) -> None:
    try:
        entries: dict[str, Any] = json.loads(header)
        ends = [entry["data_offsets"][1] for key, entry in entries.items() if key[:2] != "__"]
        whole = 8 + length + max(ends, default=0)
    except (ValueError, TypeError, LookupError):
        raise CheckpointError(
            f"{path} is not a whole safetensors file: its header cannot be read; fetch it again"
        ) from None
    if size != whole:
        raise CheckpointError(
            f"{path} is cut short or damaged: {size} bytes, not {whole}; fetch it again"
        )
