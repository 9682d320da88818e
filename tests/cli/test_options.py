"""Options reach what they are about, through the command itself."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from tests.audio_files import noise, tone, write_wav
from tests.conftest import MICRO, MODEL, Command


def test_options_of_separate(neuralib: Command, tmp_path: Path) -> None:
    mix = noise(44100, channels=1, amplitude=0.2)
    write_wav(tmp_path / "song.wav", mix)
    words = ["separate", *MODEL["separate"], "song.wav", "--residual", "--clip", "clamp"]
    done = neuralib(*words, "--sample-rate", 22050, "--channels", 2, "--bit-depth", 24, "--json")
    (record,) = done.records
    names = [output["name"] for output in record["outputs"]]
    assert names == [f"{stem}.wav" for stem in ("drums", "bass", "other", "vocals", "residual")]
    total = np.zeros((22050, 2))
    for output in record["outputs"]:
        info = soundfile.info(tmp_path / output["path"])
        assert (info.samplerate, info.channels, info.subtype) == (22050, 2, "PCM_24")
        total += soundfile.read(tmp_path / output["path"])[0]
    assert np.abs(total[:, 0] - total[:, 1]).max() < 1e-6
    assert total.std() == pytest.approx(mix.std() * np.sqrt(0.5), rel=0.05)  # half of the band


def test_a_peak_above_full_scale_fails_where_that_is_asked_for(
    neuralib: Command, tmp_path: Path
) -> None:
    write_wav(tmp_path / "song.wav", noise(11_025, amplitude=4.0), kind="f32")
    words = ["separate", *MODEL["separate"], "song.wav", "--bit-depth", 16, "--json"]
    refused = neuralib(*words, "--clip", "error")
    assert refused.status == 1
    assert "is louder than full scale at 0." in refused.records[0]["error"]["message"]
    kept = neuralib(*words)
    assert kept.records[0]["gain_db"] < 0
    assert "quieter, all alike" in kept.stderr


def test_options_of_midi(neuralib: Command, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", tone(1.3, channels=1, hertz=440.0))
    words = ["midi", "song.wav", "--tempo", 100, "--quantize", "1/16", "--program", 41]
    assert neuralib(*words, "--channel", 3).status == 0
    assert neuralib("midi", "song.wav", "--clock", "inputs").status == 2
    file = mido.MidiFile(tmp_path / "song.mid")
    found = {message.type: message for track in file.tracks for message in track}
    assert mido.tempo2bpm(found["set_tempo"].tempo) == pytest.approx(100)
    assert (found["program_change"].program, found["note_on"].channel) == (40, 2)
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type in ("note_on", "note_off"):
                assert tick % (file.ticks_per_beat // 4) == 0


def test_options_of_transcribe(neuralib: Command, tmp_path: Path) -> None:
    words = ["transcribe", MICRO / "vocals.flac", *MODEL["transcribe"], "--format", "srt,json"]
    words += ["--max-line-width", 12, "--max-line-count", 1, "--word-timestamps"]
    assert neuralib(*words).status == 0
    text = (tmp_path / "vocals.srt").read_text(encoding="utf-8")
    lines = [line for cue in text.strip().split("\n\n") for line in cue.split("\n")[2:]]
    found = json.loads((tmp_path / "vocals.json").read_text(encoding="utf-8"))
    assert 12 >= max(map(len, lines)) > 6
    assert " ".join(lines).split() == found["text"].split()
    for segment in found["segments"]:
        assert "".join(word["word"] for word in segment["words"]) == segment["text"]
        times = [word[edge] for word in segment["words"] for edge in ("start", "end")]
        assert times == sorted(times)
