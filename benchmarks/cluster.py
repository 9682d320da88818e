"""What a job costs apart from its model: `python -m benchmarks.cluster [--jobs N] [--bullmq]`.

A gateway, two workers whose jobs do nothing, Redis (with an append-only file), PostgreSQL (every
commit reaches the disk) and an S3 server run as processes of their own on this machine. A job goes
from POST to its `done` event; clients wait for their last job before they send the next. With
`--bullmq`, BullMQ (installed by npm into a temporary folder) does as much on the same Redis, in
turn: add, run by one of two workers, completed event.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import NEURALIB, ROOT
from tests.audio_files import noise, write_wav
from tests.servers.postgres import running_postgres
from tests.servers.redis import RedisServer
from tests.servers.s3 import running_s3

WORKERS = 2
ROUNDS = 3
BULLMQ_SECONDS = 120
BULLMQ = ROOT / "benchmarks" / "bullmq"


@dataclass(frozen=True)
class Run:
    """Some jobs, one after the other in each of some clients."""

    seconds: float
    latencies_ms: list[float]

    @property
    def rate(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def row(self, name: str, clients: int) -> str:
        cuts = statistics.quantiles(self.latencies_ms, n=100)
        return f"| {name} | {clients} | {cuts[49]:.1f} | {cuts[98]:.1f} | {self.rate:.0f} |"


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--jobs", type=int, default=1000, help="jobs of 16 clients, a round")
    arguments.add_argument("--bullmq", action="store_true")
    chosen = arguments.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = RedisServer(folder / "redis")
        stack.callback(server.close)
        server.start()
        url = stack.enter_context(running_cluster(folder, server.url))
        sides = {"neuralib": lambda jobs, clients: asyncio.run(post_jobs(url, jobs, clients))}
        if chosen.bullmq:
            bullmq = stack.enter_context(running_bullmq(folder / "bullmq", server.url))
            sides["BullMQ"] = bullmq
        for run in sides.values():
            run(50, 2)  # everything is warm
        print("| | clients | median ms | p99 ms | jobs/s |\n|---|---|---|---|---|", flush=True)
        for _ in range(ROUNDS):
            for jobs, clients in ((max(chosen.jobs // 5, 20), 1), (chosen.jobs, 16)):
                for name, run in sides.items():
                    print(run(jobs, clients).row(name, clients), flush=True)


@contextmanager
def running_cluster(folder: Path, redis_url: str) -> Iterator[str]:
    """Run a gateway and its workers; give the gateway's address."""
    with ExitStack() as stack:
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "NEURALIB_DATA_DIR": str(folder / "data"),
            "NEURALIB_REDIS_URL": redis_url,
            "NEURALIB_DATABASE_URL": stack.enter_context(running_postgres(durable=True)),
            "NEURALIB_STORAGE_URL": stack.enter_context(running_s3(folder / "s3")),
        }
        log = stack.enter_context((folder / "log").open("wb"))

        def start(*words: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                words, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        gateway = start(*NEURALIB, "serve", "--port", "0")
        assert gateway.stdout
        url = gateway.stdout.readline().decode().strip()
        assert url, (folder / "log").read_text()
        for _ in range(WORKERS):
            start(sys.executable, "-m", "benchmarks.noop_worker")
        yield url


async def post_jobs(url: str, jobs: int, clients: int) -> Run:
    """Send jobs from several clients, and watch the events of all on one stream."""
    host, _, port = url.removeprefix("http://").partition(":")
    sample = await asyncio.to_thread(add_sample, url)
    body = {"task": {"kind": "midi"}, "sample_id": sample, "force": True}
    done: dict[str, asyncio.Future[float]] = {}
    listening = asyncio.Event()
    stream = asyncio.create_task(listen(host, int(port), done, listening))
    await listening.wait()
    left = iter(range(jobs))
    latencies = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in left:
            started = time.perf_counter()
            job = json.loads(await request(reader, writer, "POST", "/v1/jobs", body))
            ended = done.setdefault(job["id"], asyncio.get_running_loop().create_future())
            latencies.append(1000 * (await asyncio.wait_for(ended, 60) - started))
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = time.perf_counter() - started
    stream.cancel()
    return Run(seconds, latencies)


async def listen(
    host: str, port: int, done: dict[str, asyncio.Future[float]], listening: asyncio.Event
) -> None:
    """Note when the `done` event of each job arrives."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    loop = asyncio.get_running_loop()
    while line := await reader.readline():
        if line.startswith(b"retry:"):
            listening.set()
        if line.startswith(b"data: ") and b'"state":"done"' in line:
            job = json.loads(line[6:])["job_id"]
            ended = done.setdefault(job, loop.create_future())
            if not ended.done():
                ended.set_result(time.perf_counter())


async def request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: str, path: str, body: object
) -> bytes:
    """Send one request on a connection that stays open; give the answer's body."""
    content = json.dumps(body).encode()
    head = f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(content) + content)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 201 " in answer.partition(b"\r\n")[0], answer
    (length,) = (
        int(line.partition(b":")[2])
        for line in answer.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    return await reader.readexactly(length)


def add_sample(url: str) -> str:
    """Upload a second of noise; give its id."""
    import httpx2

    with tempfile.TemporaryDirectory() as folder:
        clip = write_wav(Path(folder) / "clip.wav", noise(44100, channels=1))
        answer = httpx2.post(f"{url}/v1/samples?name=clip.wav", content=clip.read_bytes())
    return str(answer.raise_for_status().json()["id"])


@contextmanager
def running_bullmq(folder: Path, redis_url: str) -> Iterator[Callable[[int, int], Run]]:
    """Run BullMQ's workers; give what runs jobs through them."""
    shutil.copytree(BULLMQ, folder)
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        check=True,
    )
    workers = [
        subprocess.Popen(
            ["node", "worker.mjs", redis_url, "noop"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(WORKERS)
    ]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == b"ready\n"

    def run(jobs: int, clients: int) -> Run:
        try:
            done = subprocess.run(
                ["node", "client.mjs", redis_url, "noop", str(jobs), str(clients)],
                cwd=folder,
                check=True,
                stdout=subprocess.PIPE,
                timeout=BULLMQ_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            raise SystemExit(
                f"BullMQ's client did not end {jobs} jobs of {clients} clients in "
                f"{late.timeout:g} s; its workers run: {[each.poll() is None for each in workers]}"
            ) from late
        return Run(**json.loads(done.stdout))

    try:
        yield run
    finally:
        for worker in workers:
            worker.communicate(timeout=30)  # the end of its input ends it


if __name__ == "__main__":
    main()
