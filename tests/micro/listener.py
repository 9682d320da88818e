"""The micro Whisper while it learns, and the file it becomes."""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from whisper.model import ModelDimensions, MultiHeadAttention, Whisper, sinusoids

from tests.micro.dictation import N_ROWS, N_TIMES, N_VOCAB, OTHER, TOKENIZER, USED
from tests.micro.listening import WORDS

DIMENSIONS = ModelDimensions(
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=64,
    n_audio_head=4,
    n_audio_layer=4,
    n_vocab=N_VOCAB,
    n_text_ctx=448,
    n_text_state=64,
    n_text_head=2,
    n_text_layer=2,
)
_STATE = DIMENSIONS.n_text_state

_LOOKS = ((-9, -3, 3, 9), (-24, -8, 8, 24))
"""Where the heads of the encoder's first blocks look before training, in steps of 0.02 s."""
_FOCUS = 1.9
"""How narrowly: a head starts with half of its attention on one position."""


class Listener(nn.Module):
    """Whisper with a small vocabulary, and with what helps it to learn.

    All unused tokens share a row. The timestamps are the encoder's own positions, so that a moment
    that was attended to tells its time.
    """

    times: Tensor
    weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.whisper = Whisper(ModelDimensions(**{**asdict(DIMENSIONS), "n_vocab": 1}))
        for block, offsets in zip(self.whisper.encoder.blocks, _LOOKS, strict=False):
            _look_around(block.attn, offsets)
        positions = sinusoids(DIMENSIONS.n_text_ctx, _STATE)
        self.whisper.decoder.positional_embedding.data = 0.1 * positions
        self.rows = nn.Parameter(0.1 * torch.randn(len(USED), _STATE))
        self.other = nn.Parameter(0.1 * torch.randn(1, _STATE))
        self.register_buffer("times", sinusoids(N_TIMES, _STATE), persistent=False)
        self.time_scale = nn.Parameter(torch.tensor(0.3))
        self.time_shift = nn.Parameter(0.1 * torch.randn(_STATE))
        self.spoken = nn.Linear(_STATE, len(WORDS) + 1)
        self.spoken_before = nn.Linear(_STATE, len(WORDS) + 1)
        # One row stands for thousands of tokens; each of them takes its share of probability.
        weights = torch.zeros(N_ROWS)
        weights[OTHER] = np.log(N_VOCAB - len(USED) - N_TIMES)
        self.register_buffer("weights", weights, persistent=False)

    def table(self) -> Tensor:
        """Embedding of every row, shape `(N_ROWS, state)`."""
        times = self.time_scale * self.times + self.time_shift
        return torch.cat([self.rows, times, self.other])

    def encode(self, mel: Tensor) -> Tensor:
        """Whisper's encoder for any length: `(batch, 80, 2 n)` to `(batch, n, state)`."""
        encoder = self.whisper.encoder
        x = F.gelu(encoder.conv2(F.gelu(encoder.conv1(mel)))).permute(0, 2, 1)
        x = x + encoder.positional_embedding[: x.shape[1]]
        for block in encoder.blocks:
            x = block(x)
        audio: Tensor = encoder.ln_post(x)
        return audio

    def decode(self, tokens: Tensor, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Whisper's decoder on rows.

        Args:
            tokens: rows, shape `(batch, steps)`.
            audio: from `encode`.

        Returns:
            Logits of the next row, `(batch, steps, N_ROWS)`, and for each block those of its
            attention to the audio, `(batch, heads, steps, n)`.
        """
        decoder, table = self.whisper.decoder, self.table()
        x = table[tokens] + decoder.positional_embedding[: tokens.shape[1]]
        attention = []
        for block in decoder.blocks:
            x = x + block.attn(block.attn_ln(x), mask=decoder.mask)[0]
            query = block.cross_attn_ln(x)
            attention.append(_attention_logits(block.cross_attn, query, audio))
            x = x + block.cross_attn(query, audio)[0]
            x = x + block.mlp(block.mlp_ln(x))
        return decoder.ln(x) @ table.T + self.weights, attention

    def write(self, path: Path) -> None:
        """Write an official checkpoint: half precision, the whole vocabulary."""
        table = self.table().detach()
        whole = table[OTHER].repeat(N_VOCAB, 1)
        begin = TOKENIZER.timestamp_begin
        whole[begin : begin + N_TIMES] = table[len(USED) : len(USED) + N_TIMES]
        whole[list(USED)] = table[: len(USED)]
        state = {**self.whisper.state_dict(), "decoder.token_embedding.weight": whole}
        halves = {name: value.half() for name, value in state.items()}
        _write_deflated({"dims": asdict(DIMENSIONS), "model_state_dict": halves}, path)


def _write_deflated(checkpoint: dict[str, object], path: Path) -> None:
    """`torch.save` does not compress, `torch.load` reads either; equal rows take no room."""
    plain = io.BytesIO()
    torch.save(checkpoint, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as sink:
        for name in source.namelist():
            # A fixed date, so that the same weights are the same file.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            sink.writestr(entry, source.read(name), zipfile.ZIP_DEFLATED, 9)


def _look_around(layer: MultiHeadAttention, offsets: tuple[int, ...]) -> None:
    """Let each head attend at a distance: a shift turns every sine-cosine pair by an angle."""
    pairs = _STATE // layer.n_head // 2
    chosen = 2 * torch.arange(pairs)
    speeds = torch.exp(-np.log(10000) / (_STATE // 2 - 1) * chosen)
    query, key = torch.zeros(2, layer.n_head, 2, pairs, _STATE)
    pair = torch.arange(pairs)
    sine, cosine = chosen, chosen + _STATE // 2
    key[:, 0, pair, sine] = key[:, 1, pair, cosine] = _FOCUS
    for head, offset in enumerate(offsets):
        along, across = _FOCUS * torch.cos(speeds * offset), _FOCUS * torch.sin(speeds * offset)
        query[head, 0, pair, sine], query[head, 0, pair, cosine] = along, across
        query[head, 1, pair, sine], query[head, 1, pair, cosine] = -across, along
    with torch.no_grad():
        layer.query.weight.mul_(0.1).add_(query.view(_STATE, _STATE))
        layer.key.weight.mul_(0.1).add_(key.view(_STATE, _STATE))


def _attention_logits(layer: MultiHeadAttention, query: Tensor, audio: Tensor) -> Tensor:
    def heads(x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], layer.n_head, -1).transpose(1, 2)

    queries, keys = heads(layer.query(query)), heads(layer.key(audio))
    logits: Tensor = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
    return logits
