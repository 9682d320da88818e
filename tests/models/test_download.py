"""The downloader against a real server that breaks, lies and refuses."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralib.errors import Cancelled, DownloadError, OutputError, UsageError
from neuralib.models.download import Downloader, mirrored
from neuralib.models.entry import CatalogueFile
from neuralib.models.transfer import Transfer, unheard
from tests.models.conftest import CONTENT, FILE, catalogue_file
from tests.models.hub import CHUNK, Hub

PATH = "/some/folder/one.safetensors"


class Naps(list[float]):
    """Stands for sleep, so that a test need not wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def fetch(hub: Hub, folder: Path, file: CatalogueFile = FILE, **options: object) -> Path:
    target = folder / "separate" / file.name
    naps = options.pop("naps", Naps())
    report = options.pop("report", unheard)
    Downloader(sleep=naps, **options).fetch(file, hub.url + PATH, target, report)
    return target


def part_of(folder: Path) -> Path:
    return folder / "separate" / "one.safetensors.part"


def test_a_whole_download_arrives_and_is_reported(hub: Hub, tmp_path: Path) -> None:
    seen: list[Transfer] = []
    target = fetch(hub, tmp_path / "new" / "folder", report=seen.append)
    assert target.read_bytes() == CONTENT
    assert [request.range for request in hub.requests] == [None]
    assert {(each.file, each.total_bytes) for each in seen} == {("one.safetensors", len(CONTENT))}
    counts = [each.done_bytes for each in seen]
    assert counts == sorted(counts)
    assert counts[-1] == len(CONTENT)
    assert not target.with_name(target.name + ".part").exists()


def test_a_broken_connection_is_resumed_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = [100_000]
    naps = Naps()
    assert fetch(hub, tmp_path, naps=naps).read_bytes() == CONTENT
    assert [request.range for request in hub.requests] == [None, "bytes=100000-"]
    assert hub.sent == len(CONTENT)
    assert len(naps) == 1


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    breaks=st.lists(st.integers(1, 90_000), max_size=4),
    says_length=st.booleans(),
    size_is_known=st.booleans(),
)
def test_no_byte_is_fetched_twice_wherever_it_breaks(
    tmp_path_factory: pytest.TempPathFactory,
    breaks: list[int],
    says_length: bool,
    size_is_known: bool,
) -> None:
    file = catalogue_file(FILE.name, CONTENT, **({} if size_is_known else {"size_bytes": None}))
    # A server that neither says the length nor breaks the protocol cannot be seen to break.
    says_length = says_length or not size_is_known
    with Hub({PATH: CONTENT}, breaks=list(breaks), says_length=says_length) as hub:
        target = fetch(hub, tmp_path_factory.mktemp("models"), file)
        assert target.read_bytes() == CONTENT
        assert hub.sent == len(CONTENT)
        assert len(hub.requests) == len(breaks) + 1


def test_it_gives_up_after_failures_without_progress_and_goes_on_later(
    hub: Hub, tmp_path: Path
) -> None:
    hub.breaks = [50_000, *[0] * 10]
    naps = Naps()
    with pytest.raises(DownloadError, match="50000 bytes are here: run the same command again"):
        fetch(hub, tmp_path, attempts=4, pause_seconds=1.0, naps=naps)
    assert naps == [1.0, 2.0, 4.0]
    assert part_of(tmp_path).read_bytes() == CONTENT[:50_000]
    hub.breaks.clear()
    assert fetch(hub, tmp_path).read_bytes() == CONTENT
    assert hub.requests[-1].range == "bytes=50000-"


def test_an_attempt_that_brings_much_is_no_failure(tmp_path: Path) -> None:
    content = bytes(6 << 20)
    with Hub({PATH: content}, breaks=[1 << 20] * 5) as hub:
        file = catalogue_file(FILE.name, content)
        assert fetch(hub, tmp_path, file, attempts=2).stat().st_size == len(content)
        assert hub.sent == len(content)


def test_a_server_without_ranges_starts_over(hub: Hub, tmp_path: Path) -> None:
    hub.ignores_range = True
    hub.breaks = [100_000]
    assert fetch(hub, tmp_path).read_bytes() == CONTENT
    assert hub.requests[1].range == "bytes=100000-"
    assert hub.sent == 100_000 + len(CONTENT)


def test_a_server_that_sends_another_range_is_asked_anew(hub: Hub, tmp_path: Path) -> None:
    hub.shifts_range = 7
    hub.breaks = [100_000]
    assert fetch(hub, tmp_path).read_bytes() == CONTENT
    assert [request.range for request in hub.requests] == [None, "bytes=100000-", None]


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"too long"])
def test_a_part_as_long_as_the_file_is_asked_for_no_more(
    hub: Hub, tmp_path: Path, left: bytes
) -> None:
    part_of(tmp_path).parent.mkdir()
    part_of(tmp_path).write_bytes(left)
    assert fetch(hub, tmp_path).read_bytes() == CONTENT
    assert len(hub.requests) == (0 if left == CONTENT else 1)


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"too long"])
def test_416_tells_a_whole_part_from_a_wrong_one_where_no_size_is_known(
    hub: Hub, tmp_path: Path, left: bytes
) -> None:
    part_of(tmp_path).parent.mkdir()
    part_of(tmp_path).write_bytes(left)
    file = catalogue_file(FILE.name, CONTENT, size_bytes=None)
    assert fetch(hub, tmp_path, file).read_bytes() == CONTENT
    assert hub.requests[0].range == f"bytes={len(left)}-"
    assert len(hub.requests) == (1 if left == CONTENT else 2)


def test_a_wrong_checksum_removes_the_file(hub: Hub, tmp_path: Path) -> None:
    hub.files[PATH] = bytes(len(CONTENT))
    got = hashlib.sha256(bytes(len(CONTENT))).hexdigest()
    expected = rf"127\.0\.0\.1:\d+ has the sha256 {got[:16]}…, not {FILE.sha256[:16]}…, and was rem"
    with pytest.raises(DownloadError, match=expected):
        fetch(hub, tmp_path)
    assert [path.name for path in (tmp_path / "separate").iterdir()] == [".locks"]


def test_a_damaged_part_is_noticed_and_the_next_attempt_is_clean(hub: Hub, tmp_path: Path) -> None:
    part_of(tmp_path).parent.mkdir()
    part_of(tmp_path).write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="sha256"):
        fetch(hub, tmp_path)
    assert fetch(hub, tmp_path).read_bytes() == CONTENT


def test_the_start_of_a_checksum_is_checked_as_far_as_it_goes(hub: Hub, tmp_path: Path) -> None:
    file = catalogue_file(FILE.name, CONTENT, sha256=FILE.sha256[:8])
    assert fetch(hub, tmp_path, file).read_bytes() == CONTENT
    wrong = catalogue_file("wrong.th", CONTENT, sha256="00000000")
    with pytest.raises(DownloadError, match="not 00000000…"):
        fetch(hub, tmp_path, wrong)


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"1", b"<html>sign in</html>"])
def test_a_wrong_size_is_refused_before_anything_is_written(
    hub: Hub, tmp_path: Path, content: bytes
) -> None:
    hub.files[PATH] = content
    with pytest.raises(DownloadError, match=f"offers {len(content)} bytes .* not {len(CONTENT)}"):
        fetch(hub, tmp_path)
    assert not part_of(tmp_path).exists()
    assert len(hub.requests) == 1


def test_more_bytes_than_there_should_be_are_not_swallowed(tmp_path: Path) -> None:
    with Hub({PATH: CONTENT * 20}, says_length=False) as hub:
        with pytest.raises(DownloadError, match="more than 300000 bytes"):
            fetch(hub, tmp_path, attempts=1)
        assert part_of(tmp_path).stat().st_size < len(CONTENT) + 4 * CHUNK


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(hub: Hub, tmp_path: Path, status: int) -> None:
    hub.statuses = [status]
    with pytest.raises(DownloadError, match=rf"refuses one\.safetensors: HTTP {status} .*import"):
        fetch(hub, tmp_path)
    assert len(hub.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_asked_again(hub: Hub, tmp_path: Path, status: int) -> None:
    hub.statuses = [status] * 3
    assert fetch(hub, tmp_path).read_bytes() == CONTENT
    hub.statuses = [status] * 99
    with pytest.raises(DownloadError, match=f"HTTP {status}"):
        fetch(hub, tmp_path / "again", attempts=3)


def test_nobody_listening_is_said_in_one_line(tmp_path: Path) -> None:
    with Hub() as hub:
        address = hub.url
    target = tmp_path / FILE.name
    with pytest.raises(DownloadError) as caught:
        Downloader(attempts=2, sleep=Naps()).fetch(FILE, address + PATH, target, unheard)
    assert re.fullmatch(r"cannot fetch one\.safetensors from 127\S+: [^\n]+", str(caught.value))


def test_passwords_of_a_mirror_are_not_told(tmp_path: Path) -> None:
    with Hub() as hub:
        address = hub.url.replace("//", "//user:secret@")
    with pytest.raises(DownloadError) as caught:
        Downloader(attempts=1).fetch(FILE, address + PATH, tmp_path / FILE.name, unheard)
    assert "secret" not in str(caught.value)


def test_too_small_a_disk_is_told_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    file = catalogue_file(FILE.name, CONTENT, size_bytes=10**18)
    with pytest.raises(OutputError, match=r"needs 1000000000000\.0 MB more in .* are free"):
        fetch(hub, tmp_path, file)
    assert hub.requests == []


def test_a_folder_that_cannot_be_written_is_said_in_one_line(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "separate").write_text("a file in the way")
    with pytest.raises(OutputError, match=r"cannot write in .*separate: .*NEURALIB_MODELS_DIR"):
        fetch(hub, tmp_path)
    assert hub.requests == []


def test_cancelling_keeps_what_has_arrived(hub: Hub, tmp_path: Path) -> None:
    def stop(transfer: Transfer) -> None:
        if transfer.done_bytes >= 50_000:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        fetch(hub, tmp_path, report=stop)
    kept = part_of(tmp_path).read_bytes()
    assert len(kept) >= 50_000
    assert CONTENT.startswith(kept)
    assert fetch(hub, tmp_path).read_bytes() == CONTENT
    assert hub.requests[-1].range == f"bytes={len(kept)}-"


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        (None, "https://hub.example/a/b.pt"),
        ("http://localhost:8000", "http://localhost:8000/a/b.pt"),
        ("http://localhost:8000/cache/", "http://localhost:8000/cache/a/b.pt"),
    ],
)
def test_a_mirror_stands_for_scheme_and_host(mirror: str | None, expected: str) -> None:
    assert mirrored("https://hub.example/a/b.pt", mirror) == expected


@pytest.mark.parametrize("mirror", ["localhost:8000", "ftp://mirror", "/folder", ""])
def test_a_mirror_must_be_an_address(mirror: str) -> None:
    with pytest.raises(UsageError, match="must be an address such as https://"):
        mirrored("https://hub.example/a", mirror)
