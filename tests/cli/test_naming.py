"""`--name-template`: results are called as the user likes, and stay in their folder."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralib.audio.tag_file import write_tags
from neuralib.audio.tags import Tags
from neuralib.cli.batch.inputs import Input, find_inputs
from neuralib.cli.batch.naming import Naming
from neuralib.cli.batch.template import FIELDS, Template, parse_template, read_template
from neuralib.errors import NoAudio, OutputError, UsageError
from neuralib.execute.sink import FolderSink
from neuralib.tasks import MidiTask, SeparateTask
from tests.audio_files import noise, tone, write_flac, write_wav
from tests.conftest import MODEL, Command

SEPARATE = SeparateTask()
VALUES = dict.fromkeys(FIELDS, "x")
PART = st.text().filter(lambda text: "/" not in text)


def song(path: Path, **tags: str) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    write_flac(path, tone(0.2))
    write_tags(path, "flac", Tags(**tags), path.name)  # type: ignore[arg-type]  # no cover here
    return path


def places(
    folder: Path, text: str, *names: str, task: SeparateTask | MidiTask = SEPARATE
) -> list[str]:
    """Name the results of everything in `folder`."""
    inputs = find_inputs([str(folder)])
    naming = Naming(task, inputs, folder / "out", read_template(text, task))
    return [naming.place(entry)(name) for entry in inputs for name in names]


def test_fields_come_from_tags_and_task(tmp_path: Path) -> None:
    song(tmp_path / "a.flac", title="Lied", artist="Söhne", album="X", date="2019", track="3/12")
    text = "{artist}/{date} {album}/{track} {title} [{stem}, {kind}] {name} {model} {ext}"
    assert places(tmp_path, text, "vocals.wav") == [
        "Söhne/2019 X/03 Lied [vocals, stem] a htdemucs wav.wav"
    ]


def test_the_suffix_is_written_once(tmp_path: Path) -> None:
    song(tmp_path / "a.flac")
    task = MidiTask(formats=("mid", "csv"))
    expected = ["a.mid", "a.csv"]
    assert places(tmp_path, "{name}", *expected, task=task) == expected
    assert places(tmp_path, "{name}.{ext}", *expected, task=task) == expected
    assert places(tmp_path, "{ext}/{name}", *expected, task=task) == ["mid/a.mid", "csv/a.csv"]


def test_a_missing_tag_has_words_of_its_own(tmp_path: Path) -> None:
    song(tmp_path / "a.flac")
    text = "{artist}, {album}, {date}, {track}, {title} ({stem})"
    assert places(tmp_path, text, "bass.wav") == [
        "Unknown artist, Unknown album, Unknown date, 00, a (bass).wav"
    ]


def test_the_model_of_a_path_is_called_after_its_file(tmp_path: Path) -> None:
    song(tmp_path / "a.flac")
    task = SeparateTask(model="models/mine.safetensors", stems=("bass",))
    assert places(tmp_path, "{model}", "bass.wav", task=task) == ["mine.wav"]


def test_names_are_safe_and_composed(tmp_path: Path) -> None:
    song(tmp_path / "a.flac", title="e\u0301te\u0301: 1/2?", artist="..", album="nul")
    found = places(tmp_path, "{artist}/{album}/{title} u\u0308 ({stem})", "bass.wav")
    assert found == ["_/_nul/été_ 1_2_ ü (bass).wav"]
    assert unicodedata.is_normalized("NFC", found[0])


def test_a_long_tag_leaves_room_for_what_tells_files_apart(tmp_path: Path) -> None:
    song(tmp_path / "a.flac", title="語" * 500, artist="é" * 500)
    found = places(tmp_path, "{artist} - {title} ({stem})", "bass.wav", "drums.wav")
    assert len(set(found)) == 2
    assert all(len(name.encode()) <= 255 and name.endswith("s).wav") for name in found)


def test_inputs_of_one_title_get_numbers(tmp_path: Path) -> None:
    for name, title in [("a", "T (2)"), ("b", "T"), ("c", "t"), ("d", "T")]:
        song(tmp_path / f"{name}.flac", title=title)
    assert places(tmp_path, "{title} ({stem})", "bass.wav") == [
        "T (2) (bass).wav",
        "T (bass).wav",
        "t (bass) (2).wav",
        "T (bass) (3).wav",
    ]
    assert places(tmp_path, "{title}/{stem}", "bass.wav")[1:] == [
        "T/bass.wav",
        "t (3)/bass.wav",
        "T (4)/bass.wav",
    ]


def test_names_are_the_same_whatever_runs_first(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        song(tmp_path / f"{name}.flac", title="T")
    inputs = find_inputs([str(tmp_path)])
    for order in ([0, 1, 2], [2, 0, 1]):
        naming = Naming(SEPARATE, inputs, tmp_path, read_template("{title} ({stem})", SEPARATE))
        found = {at: naming.place(inputs[at])("bass.wav") for at in order}
        assert found == {0: "T (bass).wav", 1: "T (bass) (2).wav", 2: "T (bass) (3).wav"}


def test_tags_wait_for_the_turn_of_their_input(tmp_path: Path) -> None:
    """Ten thousand inputs would be opened before the first one runs."""
    late = song(tmp_path / "b.flac", title="Old")
    song(tmp_path / "a.flac", title="A")
    inputs = find_inputs([str(tmp_path)])
    naming = Naming(SEPARATE, inputs, tmp_path, read_template("{title}/{stem}", SEPARATE))
    assert naming.place(inputs[0])("bass.wav") == "A/bass.wav"
    song(late, title="New")
    assert naming.place(inputs[1])("bass.wav") == "New/bass.wav"


def test_thousands_of_one_title_are_numbered_in_one_go(tmp_path: Path) -> None:
    rendered = []

    class Counting(Template):
        def render(self, values: Mapping[str, str], number: int = 1) -> str:
            rendered.append(number)
            return super().render(values, number)

    inputs = [Input(f"{n}.wav", tmp_path / f"{n}.wav", f"{n}") for n in range(1000)]
    template = Counting(read_template("{album} ({stem})", SEPARATE).parts)
    place = Naming(SEPARATE, inputs, tmp_path, template).place(inputs[-1])
    assert place("bass.wav") == "Unknown album (bass) (1000).wav"
    assert len(rendered) < 4 * len(inputs)


def test_equal_names_of_files_follow_the_rule_of_every_batch(tmp_path: Path) -> None:
    song(tmp_path / "a.flac")
    write_wav(tmp_path / "a.wav", tone(0.2))
    assert places(tmp_path, "{title}-{stem}", "bass.wav") == [
        "a (flac)-bass.wav",
        "a (wav)-bass.wav",
    ]


def test_no_result_takes_the_place_of_an_input_or_of_another_result(tmp_path: Path) -> None:
    song(tmp_path / "out" / "a.flac", title="b")
    song(tmp_path / "out" / "b.flac", title="c_no")
    song(tmp_path / "out" / "d.flac", title="c")
    inputs = find_inputs([str(tmp_path / "out")])
    task = SeparateTask(stems=("vocals",), format="flac")
    naming = Naming(task, inputs, tmp_path / "out", read_template("{title}", task))
    with pytest.raises(OutputError, match=r"cannot write 'b\.flac': .* put \{name\} into"):
        naming.place(inputs[0])("vocals.flac")
    task = SeparateTask(two_stems="vocals")
    naming = Naming(task, inputs, tmp_path / "out", read_template("{title}_{stem}", task))
    assert naming.place(inputs[1])("vocals.wav") == "c_no_vocals.wav"
    with pytest.raises(OutputError, match="or its result"):
        naming.place(inputs[2])("no_vocals.wav")


def test_stems_of_one_input_never_replace_another(tmp_path: Path) -> None:
    """As where a folder is separated again that holds the stems of its songs."""
    song(tmp_path / "a.flac")
    song(tmp_path / "a" / "bass.flac")
    inputs = find_inputs([str(tmp_path)])
    naming = Naming(SEPARATE, inputs, tmp_path, None)
    whole, stem = sorted(inputs, key=lambda entry: len(entry.label))
    with pytest.raises(OutputError, match=r"'a/bass\.flac': another input of this batch is there"):
        naming.place(whole)("bass.flac")
    assert naming.place(whole)("drums.flac") == "a/drums.flac"
    assert naming.place(stem)("bass.flac") == "bass/bass.flac"
    there = naming.paths(whole, ["bass.flac"])
    assert there == {"bass.flac": tmp_path / "a" / "bass.flac"}  # so that it can be skipped


def test_what_cannot_be_read_fails_at_its_turn_only() -> None:
    inputs = [Input("-", Path("-"), "stdin"), Input("gone", Path("gone"), "gone", NoAudio("no"))]
    naming = Naming(MidiTask(), inputs, Path("out"), parse_template("{title}"))
    assert [naming.place(entry)("x.mid") for entry in inputs] == ["stdin.mid", "gone.mid"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{bad}", r"unknown field {bad}; fields are {name}, {stem}, .*{ext}"),
        ("{name.__class__}", "unknown field"),
        ("{name!r}", "unknown field {name!r}"),
        ("{date:.4}", "unknown field {date:.4}"),
        ("{}", "unknown field {}"),
        ("{name", "a brace is not closed"),
        ("/tmp/{name}", "has no name; names stay in the folder of -o"),
        ("../{name}", "has no name"),
        ("a/ . /{name}", "has no name"),
        ("a//{name}", "has no name"),
        ("{name}/", "has no name"),
        ("", "has no name"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"--name-template: .*{message}"):
        parse_template(text)


def test_stems_need_names_of_their_own() -> None:
    with pytest.raises(UsageError, match=r"same name to all stems; put \{stem\}"):
        read_template("{title}", SEPARATE)
    with pytest.raises(UsageError, match=r"unknown field \{stem\}; fields are \{name\}, \{kind\}"):
        read_template("{stem}", MidiTask())


@given(st.lists(PART, min_size=1, max_size=3), st.text(), st.text())
def test_no_text_leaves_the_folder(words: list[str], title: str, stem: str) -> None:
    text = "/".join(word.replace("{", "{{").replace("}", "}}") + "{title}" for word in words)
    found = parse_template(text).render({**VALUES, "title": title, "stem": stem, "ext": "wav"}, 2)
    root = Path("/root/folder")
    path = root / found
    assert path.is_relative_to(root)
    assert ".." not in path.parts
    assert len(path.parts) == len(root.parts) + len(words)
    assert found.isprintable()


def fail_after(sink: FolderSink, *names: str) -> None:
    with contextlib.suppress(RuntimeError), sink:
        for name in names:
            sink.put("notes", name, b"draft")
        assert (sink.folder / "other" / "deep").is_dir()
        raise RuntimeError


def test_a_folder_that_a_result_needed_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    sink = FolderSink(tmp_path, {"a": "kept/new/a", "b": "other/deep/b"}.__getitem__)
    fail_after(sink, "a", "b")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]
    sink.rehearse("notes", ["a", "b"])
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]
    with sink:
        sink.put("notes", "a", b"a")
    assert [(each.name, each.path) for each in sink.artifacts] == [
        ("a", str(tmp_path / "kept" / "new" / "a"))
    ]


def test_a_batch_is_named_resumed_and_told(neuralib: Command, tmp_path: Path) -> None:
    song(tmp_path / "in" / "1.flac", title="One", artist="A/B")
    song(tmp_path / "in" / "2.flac", title="Two")
    words = ["midi", "in", "-o", "out", "--json", "--name-template", "{artist}/{title}"]
    (tmp_path / "out" / "Unknown artist" / "Two.mid").mkdir(parents=True)
    first = neuralib(*words)
    assert [record["status"] for record in first.records] == ["done", "failed"]
    assert "out/Unknown artist/Two.mid" in first.errors[0]
    output = first.records[0]["outputs"][0]
    assert (output["name"], output["path"]) == ("1.mid", "out/A_B/One.mid")
    (tmp_path / "out" / "Unknown artist" / "Two.mid").rmdir()
    again = neuralib(*words, "--skip-existing")
    assert [record["status"] for record in again.records] == ["skipped", "done"]
    skipped = again.records[0]["outputs"][0]
    assert (skipped["name"], skipped["path"]) == ("1.mid", "out/A_B/One.mid")


def test_wrong_use_is_told_before_anything_starts(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", noise(44100))
    done = neuralib("separate", *MODEL["separate"], "song.wav", "--name-template", "{nope}")
    assert done.status == 2
    assert done.errors[0].startswith("error: --name-template: unknown field {nope}; fields are")
    piped = neuralib("midi", "song.wav", "-o", "-", "--name-template", "{name}")
    assert piped.status == 2
    assert "standard output; name a folder with -o" in piped.errors[0]
