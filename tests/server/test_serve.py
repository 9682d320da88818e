"""The server in a process of its own."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.conftest import ROOT
from tests.server.gateway import song, submit, upload
from tests.server.test_samples import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SERVE = """
import logging, resource, signal, sys
from neuralib.service.parts import opened_parts
from neuralib.server.serve import serve
from neuralib.settings import load_settings

largest, port, is_early = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["early"]


class Background:
    def __enter__(self):
        logging.info("background begins")
        if is_early:
            signal.raise_signal(signal.SIGTERM)

    def __exit__(self, *_):
        logging.info("background ends")


if largest:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
logging.basicConfig(level=logging.INFO)
with opened_parts(load_settings()) as parts:
    serve(
        load_settings(),
        parts,
        port=port,
        background=[Background()],
        listening=lambda url: print(url, flush=True),
    )
print("closed")
assert "torch" not in sys.modules
"""


@dataclass
class Process:
    url: str
    process: subprocess.Popen[str]
    folder: Path

    def memory(self, name: str) -> int:
        """Bytes: `VmRSS` now, `VmHWM` at most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) * 1024


@contextmanager
def serving(folder: Path, *words: str, largest_file: int = 0, port: int = 0) -> Iterator[Process]:
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(largest_file), str(port), *words],
            cwd=folder,
            env={**clean_environment(), "NEURALIB_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url or port, (folder / "log").read_text()
        yield Process(url, process, folder)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("NEURALIB_")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_stops_soon_though_streams_are_open(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path) as server:
        with httpx2.stream("GET", f"{server.url}/v1/events") as stream:
            texts = stream.iter_text()
            assert "retry:" in next(texts)
            server.process.send_signal(number)
            assert list(texts) == []  # it ends, and whole
        assert server.process.wait(30) == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == "closed\n"
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_signal_is_heard_before_the_server_listens(tmp_path: Path) -> None:
    with serving(tmp_path, "early") as server:
        assert server.process.wait(30) == 0
    log = (tmp_path / "log").read_text()
    assert (
        log.index("background begins") < log.index("Shutting down") < log.index("background ends")
    )


def test_a_request_that_is_under_way_is_finished(tmp_path: Path) -> None:
    data = song(200_000)
    with serving(tmp_path) as server:

        def body() -> Iterator[bytes]:
            yield data[:100_000]
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            yield data[100_000:]

        answer = httpx2.post(f"{server.url}/v1/samples", content=body())
        assert answer.status_code == 201
        assert server.process.wait(30) == 0


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with serving(tmp_path, port=port) as server:
            assert server.process.wait(30) == 1
    assert f"UsageError: cannot listen at 127.0.0.1 port {port}" in (tmp_path / "log").read_text()


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, largest_file=1_000_000) as server:
        answer = httpx2.post(f"{server.url}/v1/samples", content=song(1_000_000))
        assert (answer.status_code, answer.json()["code"]) == (507, "output")
        assert str(tmp_path) not in answer.text
        assert list((tmp_path / "uploads").iterdir()) == []
        assert httpx2.post(f"{server.url}/v1/samples", content=song()).status_code == 201


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_grows_neither_with_an_upload_nor_with_downloads(tmp_path: Path) -> None:
    size = 200 * 1024**2
    with serving(tmp_path) as server, httpx2.Client(base_url=server.url, timeout=120) as http:
        http.get(f"/v1/samples/{upload(http)['id']}/audio")
        before = server.memory("VmHWM")
        digest = hashlib.sha256()
        answer = http.post("/v1/samples", content=recording(size, digest.update))
        assert answer.status_code == 201
        assert answer.json()["sha256"] == digest.hexdigest()
        with http.stream("GET", f"/v1/samples/{answer.json()['id']}/audio") as audio:
            read = 0
            for number, block in enumerate(audio.iter_bytes()):
                read += len(block)
                if number % 500 == 0:
                    time.sleep(0.01)  # slower than the disk
        assert read == size
        assert server.memory("VmHWM") - before < 50 * 1024**2


def recording(size: int, seen: Callable[[bytes], None]) -> Iterator[bytes]:
    """A WAV file of `size` bytes, piece by piece."""
    head = song(0)[:40] + (size - 44).to_bytes(4, "little")
    yield head
    seen(head)
    piece = bytes(range(256)) * 256
    left = size - len(head)
    while left:
        part = piece[:left]
        yield part
        seen(part)
        left -= len(part)


def test_a_zip_is_made_at_the_pace_of_its_reader(tmp_path: Path) -> None:
    # Written here, as other processes of a cluster would.
    from neuralib.service.parts import opened_parts
    from neuralib.settings import Settings
    from tests.server.gateway import Gateway

    stem = os.urandom(1 << 20) * 60
    with serving(tmp_path) as server, opened_parts(Settings(data_dir=tmp_path)) as parts:
        gateway = Gateway(parts, Settings(data_dir=tmp_path), server.url, None)  # type: ignore[arg-type]  # unused
        with httpx2.Client(base_url=server.url, timeout=120) as http:
            job = submit(http, upload(http)["id"], kind="separate")
            gateway.finish(job["id"], vocals_wav=stem, drums_wav=stem[::-1])
            before = server.memory("VmHWM")
            path = tmp_path / "song.zip"
            with (
                http.stream("GET", f"/v1/jobs/{job['id']}/archive") as answer,
                path.open("wb") as f,
            ):
                blocks = answer.iter_raw()
                f.write(next(blocks))
                time.sleep(1.0)  # all would be in memory by now
                for block in blocks:
                    f.write(block)
            assert server.memory("VmHWM") - before < 30 * 1024**2
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.read("song/drums.wav") == stem[::-1]


def test_a_reader_that_goes_frees_what_it_read(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with httpx2.Client(base_url=server.url, timeout=120) as http:
            answer = http.post("/v1/samples", content=recording(30 << 20, lambda _: None))
            sample = answer.json()["id"]
        open_files = Path(f"/proc/{server.process.pid}/fd")
        before = len(list(open_files.iterdir()))
        for _ in range(5):
            with httpx2.stream("GET", f"{server.url}/v1/samples/{sample}/audio") as answer:
                next(answer.iter_raw())
        wait_until(lambda: len(list(open_files.iterdir())) <= before)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_a_killed_server_left_behind_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    old, fresh = folder / "a.upload", folder / "b.upload"
    for path in (old, fresh):
        path.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    with serving(tmp_path):
        pass
    assert list(folder.iterdir()) == [fresh]


def test_servers_start_at_once_on_one_database(tmp_path: Path) -> None:
    found: list[int] = []

    def start() -> None:
        with serving(tmp_path) as server:
            found.append(httpx2.get(f"{server.url}/readyz").status_code)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200, 200, 200]
