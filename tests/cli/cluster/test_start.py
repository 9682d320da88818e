"""Starting gateways and workers; the keys to them."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from tests.audio_files import noise, write_wav
from tests.conftest import NEURALIB, ROOT, Command
from tests.servers.gateway import Gateway, user_environment


def test_keys_open_a_gateway(micro_models: Path, tmp_path: Path, neuralib: Command) -> None:
    home = user_environment(tmp_path / "home", micro_models)
    cluster = {"NEURALIB_DATA_DIR": home["NEURALIB_DATA_DIR"]}
    refused = neuralib("serve", "--host", "0.0.0.0", "--port", 0, **cluster)
    assert (refused.status, refused.stdout) == (2, b"")
    assert "neuralib keys create" in refused.errors[0]
    created = neuralib("keys", "create", "laptop", "--tenant", "band", **cluster)
    (token,) = created.lines
    assert token.startswith("nl_")
    (key,) = neuralib("keys", "list", "--json", **cluster).records
    assert (key["name"], key["tenant"]) == ("laptop", "band")
    assert token not in json.dumps(key) + created.stderr
    gateway = Gateway(tmp_path, home, "--no-worker")
    try:
        server = {"NEURALIB_SERVER": gateway.url}
        assert neuralib("jobs", "list", **server).status == 4
        assert neuralib("jobs", "list", **server, NEURALIB_TOKEN=token).status == 0
        wrong = neuralib("jobs", "list", **server, NEURALIB_TOKEN="nl_wrong")
        assert (wrong.status, len(wrong.errors)) == (4, 1)
        assert neuralib("keys", "revoke", key["id"], **cluster).lines == [key["id"]]
        assert neuralib("keys", "revoke", key["id"], **cluster).status == 4
    finally:
        assert gateway.stop() == 0


def test_a_port_that_is_taken(neuralib: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = neuralib("serve", "--port", taken.getsockname()[1])
    assert (done.status, done.stdout) == (2, b"")
    assert "Address already in use" in done.errors[0]


def test_a_data_folder_has_one_gateway_unless_a_redis_is_shared(
    micro_models: Path, tmp_path: Path, neuralib: Command
) -> None:
    home = user_environment(tmp_path / "home", micro_models)
    data = {"NEURALIB_DATA_DIR": home["NEURALIB_DATA_DIR"]}
    gateway = Gateway(tmp_path, home, "--no-worker")
    try:
        second = neuralib("serve", "--port", 0, **data)
    finally:
        gateway.process.kill()
        gateway.stop()
    assert (second.status, second.stdout) == (2, b"")
    assert "another `neuralib serve`" in second.errors[0]
    again = Gateway(tmp_path, home, "--no-worker")  # a killed one holds nothing
    assert again.stop() == 0


def test_a_data_folder_that_cannot_be_written(neuralib: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for words in (["serve", "--port", "0"], ["keys", "list"]):
        done = neuralib(*words, NEURALIB_DATA_DIR=str(tmp_path / "file"))
        assert (done.status, done.stdout) == (1, b"")
        assert "NEURALIB_DATA_DIR" in done.errors[0]


def test_a_gateway_says_at_once_what_does_not_answer(micro_models: Path, tmp_path: Path) -> None:
    home = user_environment(tmp_path / "home", micro_models)
    away = {
        "NEURALIB_REDIS_URL": "redis://127.0.0.1:1/0",
        "NEURALIB_STORAGE_URL": "s3://key:secret@127.0.0.1:1/bucket?secure=false",
    }
    gateway = Gateway(tmp_path, home | away)
    assert gateway.stop() == 0
    log = gateway.log.read_text()
    assert "server.lacks: Redis at 127.0.0.1:1 does not answer" in log
    assert "server.lacks: the storage at 127.0.0.1:1 does not answer" in log


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serve", "--device", "tpu"], "device 'tpu'"),
        (["serve", "--workers", "0"], "--workers: got 0"),
        (["serve", "--port", "70000"], "70000"),
        (["serve", "--host", ""], "--host: got ''"),
        (["worker"], "NEURALIB_REDIS_URL"),
        (["worker", "--queues", "separate,mix"], "--queues: got 'mix'"),
        (["worker", "--grace", "-1"], "--grace: got -1"),
        (["worker", "--max-jobs", "0"], "--max-jobs: got 0"),
        (["worker", "--together", "0"], "--together: got 0"),
        (["worker", "--together", "65"], "--together: got 65"),
        (["keys", "create", "me", "--tenant", "Me!"], "tenant: got 'Me!'"),
    ],
)
def test_wrong_words_start_nothing(neuralib: Command, words: list[str], message: str) -> None:
    done = neuralib(*words)
    assert (done.status, done.stdout) == (2, b"")
    assert message in done.errors[-1]


def test_without_a_gateway_the_parts_are_used(
    neuralib: Command, micro_models: Path, redis_url: str, tmp_path: Path
) -> None:
    """`--submit` through Redis, database and folder of the settings; a worker runs it."""
    song = write_wav(tmp_path / "song.wav", noise(50_000))
    home = user_environment(tmp_path / "home", micro_models)
    cluster = home | {"NEURALIB_REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}

    def run(*words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*NEURALIB, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=cluster,
        )

    worker = run("worker", "--queues", "midi", "--max-jobs", "1")
    waiting = run("midi", "song.wav", "--submit", "--json", "-o", "there")
    output, errors = waiting.communicate()
    assert waiting.returncode == 0, errors
    (record,) = [json.loads(line) for line in output.splitlines()]
    worker.communicate()
    assert worker.returncode == 0
    here = neuralib("midi", song, "-o", "here")
    assert here.status == 0
    assert (tmp_path / "there" / "song.mid").read_bytes() == (
        tmp_path / "here" / "song.mid"
    ).read_bytes()
    assert record["status"] == "done"
    listed, _ = run("jobs", "list", "--json").communicate()
    assert json.loads(listed)["state"] == "done"
    detached, _ = run("midi", "song.wav", "--submit", "--detach", "--force").communicate()
    job = detached.decode().strip()
    watcher = run("jobs", "watch", job)
    assert watcher.stdout
    assert watcher.stdout.readline().split() == [job.encode(), b"midi", b"queued"]
    cancelled, _ = run("jobs", "cancel", job).communicate()
    assert cancelled.split() == [job.encode()]
    watched, _ = watcher.communicate()
    assert watched.split()[-1] == b"cancelled"
    assert watcher.returncode == 1
