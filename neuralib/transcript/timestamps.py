"""Times as subtitle formats write them."""

from __future__ import annotations


def clock(seconds: float, *, hours: bool = True, point: str = ".") -> str:
    """Write a time as `HH:MM:SS.mmm`, rounded to the nearest millisecond.

    Args:
        seconds: 0 or more.
        hours: False leaves the hours out while they are zero.
        point: between seconds and milliseconds.
    """
    total = round(seconds * 1000)
    minutes, milliseconds = divmod(total, 60_000)
    whole, minutes = divmod(minutes, 60)
    head = f"{whole:02d}:" if hours or whole else ""
    return f"{head}{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"


def lrc_tag(seconds: float, brackets: str = "[]") -> str:
    """Write a time as `[mm:ss.xx]`, rounded to the nearest hundredth; minutes go on past 59.

    Args:
        seconds: 0 or more.
        brackets: the two around it: `[]` for a line, `<>` for a word.
    """
    minutes, hundredths = divmod(round(seconds * 100), 6000)
    time = f"{minutes:02d}:{hundredths // 100:02d}.{hundredths % 100:02d}"
    return f"{brackets[0]}{time}{brackets[1]}"


def ass_clock(seconds: float) -> str:
    """Write a time as `H:MM:SS.cc`, rounded to the nearest hundredth."""
    minutes, hundredths = divmod(round(seconds * 100), 6000)
    second, rest = divmod(hundredths, 100)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}.{rest:02d}"
