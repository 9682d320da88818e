"""OpenAI's Whisper checkpoints: `{"dims", "model_state_dict"}` as `torch.save` writes them.

Nothing in the file is run: it is unpickled with `weights_only=True`, and every tensor is compared
with what the dimensions promise before anybody uses it.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralib.engines.refusal import reason_of, wanted_code
from neuralib.errors import CheckpointError
from neuralib.models.digest import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

_MOST_LAYERS = 128  # four times the largest Whisper's


@dataclass(frozen=True)
class Dimensions:
    """Sizes of a Whisper, named as in OpenAI's `ModelDimensions`."""

    n_mels: int
    """Bands of the mel spectrogram: 80, or 128 since large-v3."""
    n_audio_ctx: int
    """Positions of the encoder: 1500, two spectrogram frames each."""
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_vocab: int
    """51864: English only; 51865: 99 languages; 51866: 100 languages."""
    n_text_ctx: int
    """Most tokens of prompt and text together: 448."""
    n_text_state: int
    n_text_head: int
    n_text_layer: int

    @property
    def multilingual(self) -> bool:
        """Whether the model knows more than English; OpenAI's own rule."""
        return self.n_vocab >= 51865

    @property
    def num_languages(self) -> int:
        """Number of language tokens; OpenAI's own rule."""
        return self.n_vocab - 51765 - int(self.multilingual)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint whose weights fit its dimensions."""

    dims: Dimensions
    weights: dict[str, Tensor]
    """Named as in OpenAI's model; float16, bfloat16 or float32, on the CPU."""


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; weights stay in the file until they are used, where its form allows.

    Raises:
        CheckpointError: where the file is damaged, holds more than tensors and numbers, or is
            not a Whisper of OpenAI's kind.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=_can_map(path))
    except Exception as error:  # a damaged pickle fails in any way
        if code := wanted_code(error):
            raise CheckpointError(
                f"{path} wants to run {code} when it is loaded, which is not done here; give a "
                "checkpoint of OpenAI's Whisper (.pt)"
            ) from error
        raise CheckpointError(
            f"{path} is damaged, or holds more than weights, and was not loaded "
            f"({reason_of(error)}); give a checkpoint of OpenAI's Whisper (.pt)"
        ) from error
    dims = _dimensions(path, content)
    return Checkpoint(dims, _weights(path, content["model_state_dict"], dims))


def _can_map(path: Path) -> bool:
    """Whether the weights lie in the file as they do in memory: in an archive, not packed."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return all(each.compress_type == zipfile.ZIP_STORED for each in archive.infolist())


def official_alignment_heads(path: Path) -> bytes | None:
    """Find which attention heads tell word times, if this is one of OpenAI's own checkpoints.

    The file is recognised by its sha256, so that a renamed copy gives the same word times.

    Returns:
        The heads as `whisper.model.Whisper.set_alignment_heads` takes them, or None.
    """
    import whisper

    digest = sha256_of(path)  # a part of the address that OpenAI publishes the file under
    name = next((name for name, address in whisper._MODELS.items() if digest in address), None)
    return None if name is None else whisper._ALIGNMENT_HEADS[name]


def _dimensions(path: Path, content: Any) -> Dimensions:
    if not isinstance(content, dict) or not {"dims", "model_state_dict"} <= content.keys():
        raise CheckpointError(
            f"{path} is a PyTorch file, but not a Whisper checkpoint of OpenAI's: it lacks dims "
            "and model_state_dict; give one that has them (.pt)"
        )
    names = [field.name for field in fields(Dimensions)]
    given = content["dims"]
    if not isinstance(given, dict) or sorted(given) != sorted(names):
        raise CheckpointError(f"{path}: its dims are not {', '.join(names)}")
    for name, value in given.items():
        most = _MOST_LAYERS if name.endswith("layer") else 1 << 20
        if type(value) is not int or not 1 <= value <= most:
            raise CheckpointError(f"{path}: {name} is {value!r}, not a whole number 1 to {most}")
    _check_fixed(path, given)
    return Dimensions(**given)


def _check_fixed(path: Path, dims: dict[str, int]) -> None:
    """Check what the code around the model relies on."""
    allowed = {
        "n_mels": (80, 128),
        "n_audio_ctx": (1500,),
        "n_text_ctx": (448,),
        "n_vocab": (51864, 51865, 51866),
    }
    for name, values in allowed.items():
        if dims[name] not in values:
            wanted = " or ".join(str(value) for value in values)
            raise CheckpointError(f"{path}: {name} is {dims[name]}; a Whisper has {wanted}")
    if dims["n_audio_state"] != dims["n_text_state"]:
        raise CheckpointError(f"{path}: n_audio_state and n_text_state differ; a Whisper's do not")
    for side in ("audio", "text"):
        state, heads = dims[f"n_{side}_state"], dims[f"n_{side}_head"]
        if state % heads:
            raise CheckpointError(f"{path}: {state} channels do not divide into {heads} heads")


def _weights(path: Path, state: Any, dims: Dimensions) -> dict[str, Tensor]:
    import torch

    shapes = _shapes(dims)
    if not isinstance(state, dict) or state.keys() != shapes.keys():
        odd = sorted(set(state) ^ shapes.keys(), key=str) if isinstance(state, dict) else ["all"]
        raise CheckpointError(
            f"{path}: its weights are not those of a Whisper with its dims ({odd[0]} is missing "
            f"or too many, {len(odd)} in all)"
        )
    floats = (torch.float16, torch.bfloat16, torch.float32)
    for name, shape in shapes.items():
        tensor = state[name]
        if not isinstance(tensor, torch.Tensor) or tuple(tensor.shape) != shape:
            raise CheckpointError(f"{path}: weight {name} has not the shape {shape}")
        if tensor.dtype not in floats:
            raise CheckpointError(f"{path}: weight {name} is {tensor.dtype}, not floating point")
    return state


def _shapes(dims: Dimensions) -> dict[str, tuple[int, ...]]:
    """Tell the names and shapes of all the weights, as in `whisper/model.py`."""
    state = dims.n_audio_state
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.conv1.weight": (state, dims.n_mels, 3),
        "encoder.conv1.bias": (state,),
        "encoder.conv2.weight": (state, state, 3),
        "encoder.conv2.bias": (state,),
        "encoder.positional_embedding": (dims.n_audio_ctx, state),
        "decoder.token_embedding.weight": (dims.n_vocab, state),
        "decoder.positional_embedding": (dims.n_text_ctx, state),
    }
    shapes |= _norm("encoder.ln_post", state) | _norm("decoder.ln", state)
    for layer in range(dims.n_audio_layer):
        shapes |= _block(f"encoder.blocks.{layer}", state, ("attn",))
    for layer in range(dims.n_text_layer):
        shapes |= _block(f"decoder.blocks.{layer}", state, ("attn", "cross_attn"))
    return shapes


def _block(name: str, state: int, attentions: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.mlp.0.weight": (4 * state, state),
        f"{name}.mlp.0.bias": (4 * state,),
        f"{name}.mlp.2.weight": (state, 4 * state),
        f"{name}.mlp.2.bias": (state,),
    }
    shapes |= _norm(f"{name}.mlp_ln", state)
    for attention in attentions:
        shapes |= _norm(f"{name}.{attention}_ln", state)
        for part in ("query", "key", "value", "out"):
            shapes[f"{name}.{attention}.{part}.weight"] = (state, state)
            if part != "key":  # a bias of the keys would not change the attention
                shapes[f"{name}.{attention}.{part}.bias"] = (state,)
    return shapes


def _norm(name: str, state: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (state,), f"{name}.bias": (state,)}
