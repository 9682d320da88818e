"""The table of models says what the catalogue says."""

from __future__ import annotations

import re

from neuralib.models.catalogue import CATALOGUE
from tests.conftest import ROOT


def test_sizes_are_those_of_the_catalogue() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \| ([\d.]+|not published) \|", text, re.MULTILINE)
    assert dict(rows) == {name: _megabytes(each.size_bytes) for name, each in CATALOGUE.items()}


def test_default_of_each_task_is_marked() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    marked = re.findall(r"^\| `(.+?)` \|.*\| the default", text, re.MULTILINE)
    assert marked == [name for name, each in CATALOGUE.items() if each.is_default]


def _megabytes(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "not published"
    return f"{size_bytes / 1e6:.0f}" if size_bytes >= 1e6 else f"{size_bytes / 1e6:.2f}"
