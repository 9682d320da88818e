"""The documents say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import error_classes, pages
from neuralib.engines.pool import TABLE
from neuralib.models.catalogue import CATALOGUE
from tests.conftest import ROOT

DOCS = ROOT / "docs"
MARKDOWN = [
    *ROOT.glob("*.md"),
    *DOCS.rglob("*.md"),
]


@pytest.mark.parametrize("name", ["cli.md", "errors.md", "settings.md"])
def test_generated_page_is_up_to_date(name: str) -> None:
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "run `make docs` and commit what it wrote"


def test_every_error_code_is_documented_once() -> None:
    codes = [error.code for error in error_classes()]
    assert len(codes) == len(set(codes))
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert [code for code in codes if text.count(f"| `{code}` |") != 1] == []


def test_every_model_and_engine_is_documented() -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    missing = [name for name in [*CATALOGUE, *TABLE] if f"`{name}`" not in text]
    assert missing == []


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert block
    names = re.findall(r'"([a-zA-Z0-9-]+)', block[1])
    design = (DOCS / "design.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in design] == []
