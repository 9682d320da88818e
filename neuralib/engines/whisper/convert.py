"""From OpenAI's Whisper checkpoint to the folder that CTranslate2 and faster-whisper read.

CTranslate2's own converters start from other libraries' models; the layers are the same, so the
weights only change their names, and the projections of an attention are joined to one matrix
(`WhisperLoader` in `ctranslate2/converters/transformers.py` does the same).
"""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralib.engines.whisper.checkpoint import (
    Checkpoint,
    Dimensions,
    official_alignment_heads,
    read_checkpoint,
)
from neuralib.engines.whisper.quiet import whisper_quiet
from neuralib.engines.whisper.tokenizer import vocabulary, write_settings

if TYPE_CHECKING:
    from torch import Tensor

FORM = "ctranslate2"
"""Name of the prepared form; another name when another converter would write other files."""


def convert(checkpoint: Path, folder: Path) -> None:
    """Write the model into `folder`, which exists and is empty.

    The weights stay bit for bit what they are; CTranslate2 turns them into the arithmetic asked
    for as it loads them. The folder also holds the tokenizer and the settings of the features,
    so that nothing has to be fetched.

    Raises:
        CheckpointError: where the checkpoint is not OpenAI's Whisper.
    """
    from whisper.tokenizer import get_tokenizer

    content = read_checkpoint(checkpoint)
    dims = content.dims
    with whisper_quiet():
        tokenizer = get_tokenizer(dims.multilingual, num_languages=dims.num_languages)
    spec = _spec(content)
    spec.register_vocabulary(vocabulary(tokenizer.encoding))
    _configure(spec.config, tokenizer)
    spec.config.alignment_heads = _alignment_heads(official_alignment_heads(checkpoint), dims)
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    write_settings(folder, dims.n_mels, tokenizer.encoding)


def _configure(config: Any, tokenizer: Any) -> None:
    """Set the tokens that decoding never gives, as `whisper/decoding.py` does by default."""
    silent = {*tokenizer.non_speech_tokens, tokenizer.transcribe, tokenizer.translate}
    silent |= {tokenizer.sot, tokenizer.sot_prev, tokenizer.sot_lm, tokenizer.no_speech}
    config.suppress_ids = sorted(silent)
    config.suppress_ids_begin = [*tokenizer.encode(" "), tokenizer.eot]
    config.lang_ids = sorted(tokenizer.all_language_tokens)


def _alignment_heads(dump: bytes | None, dims: Dimensions) -> list[tuple[int, int]]:
    """List (layer, head); without a `dump`, all heads of the upper half, as `whisper/model.py`."""
    heads = np.zeros((dims.n_text_layer, dims.n_text_head), bool)
    heads[dims.n_text_layer // 2 :] = True
    if dump is not None:
        mask = gzip.decompress(base64.b85decode(dump))
        heads = np.frombuffer(mask, bool).reshape(heads.shape)
    return [(int(layer), int(head)) for layer, head in np.argwhere(heads)]


def _spec(checkpoint: Checkpoint) -> Any:
    from ctranslate2.specs import WhisperSpec

    dims, weights = checkpoint.dims, checkpoint.weights
    spec = WhisperSpec(dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head)
    encoder, decoder = spec.encoder, spec.decoder
    _linear(encoder.conv1, weights, "encoder.conv1")
    _linear(encoder.conv2, weights, "encoder.conv2")
    encoder.position_encodings.encodings = weights["encoder.positional_embedding"]
    _norm(encoder.layer_norm, weights, "encoder.ln_post")
    for number, layer in enumerate(encoder.layer):
        _block(layer, weights, f"encoder.blocks.{number}")

    decoder.embeddings.weight = weights["decoder.token_embedding.weight"]
    decoder.projection.weight = decoder.embeddings.weight
    decoder.position_encodings.encodings = weights["decoder.positional_embedding"]
    _norm(decoder.layer_norm, weights, "decoder.ln")
    for number, layer in enumerate(decoder.layer):
        _block(layer, weights, f"decoder.blocks.{number}")
        _cross_attention(layer.attention, weights, f"decoder.blocks.{number}.cross_attn")
    return spec


def _block(layer: Any, weights: dict[str, Tensor], name: str) -> None:
    attention = layer.self_attention
    _norm(attention.layer_norm, weights, f"{name}.attn_ln")
    _joined(attention.linear[0], weights, f"{name}.attn", ("query", "key", "value"))
    _linear(attention.linear[1], weights, f"{name}.attn.out")
    _norm(layer.ffn.layer_norm, weights, f"{name}.mlp_ln")
    _linear(layer.ffn.linear_0, weights, f"{name}.mlp.0")
    _linear(layer.ffn.linear_1, weights, f"{name}.mlp.2")


def _cross_attention(attention: Any, weights: dict[str, Tensor], name: str) -> None:
    _norm(attention.layer_norm, weights, f"{name}_ln")
    _linear(attention.linear[0], weights, f"{name}.query")
    _joined(attention.linear[1], weights, name, ("key", "value"))
    _linear(attention.linear[2], weights, f"{name}.out")


def _joined(layer: Any, weights: dict[str, Tensor], name: str, parts: tuple[str, ...]) -> None:
    import torch

    layer.weight = torch.cat([weights[f"{name}.{part}.weight"] for part in parts])
    no_bias = torch.zeros_like(weights[f"{name}.value.bias"])  # the keys have none
    layer.bias = torch.cat([weights.get(f"{name}.{part}.bias", no_bias) for part in parts])


def _linear(layer: Any, weights: dict[str, Tensor], name: str) -> None:
    layer.weight, layer.bias = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _norm(layer: Any, weights: dict[str, Tensor], name: str) -> None:
    layer.gamma, layer.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]
