"""Write the page from the results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

from benchmarks.goals import FLOP, FP32_ALWAYS, GOALS, PAIRS, Goal

HEAD = """<!-- Written by `python -m benchmarks --write`. -->

# Benchmarks

Whole commands, ours and what else people use, with the same weights, on the same files, in turn: a
round runs each once, one after the other. A ratio is of the times in one round; given are the
median of all rounds, the least and the greatest. Peers have an environment of their own each, with
the same versions of the libraries below. `python -m benchmarks.peers`, then `python -m benchmarks`
measures all of it on your machine (`--help` tells how to measure a part); `neuralib bench` tells
in a minute how fast yours is.
"""

Rounds = list[dict[str, Any]]


def page(data: dict[str, Any]) -> str:
    """Give the page as Markdown."""
    works: dict[str, Any] = data.get("works", {})
    parts = [HEAD, *_machine(data)]
    for isa in dict.fromkeys(work["isa"] for work in works.values()):
        parts += _goals(works, isa)
    for work in works.values():
        if work["rounds"]:
            parts += _work(data, work)
    parts += _growth(data.get("growth", {}))
    parts += _limit(data)
    return "\n".join(parts).rstrip() + "\n"


def _machine(data: dict[str, Any]) -> Iterator[str]:
    machine = data.get("machine", {})
    yield "## Machine and versions\n"
    yield (
        f"{machine.get('processor')}, {machine.get('cores')} cores "
        f"({', '.join(machine.get('instructions', []))}), {machine.get('memory_gib')} GiB, "
        f"{machine.get('system')}, Python {machine.get('python')}.\n"
    )
    yield from _table(
        ["environment", "versions"],
        (
            [name, ", ".join(f"{each} {version}" for each, version in sorted(found.items()))]
            for name, found in data.get("versions", {}).items()
        ),
    )


def _goals(works: dict[str, Any], isa: str) -> Iterator[str]:
    """Tell of each goal what the longest recording says that all its programs ran on.

    With fewer instructions than the goals are about, nothing must be slower than a peer.
    """
    goals = GOALS if isa == "all" else [replace(each, times=1.0) for each in GOALS if each.theirs]
    rows = []
    measured = [work for work in works.values() if work["isa"] == isa and work["rounds"]]
    measured.sort(key=lambda work: work["audio_seconds"])
    for goal in goals:
        told = [(work, _goal(goal, work["rounds"])) for work in measured if work["row"] == goal.row]
        rows += [
            [goal.work, f"{work['audio_seconds']:g}", *cells] for work, cells in told if cells
        ][-1:]
    if rows:
        limited = "" if isa == "all" else f", both limited to {isa.upper()}"
        yield f"## Goals{limited}\n"
        yield from _table(
            ["work", "audio, s", "beside", "at least", "times as fast", "peak memory", "reached"],
            rows,
        )


def _goal(goal: Goal, rounds: Rounds) -> list[str] | None:
    if any(goal.ours not in each["costs"] for each in rounds):
        return None
    if goal.theirs is None:
        taken = [each["costs"][goal.ours]["seconds"] for each in rounds]
        reached = "yes" if median(taken) < goal.seconds else "no"
        told = f"{spread(taken)} s"
        return ["–", f"under {goal.seconds:g} s", told, _memory(rounds, goal.ours), reached]  # noqa: RUF001 (a dash in a table)
    if any(goal.theirs not in each["costs"] for each in rounds):
        return None
    memory = f"{_memory(rounds, goal.ours)}, theirs {_memory(rounds, goal.theirs)}"
    times = ratios(rounds, goal.ours, goal.theirs)
    reached = "yes" if median(times) >= goal.times else "no"
    if goal.no_more_memory and _peak_mb(rounds, goal.ours) > _peak_mb(rounds, goal.theirs):
        reached = "not the memory"
    return [goal.theirs, f"{goal.times:g}", spread(times), memory, reached]


def _work(data: dict[str, Any], work: dict[str, Any]) -> Iterator[str]:
    rounds: Rounds = work["rounds"]
    limited = "" if work["isa"] == "all" else f", both limited to {work['isa'].upper()}"
    length = f"{work['audio_seconds']:g} s"
    yield f"## {work['row']}, {length}{limited}\n"
    loads = [each["load"] for each in rounds]
    yield (
        f"{work['about']} Rounds: {len(rounds)}, {rounds[0]['at']} to {rounds[-1]['at']}; the "
        f"machine's load before them {min(loads):g} to {max(loads):g}.\n"
    )
    rows = []
    for name in dict.fromkeys(name for each in rounds for name in each["costs"]):
        ran = [each for each in rounds if name in each["costs"]]
        costs = [each["costs"][name] for each in ran]
        times = [cost["seconds"] for cost in costs]
        ours = PAIRS.get(name)
        is_compared = ours is not None and all(ours in each["costs"] for each in ran)
        rows.append(
            [
                name,
                spread(times),
                f"{median(cost['cpu_seconds'] for cost in costs):.1f}",
                _memory(ran, name),
                f"{work['audio_seconds'] / median(times):.1f}",
                spread(ratios(ran, str(ours), name)) if is_compared else "",
                _agreement(rounds, name),
                _share(data, work, name, median(times)),
            ]
        )
    heads = ["program", "time, s", "CPU s", "peak", "× real time", "ours faster by"]  # noqa: RUF001 (a sign of multiplication)
    yield from _table([*heads, work["unit"], "of the limit"], rows)


def _agreement(rounds: Rounds, name: str) -> str:
    found = [each["agreement"][name] for each in rounds if name in each["agreement"]]
    return f"{min(found):.4g}" if found else ""


def _share(data: dict[str, Any], work: dict[str, Any], name: str, seconds: float) -> str:
    """Say which part of the time the arithmetic alone would take."""
    flop = data.get("flop", {}).get(FLOP.get(work["row"], ""))
    precision = "fp32" if "fp32" in name or work["row"] in FP32_ALWAYS else "bf16"
    if work["isa"] != "all":
        precision = "fp32"
    rate = data.get("speed", {}).get(f"{precision} {work['isa']}")
    if not flop or not rate or not name.startswith("neuralib") or work["row"] == "clips":
        return ""
    return f"{100 * flop * work['audio_seconds'] / rate / seconds:.0f} % ({precision})"


def _growth(growth: dict[str, Any]) -> Iterator[str]:
    if not growth:
        return
    yield "## From ten seconds to an hour\n"
    yield (
        "Our commands, once each, models prepared; `full`: random weights of the sizes of htdemucs "
        "and Whisper small, `micro`: the models of the tests.\n"
    )
    rows = []
    for key, cost in growth.items():
        task, model, seconds = key.split()
        real_time = float(seconds) / cost["seconds"]
        peak = f"{cost['peak_mb']:.0f} MB"
        rows.append([task, model, seconds, f"{cost['seconds']:.1f}", f"{real_time:.1f}", peak])
    rows.sort(key=lambda row: (*row[:2], float(row[2])))
    heads = ["task", "model", "audio, s", "time, s", "× real time", "peak"]  # noqa: RUF001 (a sign of multiplication)
    yield from _table(heads, rows)


def _limit(data: dict[str, Any]) -> Iterator[str]:
    if "speed" not in data or "flop" not in data:
        return
    yield "## The arithmetic limit\n"
    speeds = ", ".join(f"{rate} GFLOP/s ({name})" for name, rate in data["speed"].items())
    flops = ", ".join(f"{name} {value:g}" for name, value in data["flop"].items())
    yield (
        f"A large product of matrices on all cores reaches {speeds}. The models' convolutions and "
        f"products, in GFLOP a second of audio: {flops} (htdemucs with its overlap of a quarter, "
        "Whisper with five beams and 85 tokens a window; counted from the graph, or from the "
        "layers' sizes). Their quotient is the least time for the same arithmetic; `of the limit` "
        "is this time as a part of ours, decoding, transforms and files included. Where a network "
        "is written anew so that it computes less, the share can pass 100 %.\n"
    )


def ratios(rounds: Rounds, ours: str, theirs: str) -> list[float]:
    """Say in each round how many times as fast ours was."""
    return [each["costs"][theirs]["seconds"] / each["costs"][ours]["seconds"] for each in rounds]


def spread(values: list[float]) -> str:
    """Give the median, the least and the greatest."""
    texts = [f"{value:.2f}" for value in (median(values), min(values), max(values))]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def _memory(rounds: Rounds, name: str) -> str:
    return f"{_peak_mb(rounds, name):.0f} MB"


def _peak_mb(rounds: Rounds, name: str) -> float:
    return max(float(each["costs"][name]["peak_mb"]) for each in rounds)


def _table(heads: list[str], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
