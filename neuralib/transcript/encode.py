"""Transcripts as files."""

from __future__ import annotations

from collections.abc import Callable

from neuralib.tasks import TranscriptFormat
from neuralib.transcript.cues import Limits, cues
from neuralib.transcript.formats import json_document, lrc, srt, tsv, txt, vtt
from neuralib.transcript.karaoke import ass, elrc
from neuralib.transcript.transcript import Transcript

FORMATS: dict[TranscriptFormat, Callable[[Transcript, Limits], str]] = {
    "txt": lambda transcript, _: txt(transcript),
    "srt": lambda transcript, limits: srt(cues(transcript, limits)),
    "vtt": lambda transcript, limits: vtt(cues(transcript, limits)),
    "tsv": lambda transcript, _: tsv(transcript),
    "json": lambda transcript, _: json_document(transcript),
    "lrc": lambda transcript, _: lrc(transcript),
    "elrc": lambda transcript, _: elrc(transcript),
    "ass": lambda transcript, _: ass(transcript),
}
"""What makes the content of each format, by the suffix of its files."""


def encode_transcript(
    transcript: Transcript, format: TranscriptFormat, limits: Limits | None = None
) -> bytes:
    r"""Give the file of a transcript: UTF-8 with `\n` at the end of lines.

    Args:
        transcript: an empty one gives a valid file that says nothing.
        format: a key of `FORMATS`.
        limits: of subtitles (srt, vtt); None: none.
    """
    return FORMATS[format](transcript, limits or Limits()).encode("utf-8", "replace")
