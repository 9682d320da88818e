"""The content of a transcript's file in each format.

Text is `strip`ped and on one line, and segments without text are left out of all but JSON.
Otherwise `txt`, `tsv`, and, without limits, `srt` and `vtt` (but for its markup) are byte for byte
what openai-whisper's own writers give (`whisper/utils.py`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from neuralib.transcript.cues import Cue
from neuralib.transcript.lines import mended, said
from neuralib.transcript.timestamps import clock, lrc_tag
from neuralib.transcript.transcript import Segment, Transcript

_TIME_DECIMALS = 3  # milliseconds, as subtitles have; Whisper's own steps are 20 of them
_DECIMALS = 4
_ROUND = str.maketrans("[]", "()")
_ARROW = re.compile("-{2,}>")


def txt(transcript: Transcript) -> str:
    """Write a line a segment."""
    return "".join(f"{text}\n" for _, text in said(transcript))


def srt(cues: Iterable[Cue]) -> str:
    """Write SubRip: numbered cues with times `HH:MM:SS,mmm`."""
    return "".join(
        f"{number}\n{clock(cue.start, point=',')} --> {clock(cue.end, point=',')}\n"
        f"{_no_arrow(cue)}\n\n"
        for number, cue in enumerate(cues, start=1)
    )


def vtt(cues: Iterable[Cue]) -> str:
    """Write WebVTT: cues with times `[HH:]MM:SS.mmm`.

    `&` and `<` begin markup there, and are written as `&amp;` and `&lt;` (W3C WebVTT, 4.2.2).
    """
    return "WEBVTT\n\n" + "".join(
        f"{clock(cue.start, hours=False)} --> {clock(cue.end, hours=False)}\n"
        f"{_no_arrow(cue).replace('&', '&amp;').replace('<', '&lt;')}\n\n"
        for cue in cues
    )


def tsv(transcript: Transcript) -> str:
    """Write a table: start and end in whole milliseconds, and text."""
    rows = [("start", "end", "text")]
    for segment, text in said(transcript):
        times = round(1000 * segment.start), round(1000 * segment.end)
        rows.append((str(times[0]), str(times[1]), text.replace("\t", " ")))
    return "".join("\t".join(row) + "\n" for row in rows)


def lrc(transcript: Transcript) -> str:
    """Write lyrics: `[mm:ss.xx]` and the line that begins then.

    Square brackets would be read as more times or tags, and are written as round ones.
    """
    return "".join(
        f"{lrc_tag(line.start)}{line.text.translate(_ROUND)}\n" for line in mended(transcript)
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


def _no_arrow(cue: Cue) -> str:
    return _ARROW.sub("->", "\n".join(cue.lines))
