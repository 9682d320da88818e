"""Transcripts as files."""

from __future__ import annotations

from collections.abc import Callable

from neuralib.tasks import TranscriptFormat
from neuralib.transcript.formats import json_document, lrc, srt, tsv, txt, vtt
from neuralib.transcript.transcript import Transcript

FORMATS: dict[TranscriptFormat, Callable[[Transcript], str]] = {
    "txt": txt,
    "srt": srt,
    "vtt": vtt,
    "tsv": tsv,
    "json": json_document,
    "lrc": lrc,
}
"""What makes the content of each format, by the suffix of its files."""


def encode_transcript(transcript: Transcript, format: TranscriptFormat) -> bytes:
    r"""Give the file of a transcript: UTF-8 with `\n` at the end of lines.

    Args:
        transcript: an empty one gives a valid file that says nothing.
        format: a key of `FORMATS`.
    """
    return FORMATS[format](transcript).encode("utf-8", "replace")
