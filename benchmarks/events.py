"""Measure how soon many clients of one gateway learn of what happens to jobs.

    python -m benchmarks.events [--clients 1000] [--jobs 200] [--rate 10]

A Redis, a gateway, the clients (raw asyncio) and the publisher are processes of their own on this
machine; everything ends when the jobs are done. A delay is the time from just before an event is
published (where its change was committed) to when a client has read it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import cast

from benchmarks.process import ROOT
from neuralib.events.event import Event
from neuralib.events.redis import RedisEvents
from tests.servers.redis import RedisServer, free_port

TENANT = "local"
STATES = ("queued", "running", "done")
PATIENCE_SECONDS = 60
"""How long the clients wait for what is late."""

_TICKS = os.sysconf("SC_CLK_TCK")
_EVENT = re.compile(rb"data: (\{.*?\})\n\n")


class Client(asyncio.Protocol):
    """One stream; notes when each end state came."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.rest = b""
        self.is_open = False
        self.left = crowd.jobs

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writer = cast(asyncio.Transport, transport)  # uvloop's own kind
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        now = time.time()
        text = self.rest + data
        if not self.is_open and b"retry:" in text:
            self.is_open = True
            self.crowd.opened()
        end = 0
        for found in _EVENT.finditer(text):
            end = found.end()
            at = final_at(found[1])
            if at is not None:
                self.crowd.delays.append(now - at)
                self.left -= 1
        self.rest = text[end:] if end else text
        if not self.left:
            self.left = -1
            self.crowd.finished()


class Crowd:
    """All clients of the run."""

    def __init__(self, clients: int, jobs: int) -> None:
        self.clients = clients
        self.jobs = jobs
        self.delays: list[float] = []
        self.open = asyncio.Semaphore(0)
        self.done = asyncio.Semaphore(0)

    def opened(self) -> None:
        self.open.release()

    def finished(self) -> None:
        self.done.release()

    async def run(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        transports = []
        for _ in range(self.clients):
            transport, _ = await loop.create_connection(lambda: Client(self), "127.0.0.1", port)
            transports.append(transport)
        for _ in range(self.clients):
            await asyncio.wait_for(self.open.acquire(), PATIENCE_SECONDS)
        print("open", flush=True)
        seconds = await asyncio.to_thread(sys.stdin.readline)
        complete = 0
        try:
            for _ in range(self.clients):
                await asyncio.wait_for(self.done.acquire(), float(seconds))
                complete += 1
        except asyncio.TimeoutError:
            pass
        print(json.dumps({"complete": complete, "delays": sorted(self.delays)}), flush=True)


@lru_cache(maxsize=4096)
def final_at(data: bytes) -> float | None:
    """When the end of a job was published; None for another event. Read once for all clients."""
    event = json.loads(data)
    if event["state"] != "done":
        return None
    return datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()


def publish(events: RedisEvents, jobs: int, rate: float) -> None:
    """Publish three events a job, evenly."""
    begin = time.monotonic()
    for number in range(jobs + 2):
        for step, state in enumerate(STATES):
            job = number - step  # a job is queued while its neighbours run and end
            if 0 <= job < jobs:
                events.publish(TENANT, event(job, state))
            time.sleep(max(0.0, begin + (number + (step + 1) / 3) / rate - time.monotonic()))


def event(job: int, state: str) -> Event:
    return Event.model_validate(
        {
            "job_id": f"job_{job:032}",
            "task": "separate",
            "state": state,
            "progress": float(state == "done"),
            "eta_seconds": None,
            "attempt": 1,
            "error": None,
            "at": datetime.now(timezone.utc),
        }
    )


@contextmanager
def process(*words: str, **pipes: int) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        **pipes,  # type: ignore[call-overload] # mypy does not look into a dict
    )
    with running:
        try:
            yield running
        finally:
            running.terminate()


def memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1e3


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Processor time of a process: its own, and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS


def measure(clients: int, jobs: int, rate: float, folder: Path) -> None:
    server = RedisServer(folder / "redis")
    server.start()
    port = free_port()
    gateway_words = ("tests.server.event_gateway", str(folder / "data"), str(port), server.url)
    crowd_words = ("benchmarks.events", "--port", str(port), "--clients", str(clients))
    try:
        with process(*gateway_words) as gateway:
            assert gateway.stdout
            assert gateway.stdout.readline()
            before_mb = memory_mb(gateway.pid)
            with process(*crowd_words, "--jobs", str(jobs), stdin=subprocess.PIPE) as crowd:
                assert crowd.stdin
                assert crowd.stdout
                began = time.monotonic()
                assert crowd.stdout.readline() == "open\n"
                opening_seconds = time.monotonic() - began
                open_mb = memory_mb(gateway.pid)
                crowd.stdin.write(f"{jobs / rate + PATIENCE_SECONDS}\n")
                crowd.stdin.flush()
                began, before_cpu = time.monotonic(), cpu_seconds(gateway.pid)
                publish(RedisEvents(server.url), jobs, rate)
                report = json.loads(crowd.stdout.readline())
                wall, after_cpu = time.monotonic() - began, cpu_seconds(gateway.pid)
                own, system = (b - a for a, b in zip(before_cpu, after_cpu, strict=True))
                end_mb = memory_mb(gateway.pid)
    finally:
        server.close()
    delays = report["delays"]
    rows = {
        "clients": f"{clients}, opened in {opening_seconds:.1f} s",
        "jobs": f"{jobs}, {rate:g} a second, {len(STATES)} events each",
        "clients with every end state": f"{report['complete']} ({len(delays)} end states)",
        **{
            f"delay, {part:g} %": f"{1000 * delays[round(part / 100 * (len(delays) - 1))]:.1f} ms"
            for part in (50, 95, 99, 100)
        },
        "gateway memory": f"{before_mb:.0f} MB, {open_mb:.0f} MB open, {end_mb:.0f} MB at the end",
        "memory a client": f"{1000 * (open_mb - before_mb) / clients:.1f} kB",
        "gateway processor time": f"{own:.1f} s and {system:.1f} s (system) of {wall:.1f} s",
    }
    for name, value in rows.items():
        print(f"| {name} | {value} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10.0, help="jobs a second")
    parser.add_argument("--port", type=int, help="be the clients of the gateway there")
    given = parser.parse_args()
    if given.port:
        import uvloop

        uvloop.install()
        asyncio.run(Crowd(given.clients, given.jobs).run(given.port))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(given.clients, given.jobs, given.rate, Path(folder))


if __name__ == "__main__":
    main()
