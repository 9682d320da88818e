"""What the catalogue says of a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from neuralib.models.files import Kind


@dataclass(frozen=True)
class CatalogueFile:
    """One file of a checkpoint."""

    name: str
    """File name in the models folder; files of one kind with one name are one file."""
    address: str | None
    """Where it is fetched from; None: it comes inside a Python distribution."""
    sha256: str
    """All 64 hex digits, or the first 8 where no more is published."""
    size_bytes: int | None
    """None: not published."""

    @property
    def is_fully_checked(self) -> bool:
        """Whether the whole sha256 is known, and not only its start."""
        return len(self.sha256) == 64


@dataclass(frozen=True)
class CatalogueModel:
    """A checkpoint, by the name that `--model` takes."""

    name: str
    kind: Kind
    files: tuple[CatalogueFile, ...]
    """One a sub-model, in the bag's order; the same file may come twice."""
    licence: str
    """Terms of the weights, as far as their author states them."""
    sources: tuple[str, ...] = ()
    """Stems that a separating model knows, in its order."""
    weights: tuple[tuple[float, ...], ...] | None = None
    """Of a bag: one row a sub-model, one column a source."""
    segment_seconds: float | None = None
    """Of a bag: longest segment; None: each model's own."""
    is_default: bool = False
    """Taken when no model is named."""

    @property
    def distinct_files(self) -> tuple[CatalogueFile, ...]:
        """The files without repetition."""
        return tuple(dict.fromkeys(self.files))

    @property
    def size_bytes(self) -> int | None:
        """Bytes of all files together, None where one is not known."""
        sizes = [file.size_bytes for file in self.distinct_files]
        return None if None in sizes else sum(size or 0 for size in sizes)
