"""What a browser saves an answer as."""

from __future__ import annotations

from urllib.parse import quote


def content_disposition(filename: str) -> str:
    r"""Give the header that has any `filename` saved, in the two forms of RFC 6266.

    >>> content_disposition("größer.wav")
    'attachment; filename="gr__er.wav"; filename*=UTF-8\'\'gr%C3%B6%C3%9Fer.wav'
    """
    kept = (c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename)
    encoded = quote(filename, safe="", errors="replace")
    return f"attachment; filename=\"{''.join(kept)}\"; filename*=UTF-8''{encoded}"
