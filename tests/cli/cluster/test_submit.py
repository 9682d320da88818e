"""A task that is submitted gives what it gives here."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from neuralib.audio.tag_file import write_tags
from neuralib.audio.tags import Cover, Tags, read_tags
from neuralib.client import Client
from tests.audio_files import noise, png_bytes, tone, write_wav
from tests.conftest import NEURALIB, ROOT, Command
from tests.servers.gateway import Gateway, user_environment, words_of

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def environment(
    gateway: Gateway, micro_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A user whose settings name the gateway."""
    home = tmp_path_factory.mktemp("home")
    return user_environment(home, micro_models) | {"NEURALIB_SERVER": gateway.url}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Client]:
    with Client(gateway.url) as client:
        yield client


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Start:
    """Start `neuralib`, and leave it running."""

    def popen(*words: object, **variables: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*NEURALIB, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT)} | variables,
        )

    return popen


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def without_speed(text: str) -> str:
    """Leave out how long it took."""
    plain, count = re.subn(r"(?<= of audio in ).*", "…", text)
    assert count == 1
    return plain


def comparable(records: list[dict[str, Any]], folder: str) -> list[dict[str, Any]]:
    """Leave out what differs from run to run: the time, and the folder asked for."""
    text = json.dumps([{**record, "seconds": record["seconds"] is None} for record in records])
    plain: list[dict[str, Any]] = json.loads(text.replace(f'"{folder}/', '"'))
    return plain


@pytest.mark.parametrize(
    "words",
    [
        ["midi", "--format", "mid,csv,json"],
        ["separate", "--two-stems", "drums", "--bit-depth", "24"],
        ["transcribe", "--format", "txt,srt,vtt,tsv,json,lrc"],
    ],
    ids=lambda words: "-".join(words).replace("--", ""),
)
def test_files_and_records_are_those_of_a_local_run(
    neuralib: Command, tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "songs" / "more").mkdir(parents=True)
    write_wav(tmp_path / "songs" / "one.wav", noise(44100, channels=2))
    write_wav(tmp_path / "songs" / "more" / "one.wav", tone(0.5, channels=1))
    (tmp_path / "songs" / "text.mp3").write_text("no audio")
    soundfile.write(tmp_path / "whole.flac", noise(200_000).T, 44100)
    whole = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "songs" / "torn.flac").write_bytes(whole[: len(whole) // 2])
    words = [*words, *words_of(words[0]), "songs", "gone.wav", "--json"]
    here = neuralib(*words, "-o", "here")
    there = neuralib(*words, "-o", "there", "--submit")
    assert here.status == there.status == 1
    assert comparable(here.records, "here") == comparable(there.records, "there")
    assert [record["status"] for record in here.records].count("done") == 2
    assert len(here.records) == 5
    assert files(tmp_path / "here") == files(tmp_path / "there")
    assert without_speed(here.stderr) == without_speed(there.stderr)


def test_tags_level_and_names_are_those_of_a_local_run(neuralib: Command, tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    for name, artist in [("one", "Söhne"), ("two", "Söhne"), ("three", "Die")]:
        write_wav(tmp_path / "songs" / f"{name}.wav", noise(50_000, amplitude=3.0), kind="f32")
        tags = Tags("Lied", artist, "Album", "2019", "3/12", Cover("image/png", png_bytes()))
        write_tags(tmp_path / "songs" / f"{name}.wav", "wav", tags, name)
    template = "{artist}/{track} {title} ({stem})"
    words = ["separate", "-f", "flac", "--bit-depth", "16", "--name-template", template]
    words = [*words, *words_of("separate"), "songs", "--json"]
    here = neuralib(*words, "-o", "here")
    there = neuralib(*words, "-o", "there", "--submit")
    assert comparable(here.records, "here") == comparable(there.records, "there")
    assert all(record["gain_db"] < -3 for record in there.records)
    assert files(tmp_path / "here") == files(tmp_path / "there")
    assert "Söhne/03 Lied (drums) (2).flac" in files(tmp_path / "there")
    vocals = tmp_path / "there" / "Die" / "03 Lied (vocals).flac"
    tags = read_tags(vocals)
    assert (tags.title, tags.artist, tags.track) == ("Lied (vocals)", "Die", "3/12")
    assert tags.cover == Cover("image/png", png_bytes())
    again = neuralib(*words, "-o", "there", "--submit", "--skip-existing")
    # The stems of a checkpoint that only the workers have are learned from its jobs.
    assert {record["status"] for record in again.records} == {"skipped"}


def test_paths_go_to_stdout_in_the_order_of_the_inputs(neuralib: Command, tmp_path: Path) -> None:
    names = [f"{number}.wav" for number in range(6)]
    for number, name in enumerate(names):
        write_wav(tmp_path / name, tone(0.3 + 0.3 * (6 - number)))
    done = neuralib("midi", *names, "--submit", "-o", "notes")
    assert done.status == 0
    assert done.lines == [f"notes/{number}.mid" for number in range(6)]
    assert done.stderr.startswith("6 done; 8.1 s of audio in ")


def test_pipes_and_standard_input(neuralib: Command, tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", noise(44100)).read_bytes()
    words = ["separate", *words_of("separate"), "-", "--stems", "other", "--submit"]
    stem = neuralib(*words, stdin=song)
    assert (stem.status, stem.stdout[:4]) == (0, b"RIFF")
    notes = neuralib("midi", "-", "--submit", "--json", stdin=stem.stdout)
    assert (notes.records[0]["input"], notes.records[0]["outputs"][0]["path"]) == ("-", "stdin.mid")
    empty = neuralib("midi", "-", "--submit")
    assert empty.status == 1
    assert empty.errors == neuralib("midi", "-").errors


def test_skip_existing_sends_nothing(neuralib: Command, tmp_path: Path, client: Client) -> None:
    write_wav(tmp_path / "skip.wav", noise(30_000))
    words = ["separate", *words_of("separate"), "skip.wav", "--submit", "--json", "--skip-existing"]
    assert [record["status"] for record in neuralib(*words).records] == ["done"]
    before = client.jobs(limit=1).items[0].id
    (record,) = neuralib(*words).records
    assert record["status"] == "skipped"
    assert [output["name"] for output in record["outputs"]] == [
        f"{stem}.wav" for stem in ("drums", "bass", "other", "vocals")
    ]
    (tmp_path / "skip" / "bass.wav").unlink()
    assert client.jobs(limit=1).items[0].id == before
    assert [record["status"] for record in neuralib(*words).records] == ["done"]


def test_results_are_remembered_unless_forced(
    neuralib: Command, tmp_path: Path, client: Client
) -> None:
    write_wav(tmp_path / "again.wav", noise(31_000))
    attempts = []
    for words in ([], [], ["--force"]):
        neuralib("midi", "again.wav", "--submit", *words)
        attempts.append(client.jobs(limit=1).items[0].attempt)
    assert attempts == [1, 0, 1]


def test_detached_jobs_are_fetched_later(neuralib: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_wav(tmp_path / f"{name}.wav", noise(32_001 if name == "one" else 32_002))
    words = ["midi", "one.wav", "gone.wav", "two.wav", "--submit", "--detach"]
    detached = neuralib(*words, "--format", "mid,csv")
    assert detached.status == 1
    assert detached.stderr.endswith("\n2 submitted, 1 failed\n")
    assert not list(tmp_path.glob("*.mid"))
    for job in detached.lines:
        assert neuralib("jobs", "watch", job).status == 0
    got = neuralib("jobs", "get", *detached.lines, "-o", "got")
    assert got.lines == [f"got/{name}" for name in ("one.mid", "one.csv", "two.mid", "two.csv")]
    neuralib("midi", "one.wav", "two.wav", "--format", "mid,csv", "-o", "here")
    assert files(tmp_path / "got") == files(tmp_path / "here")
    record = neuralib(*words, "--json").records[0]
    assert record["status"] == "submitted"
    assert record["job_id"].startswith("job_")


def test_a_job_that_fails_is_a_failed_input(neuralib: Command, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_wav(tmp_path / f"{name}.wav", tone(0.4))
    words = ["separate", "one.wav", "two.wav", "--submit", "--json"]
    failed = neuralib(*words, *words_of("separate"), "--stems", "kazoo")
    assert failed.status == 1
    assert [record["error"]["code"] for record in failed.records] == ["usage", "usage"]
    assert "drums, bass, other, vocals" in failed.errors[0]
    missing = neuralib(*words, "--model", "nobody")
    assert missing.status == 1
    assert [record["error"]["code"] for record in missing.records] == ["unknown_model"] * 2


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--submit", "--model", "./graph.onnx"], 3, "a cluster takes names"),
        (["--submit", "--device", "cpu"], 2, "neuralib worker --device"),
        (["--detach"], 2, "give --submit too"),
        (["--force"], 2, "give --submit too"),
        (["--server", "http://127.0.0.1:1"], 2, "give --submit too"),
        (["--submit", "--detach", "-o", "out"], 2, "neuralib jobs get"),
        (["--submit", "--server", "ftp://x"], 2, "is not an address"),
        (["--submit", "--server", "http://127.0.0.1:1"], 4, "cannot reach the server"),
    ],
)
def test_what_starts_nothing(
    neuralib: Command, tmp_path: Path, words: list[str], status: int, message: str
) -> None:
    write_wav(tmp_path / "song.wav", tone(0.4))
    done = neuralib("midi", "song.wav", *words)
    assert (done.status, done.stdout) == (status, b"")
    (line,) = done.errors
    assert message in line


def test_without_a_cluster_it_is_told_what_to_set(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", tone(0.4))
    done = neuralib("midi", "song.wav", "--submit", NEURALIB_SERVER="http://")
    assert done.status == 2
    for command in (["midi", "song.wav", "--submit"], ["jobs", "list"], ["samples", "list"]):
        (tmp_path / "neuralib.toml").write_text("offline = true")
        unset = subprocess.run(
            [*NEURALIB, *command],
            capture_output=True,
            cwd=tmp_path,
            env=user_environment(tmp_path, tmp_path) | {"PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert unset.returncode == 2
        for name in (b"NEURALIB_SERVER", b"NEURALIB_REDIS_URL", b"neuralib serve"):
            assert name in unset.stderr


def test_many_inputs_are_submitted_ahead(
    idle_gateway: Gateway, start: Start, tmp_path: Path
) -> None:
    names = [f"{number}.wav" for number in range(20)]
    for number, name in enumerate(names):
        write_wav(tmp_path / name, tone(0.1 + number / 100))
    running = start("midi", *names, "--submit", NEURALIB_SERVER=idle_gateway.url)
    with Client(idle_gateway.url) as client:
        wait_for(lambda: len(client.jobs(state="queued").items) == 16)
        for _ in range(20):
            for job in client.jobs(state="queued").items:
                client.cancel(job.id)
            if running.poll() is not None:
                break
            time.sleep(0.3)
        _, errors = running.communicate()
        assert len(client.jobs(limit=100).items) == 20
    assert running.returncode == 1
    assert errors.decode().splitlines()[-1] == "20 failed"


def test_an_upload_that_is_too_large_fails_alone(
    neuralib: Command, micro_models: Path, tmp_path: Path
) -> None:
    small = {"NEURALIB_MAXIMUM_UPLOAD_BYTES": "1000000"}
    gateway = Gateway(tmp_path, user_environment(tmp_path / "home", micro_models) | small)
    try:
        write_wav(tmp_path / "large.wav", noise(5_000_000))
        write_wav(tmp_path / "small.wav", tone(0.5))
        words = ["midi", "large.wav", "small.wav", "--submit", "--json"]
        done = neuralib(*words, NEURALIB_SERVER=gateway.url)
    finally:
        assert gateway.stop() == 0
    assert done.status == 1
    assert [record["status"] for record in done.records] == ["failed", "done"]
    assert done.records[0]["error"]["code"] == "too_large"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_wait_cancels_its_jobs(
    idle_gateway: Gateway, start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    for name in ("one.wav", "two.wav"):
        write_wav(tmp_path / name, tone(0.4 if name == "one.wav" else 0.5))
    words = ["midi", "one.wav", "two.wav", "--submit", "-o", "out"]
    running = start(*words, NEURALIB_SERVER=idle_gateway.url)
    with Client(idle_gateway.url) as client:
        wait_for(lambda: len(client.jobs(state="queued").items) == 2)
        running.send_signal(number)
        output, errors = running.communicate()
        assert [job.state for job in client.jobs().items] == ["cancelled", "cancelled"]
    assert running.returncode == (130 if number == signal.SIGINT else 143)
    assert output == b""
    assert b"cancelled job_" in errors
    assert not (tmp_path / "out").exists()


def test_a_gateway_that_starts_again_is_waited_for(
    start: Start, tmp_path: Path, micro_models: Path
) -> None:
    home = user_environment(tmp_path / "home", micro_models)
    first = Gateway(tmp_path, home, "--no-worker")
    write_wav(tmp_path / "song.wav", tone(0.5))
    running = start("midi", "song.wav", "--submit", "--json", NEURALIB_SERVER=first.url)
    with Client(first.url) as client:
        wait_for(lambda: client.jobs(state="queued").items)
    assert first.stop() == 0
    second = Gateway(tmp_path, home, "--port", first.port)
    try:
        output, _ = running.communicate()
        assert json.loads(output)["status"] == "done"
    finally:
        assert second.stop() == 0


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.05)
