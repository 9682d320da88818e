"""Names for people: of uploads, and of the files that are given back."""

from __future__ import annotations

import unicodedata

from neuralib.jobs.job import JobArtifact

DEFAULT_NAME = "audio"
"""Name of an upload that brings none."""
_LONGEST_BYTES = 200
"""Room for a suffix in the 255 bytes that file systems give to a name."""
_LONGEST_READ = 4096
"""Of a path only so many characters at its end are looked at: composing can take long."""
_TURNS_TEXT = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of text, and so can hide what a file is."""


def safe_name(name: str | None) -> str:
    r"""Make a file name of what an upload calls itself.

    It is the last part of a path of either kind, in composed Unicode (NFC), without control
    characters, and at most 200 bytes long in UTF-8: `..\..\My Song.wav` gives `My Song.wav`.
    """
    text = unicodedata.normalize("NFC", (name or "")[-_LONGEST_READ:])
    text = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    text = "".join(char for char in text if not _is_hidden(char)).strip()
    if not text.strip("."):
        return DEFAULT_NAME
    stem, dot, suffix = text.rpartition(".")
    if not stem or len(suffix) > 8:
        stem, dot, suffix = text, "", ""
    return _shorten(stem, _LONGEST_BYTES - len(f"{dot}{suffix}".encode())) + dot + suffix


def stem_of(name: str) -> str:
    """Give a sample's name without its suffix: what its results are named after."""
    stem = name.rpartition(".")[0].strip(". ")
    return stem or name.strip(". ") or DEFAULT_NAME


def artifact_name(sample_name: str, artifact: JobArtifact) -> str:
    """Name a downloaded result: `song.vocals.wav`, `song.mid`, `song.srt`."""
    return f"{stem_of(sample_name)}.{_own_part(artifact)}"


def archive_name(sample_name: str, artifact: JobArtifact) -> str:
    """Name a result in an archive, as a local run does: `song/vocals.wav`, `song.mid`."""
    between = "/" if artifact.kind == "stem" else "."
    return f"{stem_of(sample_name)}{between}{_own_part(artifact)}"


def _own_part(artifact: JobArtifact) -> str:
    # Notes and transcripts are stored as `notes.mid` and `transcript.srt`.
    return artifact.name if artifact.kind == "stem" else artifact.name.partition(".")[2]


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _TURNS_TEXT


def _shorten(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")
