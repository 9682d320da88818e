"""Write the pages that the code itself knows best: `python -m docs.generate`.

`cli.md` comes from the Typer app, `errors.md` from the error tree and `settings.md` from the
settings; each after the introduction in `intro/`. A test compares them with what is committed.
"""

from __future__ import annotations

import html
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from neuralib import errors, settings

HERE = Path(__file__).parent


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Give the text of every generated page by file name."""
    return {
        "cli.md": _page("cli", command_reference()),
        "errors.md": _page("errors", error_table()),
        "settings.md": _page("settings", setting_table()),
    }


def _page(name: str, body: str) -> str:
    intro = (HERE / "intro" / f"{name}.md").read_text(encoding="utf-8").strip()
    return f"<!-- Written by `python -m docs.generate`. -->\n\n{intro}\n\n{body.strip()}\n"


def command_reference() -> str:
    """Describe every command with its arguments and options, by Typer's own generator."""
    words = [sys.executable, "-m", "typer", "neuralib.cli.app", "utils", "docs"]
    done = subprocess.run(
        [*words, "--name", "neuralib"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    _, _, commands = html.unescape(done.stdout).partition("## `neuralib ")
    return "## `neuralib " + commands.replace("\n## ", "\n## ")


def error_table() -> str:
    """List every error with its code, exit status, HTTP status and meaning."""
    rows = [
        f"| `{error.code}` | {error.exit_status} | {error.http_status} | {_first_line(error)} |"
        for error in error_classes()
    ]
    return "\n".join(["| code | exit status | HTTP status | meaning |", "|---|---|---|---|", *rows])


def error_classes() -> list[type[errors.NeuraLibError]]:
    """Give every class of the error tree but its root, in the order of definition."""
    return [
        value
        for value in vars(errors).values()
        if inspect.isclass(value)
        and issubclass(value, errors.NeuraLibError)
        and value is not errors.NeuraLibError
    ]


def setting_table() -> str:
    """List every setting with its variable, its key in the config file, and its meaning."""
    return "\n".join(["| variable | in `neuralib.toml` | meaning |", "|---|---|---|", *_settings()])


def _settings() -> Iterator[str]:
    source = inspect.getsource(settings.Settings)
    for name in settings.Settings.model_fields:
        found = re.search(
            rf'^    {name}: [^\n]*\n    """(.*?)"""', source, re.MULTILINE | re.DOTALL
        )
        assert found, f"setting {name} has no docstring"
        yield f"| `NEURALIB_{name.upper()}` | `{name}` | {' '.join(found[1].split())} |"


def _first_line(error: type[errors.NeuraLibError]) -> str:
    return (inspect.getdoc(error) or "").partition("\n")[0]


if __name__ == "__main__":
    main()
