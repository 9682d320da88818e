"""The content of a transcript's file in each format.

Text is `strip`ped and on one line, and segments without text are left out of all but JSON.
Otherwise `txt`, `srt`, `vtt` (but for its markup) and `tsv` are byte for byte what openai-whisper's
own writers give (`whisper/utils.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from neuralib.transcript.timestamps import clock, lrc_tag
from neuralib.transcript.transcript import Segment, Transcript

_TIME_DECIMALS = 3  # milliseconds, as subtitles have; Whisper's own steps are 20 of them
_DECIMALS = 4


def txt(transcript: Transcript) -> str:
    """Write a line a segment."""
    return "".join(f"{text}\n" for _, text in _lines(transcript))


def srt(transcript: Transcript) -> str:
    """Write SubRip: numbered cues with times `HH:MM:SS,mmm`."""
    cues = (
        f"{number}\n{clock(segment.start, point=',')} --> {clock(segment.end, point=',')}\n"
        f"{_no_arrow(text)}\n\n"
        for number, (segment, text) in enumerate(_lines(transcript), start=1)
    )
    return "".join(cues)


def vtt(transcript: Transcript) -> str:
    """Write WebVTT: cues with times `[HH:]MM:SS.mmm`.

    `&` and `<` begin markup there, and are written as `&amp;` and `&lt;` (W3C WebVTT, 4.2.2).
    """
    cues = (
        f"{clock(segment.start, hours=False)} --> {clock(segment.end, hours=False)}\n"
        f"{_no_arrow(text).replace('&', '&amp;').replace('<', '&lt;')}\n\n"
        for segment, text in _lines(transcript)
    )
    return "WEBVTT\n\n" + "".join(cues)


def tsv(transcript: Transcript) -> str:
    """Write a table: start and end in whole milliseconds, and text."""
    rows = [("start", "end", "text")]
    for segment, text in _lines(transcript):
        times = round(1000 * segment.start), round(1000 * segment.end)
        rows.append((str(times[0]), str(times[1]), text.replace("\t", " ")))
    return "".join("\t".join(row) + "\n" for row in rows)


def lrc(transcript: Transcript) -> str:
    """Write lyrics: `[mm:ss.xx]` and the line that begins then."""
    # A bracket right after the time would be read as one more time or tag.
    return "".join(
        f"{lrc_tag(segment.start)}{' ' if text.startswith('[') else ''}{text}\n"
        for segment, text in _lines(transcript)
    )


def json_document(transcript: Transcript) -> str:
    """Write what openai-whisper's JSON has, but for its tokens; words where they are known.

    Seconds are rounded to milliseconds, all other numbers to four decimals. A number that JSON
    cannot write is `null`.
    """
    content = {
        "text": transcript.text,
        "segments": [
            _json_segment(number, segment) for number, segment in enumerate(transcript.segments)
        ],
        "language": transcript.language,
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _json_segment(number: int, segment: Segment) -> dict[str, Any]:
    content: dict[str, Any] = {
        "id": number,
        "start": round(segment.start, _TIME_DECIMALS),
        "end": round(segment.end, _TIME_DECIMALS),
        "text": segment.text,
        "temperature": _number(segment.temperature),
        "avg_logprob": _number(segment.avg_logprob),
        "compression_ratio": _number(segment.compression_ratio),
        "no_speech_prob": _number(segment.no_speech_prob),
    }
    if segment.words:
        content["words"] = [
            {
                "word": word.text,
                "start": round(word.start, _TIME_DECIMALS),
                "end": round(word.end, _TIME_DECIMALS),
                "probability": _number(word.probability),
            }
            for word in segment.words
        ]
    return content


def _number(value: float) -> float | None:
    return round(value, _DECIMALS) if math.isfinite(value) else None


def _lines(transcript: Transcript) -> Iterator[tuple[Segment, str]]:
    for segment in transcript.segments:
        if text := " ".join(segment.text.strip().splitlines()):
            yield segment, text


def _no_arrow(text: str) -> str:
    return text.replace("-->", "->")
