"""The prepared form computes what the checkpoint computes."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
import torch
import whisper
from whisper.decoding import DecodingOptions, DecodingTask
from whisper.model import Whisper

from neuralib.engines.whisper.convert import convert
from neuralib.engines.whisper.quiet import whisper_quiet
from neuralib.models.digest import sha256_of
from tests.whisper_checkpoints import load_reference, write_random_checkpoint

KINDS = {
    "multilingual": {},
    "english": {"n_vocab": 51864},
    "large-v3": {"n_mels": 128, "n_vocab": 51866, "n_audio_layer": 3, "n_text_layer": 1},
    "wide": {"n_audio_state": 96, "n_text_state": 96, "n_audio_head": 3, "n_text_head": 6},
}


class Pair:
    """A checkpoint in openai-whisper, and its prepared form in CTranslate2."""

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float16, **dims: int) -> None:
        torch.set_num_threads(1)
        self.checkpoint = write_random_checkpoint(folder / "model.pt", dtype=dtype, **dims)
        self.folder = folder / "prepared"
        self.folder.mkdir()
        convert(self.checkpoint, self.folder)
        self.reference: Whisper = load_reference(self.checkpoint)
        self.made = ctranslate2.models.Whisper(
            str(self.folder), compute_type="float32", intra_threads=1
        )
        rng = np.random.default_rng(7)
        samples = (rng.standard_normal(5 * 16_000) * 0.1).astype(np.float32)
        bands = self.reference.dims.n_mels
        self.mel = whisper.log_mel_spectrogram(samples, bands, padding=480_000)[None, :, :3000]

    @property
    def config(self) -> dict[str, Any]:
        return json.loads((self.folder / "config.json").read_text())

    def encoded(self) -> tuple[torch.Tensor, ctranslate2.StorageView]:
        with torch.no_grad():
            features = self.reference.encoder(self.mel)
        mel = np.ascontiguousarray(self.mel.numpy())
        return features, self.made.encode(ctranslate2.StorageView.from_array(mel))


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp(request.param), **KINDS[request.param])


def options(model: Whisper) -> DecodingOptions:
    return DecodingOptions(language="en", fp16=False, sample_len=40)


def test_the_encoders_agree(pair: Pair) -> None:
    expected, found = pair.encoded()
    difference = np.abs(np.array(found) - expected.numpy()).max()
    assert difference < 1e-5 * expected.abs().max()


def test_greedy_tokens_agree(pair: Pair) -> None:
    features, encoded = pair.encoded()
    task = DecodingTask(pair.reference, options(pair.reference))
    with whisper_quiet():
        expected = task.run(features)[0]
    prompt = list(task.initial_tokens)
    found = pair.made.generate(
        encoded,
        [prompt],
        beam_size=1,
        max_length=2 * 40,  # CTranslate2 gives half of it to the text
        return_scores=True,
        return_no_speech_prob=True,
    )[0]
    assert found.sequences_ids[0] == expected.tokens
    assert found.no_speech_prob == pytest.approx(expected.no_speech_prob, rel=1e-3)
    mean = found.scores[0] * len(expected.tokens) / (len(expected.tokens) + 1)
    assert mean == pytest.approx(expected.avg_logprob, rel=1e-3)


def test_first_step_agrees(pair: Pair) -> None:
    """Where tokens are not suppressed, their log-probabilities differ by one constant."""
    features, encoded = pair.encoded()
    prompt = list(DecodingTask(pair.reference, options(pair.reference)).initial_tokens)
    with torch.no_grad():
        logits = pair.reference.decoder(torch.tensor([prompt]), features)[0, -1].numpy()
    found = pair.made.generate(
        encoded,
        [prompt],
        beam_size=1,
        max_length=len(prompt) + 1,
        max_initial_timestamp_index=1500,
        suppress_blank=False,
        suppress_tokens=None,
        return_logits_vocab=True,
    )[0]
    first = np.array(found.logits[0][0])
    allowed = first > -1e30
    assert np.count_nonzero(allowed) > 1000
    shift = (first - logits)[allowed]
    assert np.ptp(shift) < 1e-3 * np.ptp(logits)


@pytest.mark.parametrize("pair", ["multilingual", "large-v3"], indirect=True)
def test_language_is_detected_alike(pair: Pair) -> None:
    features, encoded = pair.encoded()
    with whisper_quiet():
        _, expected = whisper.detect_language(pair.reference, features)
    found = {token[2:-2]: share for token, share in pair.made.detect_language(encoded)[0]}
    assert found == pytest.approx(expected[0], abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_weights_keep_their_precision(tmp_path: Path, dtype: torch.dtype) -> None:
    pair = Pair(tmp_path, dtype)
    expected, found = pair.encoded()
    difference = np.abs(np.array(found) - expected.numpy()).max()
    assert difference < 1e-5 * expected.abs().max()
    size = (pair.folder / "model.bin").stat().st_size
    assert size == pytest.approx(pair.checkpoint.stat().st_size, rel=0.02)


def test_the_folder_has_all_that_is_read(pair: Pair) -> None:
    names = {path.name for path in pair.folder.iterdir()}
    assert names == {
        "config.json",
        "model.bin",
        "preprocessor_config.json",
        "tokenizer.json",
        "vocabulary.json",
    }
    assert pair.made.is_multilingual == pair.reference.is_multilingual
    assert pair.made.n_mels == pair.reference.dims.n_mels
    features = json.loads((pair.folder / "preprocessor_config.json").read_text())
    assert features == {"feature_size": pair.reference.dims.n_mels}


def test_suppressed_tokens_are_those_of_openai_whisper(pair: Pair) -> None:
    task = DecodingTask(pair.reference, options(pair.reference))
    assert pair.config["suppress_ids"] == list(task._get_suppress_tokens())
    assert pair.config["suppress_ids_begin"] == [
        *task.tokenizer.encode(" "),
        task.tokenizer.eot,
    ]
    assert pair.config["lang_ids"] == sorted(task.tokenizer.all_language_tokens)


def test_words_are_aligned_by_the_upper_half_of_an_unknown_model(pair: Pair) -> None:
    heads = pair.reference.alignment_heads.indices().T.tolist()
    assert pair.config["alignment_heads"] == heads


def test_words_are_aligned_by_the_known_heads_of_an_official_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renamed copy of a published file is known by its sha256, which is in its address."""
    path = write_random_checkpoint(tmp_path / "renamed.pt")
    heads = np.array([[True, False], [False, True]])
    dump = base64.b85encode(gzip.compress(heads.tobytes()))
    monkeypatch.setitem(whisper._MODELS, "new", f"https://example.org/{sha256_of(path)}/new.pt")
    monkeypatch.setitem(whisper._ALIGNMENT_HEADS, "new", dump)
    folder = tmp_path / "prepared"
    folder.mkdir()
    convert(path, folder)
    config = json.loads((folder / "config.json").read_text())
    assert config["alignment_heads"] == [[0, 0], [1, 1]]
