"""All results appear, or none."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from neuralib.errors import OutputError, cannot_write
from neuralib.execute import sink as sink_module
from neuralib.execute.drafts import make_draft
from neuralib.execute.sink import FolderSink, Sink, StreamSink


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def fail_in(sink: Sink, error: BaseException) -> None:
    with sink:
        sink.create("notes", "song.mid").write_bytes(b"half")
        raise error


def put_all(sink: Sink, *names: str) -> None:
    for name in names:
        sink.put("notes", name, b"new")


def test_results_appear_together_with_their_digests(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path / "a" / "b")
    with sink:
        sink.create("stem", "vocals.wav").write_bytes(b"la la")
        sink.create("stem", "drums.wav").write_bytes(b"")
        names = everything_in(tmp_path)
        assert not any(name.endswith(".wav") for name in names)
    assert everything_in(tmp_path) == ["a", "a/b", "a/b/drums.wav", "a/b/vocals.wav"]
    vocals, drums = sink.artifacts
    assert vocals.path == str(tmp_path / "a" / "b" / "vocals.wav")
    assert (vocals.kind, vocals.name, vocals.bytes) == ("stem", "vocals.wav", 5)
    assert vocals.sha256 == hashlib.sha256(b"la la").hexdigest()
    assert drums.bytes == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, OutputError, SystemExit])
def test_nothing_is_left_of_a_run_that_fails(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "kept").mkdir()
    with pytest.raises(error):
        fail_in(FolderSink(tmp_path / "kept" / "new" / "deep"), error("stop"))
    assert everything_in(tmp_path) == ["kept"]


def test_an_interrupt_within_a_step_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread is interrupted anywhere, also right after its file was made."""

    def interrupted(path: Path, held: ExitStack, data: bytes) -> None:
        make_draft(path, held, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(sink_module, "make_draft", interrupted)
    with pytest.raises(KeyboardInterrupt), FolderSink(tmp_path) as sink:
        sink.create("notes", "song.mid")
    assert everything_in(tmp_path) == []


def overflow(sink: Sink) -> None:
    with sink:
        draft = sink.create("notes", "song.mid")
        raise cannot_write(draft, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def test_a_full_disk_is_told_by_the_name_of_the_result(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as told:
        overflow(FolderSink(tmp_path / "out"))
    asked_for = tmp_path / "out" / "song.mid"
    assert told.value.message.startswith(f"cannot write {str(asked_for)!r}: No space left")


def test_a_disk_that_tells_at_last_that_it_is_full_keeps_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As network disks do, when a file is closed."""

    def close(draft: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "dup", close)
    with pytest.raises(OutputError, match="No space left"), FolderSink(tmp_path) as sink:
        sink.put("notes", "song.mid", b"notes")
    assert everything_in(tmp_path) == []


def put_what_does_not_fit(sink: Sink, name: str) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        sink.put("notes", name, b"notes" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of a file's size to set")
def test_a_disk_that_is_full_before_the_end_keeps_all_back(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"cannot write 'song\.json': File too large"),
        FolderSink(tmp_path) as sink,
    ):
        put_what_does_not_fit(sink, "song.json")
    assert everything_in(tmp_path) == []


def test_what_is_put_has_the_digest_of_its_file(tmp_path: Path) -> None:
    data = b"notes" * 1000
    with FolderSink(tmp_path) as sink:
        sink.put("notes", "song.mid", data)
    (song,) = sink.artifacts
    assert Path(song.path).read_bytes() == data
    assert (song.sha256, song.bytes) == (hashlib.sha256(data).hexdigest(), len(data))


def test_old_results_stay_until_the_new_ones_are_complete(tmp_path: Path) -> None:
    old = tmp_path / "song.mid"
    old.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        fail_in(FolderSink(tmp_path), RuntimeError())
    assert old.read_bytes() == b"old"
    with FolderSink(tmp_path) as sink:
        sink.create("notes", "song.mid").write_bytes(b"new")
    assert old.read_bytes() == b"new"


def test_file_in_the_way_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(OutputError, match=r"cannot write .*out.*; .* another folder with -o"):
        FolderSink(tmp_path / "out" / "song").__enter__()


def test_folder_in_the_way_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "song.mid").mkdir()
    with (
        pytest.raises(OutputError, match=r"cannot write .*song\.mid"),
        FolderSink(tmp_path) as sink,
    ):
        sink.create("notes", "song.mid").write_bytes(b"notes")
    assert everything_in(tmp_path) == ["song.mid"]


def test_folder_in_the_way_of_one_file_keeps_all_back(tmp_path: Path) -> None:
    (tmp_path / "drums.wav").write_bytes(b"old")
    (tmp_path / "vocals.wav").mkdir()
    with (
        pytest.raises(OutputError, match=r"cannot write .*vocals\.wav.*move it away"),
        FolderSink(tmp_path) as sink,
    ):
        put_all(sink, "drums.wav", "vocals.wav")
    assert everything_in(tmp_path) == ["drums.wav", "vocals.wav"]
    assert (tmp_path / "drums.wav").read_bytes() == b"old"


def test_name_of_a_folder_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="File name too long; rename"):
        FolderSink(tmp_path / ("n" * 300)).__enter__()


def test_longest_name_that_a_file_system_takes(tmp_path: Path) -> None:
    name = "n" * 251 + ".mid"
    with FolderSink(tmp_path) as sink:
        sink.create("notes", name).write_bytes(b"notes")
    assert everything_in(tmp_path) == [name]


def test_a_name_that_is_too_long_keeps_all_back(tmp_path: Path) -> None:
    name = "n" * 251
    with (
        pytest.raises(OutputError, match="File name too long; rename the input"),
        FolderSink(tmp_path) as sink,
    ):
        put_all(sink, f"{name}.mid", f"{name}.json")
    assert everything_in(tmp_path) == []


def test_stream_gets_the_result_when_it_is_complete() -> None:
    stream = io.BytesIO()
    with StreamSink(stream) as sink:
        sink.create("notes", "song.mid").write_bytes(b"notes")
        assert stream.getvalue() == b""
    assert stream.getvalue() == b"notes"
    assert sink.artifacts[0].path == "-"


def test_full_stream_is_told() -> None:
    with (
        open("/dev/full", "wb", 0) as stream,
        pytest.raises(OutputError, match="cannot write 'standard output': No space left"),
        StreamSink(stream) as sink,
    ):
        sink.create("notes", "song.mid").write_bytes(b"notes" * 10_000)


def test_reader_that_is_gone_is_no_fault_of_the_output() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with (
        open(writer, "wb", 0) as stream,
        pytest.raises(BrokenPipeError),
        StreamSink(stream) as sink,
    ):
        sink.create("notes", "song.mid").write_bytes(b"notes")


def test_stream_gets_nothing_of_a_run_that_fails() -> None:
    stream = io.BytesIO()
    with pytest.raises(OutputError):
        fail_in(StreamSink(stream), OutputError("stop"))
    assert stream.getvalue() == b""
