"""What Basic Pitch's ONNX file says, by the names of the paper's layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto

Weights = NDArray[np.float32]


class Unsupported(Exception):
    """The file does not have the layers of basic-pitch 0.4; it is run as it is."""


@dataclass(frozen=True)
class Layer:
    """A convolution over (time, frequency)."""

    kernel: Weights
    """(outputs, inputs, frames, bins)."""
    bias: Weights
    """(outputs,)."""


@dataclass(frozen=True)
class BasicPitchWeights:
    """All that was learned, and the filters of the constant-Q transform."""

    half_band: Weights
    """(256,): the filter before every second sample is left out."""
    octave: tuple[Weights, Weights]
    """(36, 1, 1, 256) each: real and imaginary filters of an octave's bins."""
    levels: Weights
    """(309, 1): what each bin of the transform is multiplied by."""
    scale: float
    """Of the normalised spectrogram, with `shift`."""
    shift: float
    harmonics: Layer
    contours: Layer
    contours_to_notes: Layer
    notes: Layer
    harmonics_to_onsets: Layer
    onsets: Layer


def read_weights(model: ModelProto) -> BasicPitchWeights:
    """Find the layers in the graph of basic-pitch 0.4, by the shapes of their weights.

    Raises:
        Unsupported: where one is missing, or there are others.
    """
    from onnx import numpy_helper

    values = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    layers: dict[tuple[int, ...], dict[bytes, Layer]] = {}
    for node in model.graph.node:
        if node.op_type == "Conv":
            try:
                kernel, bias = (values[name] for name in node.input[1:])
            except (KeyError, ValueError):
                raise Unsupported("a convolution has no weights") from None
            layers.setdefault(kernel.shape, {})[kernel.tobytes()] = Layer(kernel, bias)
    (half_band,) = _taken(layers, 1, 1, 1, 256)
    octave = _taken(layers, 36, 1, 1, 256, count=2)
    if any(layer.bias.any() for layer in (half_band, *octave)):
        raise Unsupported("the constant-Q transform has a bias")
    shapes = [
        (8, 8, 3, 39),
        (1, 8, 5, 5),
        (32, 1, 7, 7),
        (1, 32, 7, 3),
        (32, 8, 5, 5),
        (1, 33, 3, 3),
    ]
    others = [layer for shape in shapes for layer in _taken(layers, *shape)]
    if layers:
        raise Unsupported(f"it has other convolutions too: {sorted(layers)}")
    return BasicPitchWeights(
        half_band.kernel.reshape(-1),
        (octave[0].kernel, octave[1].kernel),
        _constant(values, "cq_t2010v2_1/Sqrt", 309).reshape(-1, 1),
        float(_constant(values, "batch_normalization/FusedBatchNormV3", 1)[0]),
        float(_constant(values, "batch_normalization/FusedBatchNormV31", 1)[0]),
        *others,
    )


def _taken(
    layers: dict[tuple[int, ...], dict[bytes, Layer]], *shape: int, count: int = 1
) -> list[Layer]:
    found = list(layers.pop(shape, {}).values())
    if len(found) != count:
        raise Unsupported(f"it has {len(found)} kernels of shape {shape}, not {count}")
    return found


def _constant(values: dict[str, NDArray[np.float32]], name: str, size: int) -> Weights:
    found = [value for key, value in values.items() if key.endswith(f"/{name}")]
    if len(found) != 1 or found[0].size != size:
        raise Unsupported(f"it has not one constant {name} of {size} numbers")
    return found[0].reshape(-1)
