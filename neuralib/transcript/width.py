"""How wide text is, and where it may be broken."""

from __future__ import annotations

from unicodedata import category as _category
from unicodedata import east_asian_width, name

_NOT_FIRST = ("Pe", "Pf", "Po", "Lm")
"""Categories of what no line begins with: marks that close or end, signs of repetition."""
_NOT_LAST = ("Ps", "Pi")
"""Categories of what no line ends with: marks that open."""
_THAI_FIRST, _THAI_AFTER = "เแโใไ", "ะาำ"
"""Thai vowels that are written before, and after, their consonant."""
_WITHOUT_SPACES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))
"""Thai and Lao, Burmese, Khmer: words are not told apart, and letters are narrow."""
_HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF))
"""Korean: wide, but with spaces between words."""


def columns(text: str) -> int:
    """Count the columns that text takes: two for wide characters (UAX #11), none for marks."""
    return sum(map(_columns, text))


def may_break(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters that have no space between them.

    Words of scripts with spaces are kept whole; Chinese, Japanese, Thai, Lao, Burmese and Khmer
    have none, and are broken between any two letters, but for what belongs to its neighbour.
    """
    if not _columns(before) or not _columns(after):
        return False
    if _category(after) in _NOT_FIRST or after in _THAI_AFTER or _is_small_kana(after):
        return False
    if _category(before) in _NOT_LAST or before in _THAI_FIRST:
        return False
    return _unspaced(before) or _unspaced(after)


def _columns(character: str) -> int:
    if character < "\u0300":
        return 1
    if _category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def _unspaced(character: str) -> bool:
    point = ord(character)
    if any(first <= point <= last for first, last in _WITHOUT_SPACES):
        return True
    if point < 0x2E80 or any(first <= point <= last for first, last in _HANGUL):
        return False
    # Emoji are wide too, but are often joined from several.
    return _columns(character) == 2 and not _category(character).startswith("S")


def _is_small_kana(character: str) -> bool:
    return "LETTER SMALL" in name(character, "") and _columns(character) == 2
