"""`--name-template`: a pattern for the names of results."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass

from neuralib.cli.batch.inputs import safe_stem
from neuralib.errors import UsageError
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask

TAG_FIELDS = ("title", "artist", "album", "date", "track")
"""Fields that the tags of an input fill."""
FIELDS = ("name", "stem", "kind", *TAG_FIELDS, "model", "ext")

_LONGEST_BYTES = 180
"""Room for the tags in one part of a path: of 255, the rest is for a stem, a number, a suffix."""


@dataclass(frozen=True)
class Piece:
    """Text, and the field that follows it."""

    text: str
    field: str | None


@dataclass(frozen=True)
class Template:
    """Folders and a file name, each made of text and fields; without the suffix."""

    parts: tuple[tuple[Piece, ...], ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it names."""
        return frozenset(piece.field for part in self.parts for piece in part if piece.field)

    def render(self, values: Mapping[str, str], number: int = 1) -> str:
        """Give the path of a result, safe on every file system, with `/` between its parts.

        Args:
            values: of all fields.
            number: of the input among those that would get the same name; from 2 on it is
                written behind the last part that tells about the song.
        """
        numbered = -1 if number == 1 else self._last_of_song()
        parts = []
        for index, part in enumerate(self.parts):
            text = "".join(_filled(part, values)).rstrip()
            text = f"{text} ({number})" if index == numbered else text
            parts.append(safe_stem(text.strip()))
        return f"{'/'.join(parts)}.{values['ext']}"

    def _last_of_song(self) -> int:
        of_song = {"name", *TAG_FIELDS}
        return max(
            (at for at, part in enumerate(self.parts) if of_song & {each.field for each in part}),
            default=len(self.parts) - 1,
        )


def read_template(text: str, task: SeparateTask | MidiTask | TranscribeTask) -> Template:
    """Read `--name-template` for a task.

    Raises:
        UsageError: as `parse_template`, and where it gives the same name to all stems.
    """
    if not isinstance(task, SeparateTask):
        return parse_template(text, tuple(name for name in FIELDS if name != "stem"))
    template = parse_template(text)
    one = task.stems is not None and len(task.stems) == 1 and not task.residual
    if "stem" not in template.fields and not one:
        raise UsageError(
            f"--name-template: got {text!r}, which gives the same name to all stems; put {{stem}} "
            "into it"
        )
    return template


def parse_template(text: str, fields: tuple[str, ...] = FIELDS) -> Template:
    """Read `{artist}/{title} ({stem})`; the suffix may be left out, and is always written.

    Args:
        text: as the user wrote it.
        fields: those that may be named.

    Raises:
        UsageError: where a field is unknown, or the path leaves the folder of the results.
    """
    parts = tuple(
        tuple(_pieces(part, text, fields)) for part in text.removesuffix(".{ext}").split("/")
    )
    for part in parts:
        words = "".join(piece.text for piece in part).strip()
        if words in ("", ".", "..") and not any(piece.field for piece in part):
            raise UsageError(
                f"--name-template: got {text!r}, in which a folder or file has no name; names "
                "stay in the folder of -o, with one / between them"
            )
    return Template(parts)


def _pieces(part: str, text: str, fields: tuple[str, ...]) -> list[Piece]:
    try:
        parsed = list(string.Formatter().parse(part))
    except ValueError:
        raise UsageError(
            f"--name-template: got {text!r}, in which a brace is not closed; write {{title}} for "
            "a field, and {{ or }} for a brace"
        ) from None
    for _, field, how, conversion in parsed:
        if field is not None and (field not in fields or how or conversion):
            written = field + (f"!{conversion}" if conversion else "") + (f":{how}" if how else "")
            raise UsageError(
                f"--name-template: unknown field {{{written}}}; fields are "
                f"{', '.join(f'{{{name}}}' for name in fields)}"
            )
    return [Piece(words, field) for words, field, _, _ in parsed]


def _filled(part: tuple[Piece, ...], values: Mapping[str, str]) -> list[str]:
    tags = sum(piece.field in TAG_FIELDS for piece in part)
    texts = []
    for piece in part:
        value = values[piece.field] if piece.field else ""
        if piece.field in TAG_FIELDS:
            value = value.encode()[: _LONGEST_BYTES // tags].decode(errors="ignore")
        texts.append(piece.text + value.replace("/", "_"))
    return texts
