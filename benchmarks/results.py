"""What was measured, in a JSON file that is written after every round."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.process import Cost

FORMAT = 1


class Results:
    """A file of results, which a stopped run goes on with.

    It holds `machine` and `versions`; `works`, each with its rounds (when, the load of the machine
    before it, the cost of each program and how far it agrees); `growth`, `speed` and `flop`.
    """

    def __init__(self, path: Path) -> None:
        """Read `path`, or begin anew where it does not exist.

        Raises:
            SystemExit: where it is something else.
        """
        self.path = path
        self.data: dict[str, Any] = {"format": FORMAT}
        if path.exists():
            self.data = json.loads(path.read_text(encoding="utf-8"))
            if self.data.get("format") != FORMAT:
                raise SystemExit(f"{path} holds no results of this benchmark; name another file")

    def begin(self, machine: dict[str, Any], versions: dict[str, Any]) -> None:
        """Take note of where and with what it is measured.

        Raises:
            SystemExit: where earlier results are another machine's.
        """
        there = self.data.setdefault("machine", machine)
        if there != machine:
            raise SystemExit(
                f"{self.path} was measured on another machine ({there}), this is {machine}; "
                "name another file with --resume"
            )
        self.data.setdefault("versions", {}).update(versions)
        self.save()

    def work(self, key: str, **facts: Any) -> dict[str, Any]:
        """Give what is known of a work; `facts` are those of the newest run."""
        works: dict[str, Any] = self.data.setdefault("works", {})
        found: dict[str, Any] = works.setdefault(key, {"rounds": []})
        found.update(facts)
        return found

    def add_round(
        self, key: str, costs: dict[str, Cost], agreement: dict[str, float], **facts: Any
    ) -> None:
        costs_told = {name: _rounded(asdict(cost)) for name, cost in costs.items()}
        entry = {**facts, "costs": costs_told, "agreement": _rounded(agreement)}
        self.data["works"][key]["rounds"].append(entry)
        self.save()

    def put(self, section: str, key: str, value: Any) -> None:
        """Keep one value of `growth`, `speed` or `flop`."""
        self.data.setdefault(section, {})[key] = value
        self.save()

    def has(self, section: str, key: str) -> bool:
        return key in self.data.get(section, {})

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.part")
        draft.write_text(json.dumps(self.data, indent=1) + "\n", encoding="utf-8")
        os.replace(draft, self.path)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.5g}") for name, value in values.items()}
