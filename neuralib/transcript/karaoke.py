"""The formats whose words light up as they are sung."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neuralib.transcript.lines import mended, spans
from neuralib.transcript.timestamps import ass_clock, lrc_tag
from neuralib.transcript.transcript import Segment, Transcript

_ROUND = str.maketrans("[]", "()")
_LIKE_A_TIME = re.compile(r"<(?=\d+:)")
_WIDE = str.maketrans({"{": "\uff5b", "}": "\uff5d", "\\": "\uff3c"})
"""Braces and backslash begin commands in ASS, and no escape is known to all players: they become
the wide characters that look the same."""

_ASS_HEAD = """\
[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,72,&H00FFFFFF,&H0000A5FF,&H00000000,&H80000000,\
0,0,0,0,100,100,0,0,1,3,1,2,60,60,60,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""Advanced SubStation Alpha, v4.00+: a word turns from orange (SecondaryColour) to white."""


def elrc(transcript: Transcript) -> str:
    """Write enhanced lyrics: before each word, and after the last, `<mm:ss.xx>`.

    Square brackets, and what looks like a time of a word, are written with round brackets.
    """
    return "".join(f"{lrc_tag(line.start)}{_timed(line)}\n" for line in mended(transcript))


def ass(transcript: Transcript) -> str:
    r"""Write karaoke subtitles: `{\kN}` before a word that lights up for N hundredths of a second.

    The hundredths of a line make up its length: a pause is a `{\kN}` of its own.
    """
    return _ASS_HEAD + "".join(
        f"Dialogue: 0,{ass_clock(line.start)},{ass_clock(line.end)},Default,,0,0,0,,"
        f"{''.join(_syllables(line))}\n"
        for line in mended(transcript)
    )


def _timed(line: Segment) -> str:
    parts, end = [], line.start
    for number, word in enumerate(spans(line)):
        text = _LIKE_A_TIME.sub("(", word.text.translate(_ROUND))
        space, text = _parted(text if number else text.lstrip())
        if number and word.start - end >= 0.01:
            parts.append(lrc_tag(end, "<>"))  # the word before ends, and nothing is sung
        parts.append(f"{space}{lrc_tag(word.start, '<>')}{text}")
        end = word.end
    return "".join(parts) + lrc_tag(end, "<>")


def _syllables(line: Segment) -> Iterator[str]:
    done = round(100 * line.start)
    for number, word in enumerate(spans(line)):
        space, text = _parted((word.text if number else word.text.lstrip()).translate(_WIDE))
        start, end = round(100 * word.start), round(100 * word.end)
        yield f"{{\\k{start - done}}}{space}" if start > done else space
        yield f"{{\\k{end - start}}}{text}"
        done = end
    if (left := round(100 * line.end) - done) > 0:
        yield f"{{\\k{left}}}"


def _parted(text: str) -> tuple[str, str]:
    said = text.lstrip()
    return text[: len(text) - len(said)], said
