"""Writing a transcript to a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from neuralib.errors import OutputError, UsageError
from neuralib.transcript.formats import json_document, lrc, srt, tsv, txt, vtt
from neuralib.transcript.transcript import Transcript

FORMATS: dict[str, Callable[[Transcript], str]] = {
    "txt": txt,
    "srt": srt,
    "vtt": vtt,
    "tsv": tsv,
    "json": json_document,
    "lrc": lrc,
}
"""What makes the content of each format, by the suffix of its files."""


def write_transcript(transcript: Transcript, path: Path, format: str) -> None:
    r"""Write a transcript as UTF-8 with `\n` at the end of lines.

    Args:
        transcript: an empty one gives a valid file that says nothing.
        path: the file; what is there is replaced.
        format: a key of `FORMATS`.

    Raises:
        UsageError: where the format is not known.
        OutputError: where the file cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"transcript format {format!r} is not one of {', '.join(FORMATS)}")
    try:
        path.write_bytes(FORMATS[format](transcript).encode("utf-8", "replace"))
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}; choose another place with -o"
        ) from error
