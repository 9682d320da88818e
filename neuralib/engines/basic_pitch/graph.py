"""Basic Pitch's network, written down anew for processors.

The sums are those of basic-pitch's own graph, in float32. Only their order differs, and what is
a multiplication by zero: activations differ in the seventh digit. Four things make it faster:

- **One output of eight channels leaves a processor's vectors half empty.** So `_BLOCK`
  neighbouring bins are computed as channels of one output, by a kernel that is so much longer and
  walks so much farther; so are `_SAMPLES` neighbouring samples where the wave is filtered.
- **The harmonics are eight copies of one spectrogram, shifted.** A layer over all of them is a
  layer over the spectrogram, with one longer kernel: taps of two harmonics that meet are added up
  beforehand, 528 in place of 936. Near the lowest and the highest bin some copies have ended and
  others have not, so the `_EDGE` bins there have kernels of their own.
- **A layer with one output is a transposed convolution**: every input is multiplied by the whole
  kernel in one matrix product, and what belongs together is added up.
- **Frames that a window gives up are not computed**, but for the spectrogram, whose level is taken
  over all of them. No layer looks beyond an end, so none is padded there.

Arrays are (channels, bins, frames): a shift by bins is then a copy of whole rows. Sums before the
logarithm keep their order, tap by tap, where onnxruntime has kernels for blocks of channels
(x86-64): sums of next to nothing would have another logarithm, and probabilities differ by 0.0005.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.basic_pitch.onnx_graph import OnnxGraph
from neuralib.engines.basic_pitch.weights import BasicPitchWeights, Layer, Weights
from neuralib.midi.activations import BINS_PER_KEY, KEYS
from neuralib.midi.times import HOP, TRIM_FRAMES, WINDOW_FRAMES, WINDOW_SAMPLES

if TYPE_CHECKING:
    from onnx import ModelProto

INPUT = "serving_default_input_2:0"
FRAMES = "frames"
ONSETS, NOTES, CONTOURS = (f"StatefulPartitionedCall:{number}" for number in (2, 1, 0))

_BINS = KEYS * BINS_PER_KEY
_ROWS = 309
"""Bins of the spectrogram: 45 more than are looked at, for the harmonics."""
_OCTAVE = 12 * BINS_PER_KEY
_OCTAVES = -(-_ROWS // _OCTAVE)
_HARMONICS = tuple(round(_OCTAVE * log2(n)) for n in (0.5, 1, 2, 3, 4, 5, 6, 7))
"""So many bins above a tone's own bin they are."""
_REACH = 19
"""Bins below and above that the layer of the harmonics looks at."""

_BLOCK = 8
_EDGE = 24
"""Bins at each end; more than `_REACH`, in whole blocks."""

_CONTEXT = 10
"""Frames of the spectrogram on either side on which a frame of notes and onsets depends."""
_MORE_CONTOURS = 7
"""So many frames of contours at each end are needed for the notes, beyond those that are kept..."""
_MORE_NOTES = 1
"""...and so many of notes for the onsets."""

_SAMPLES = 16
"""Neighbouring samples of a halved wave that are channels of one output."""

_FLOOR = np.float32(1e-10)
_DECIBELS = (np.float32(1 / np.log(10)), np.float32(10))


def build_graph(weights: BasicPitchWeights) -> ModelProto:
    """Write the graph of one window; its inputs and outputs are called as basic-pitch's are.

    Inputs (1, 43 844, 1): samples at 22 050 Hz, and (1,): how many of the 142 frames that a window
    keeps are wanted, from the first on; at least one. Outputs (1, frames, 264) for contours,
    (1, frames, 88) for notes and onsets: probabilities, in these frames.
    """
    graph = OnnxGraph("basic-pitch")
    samples = graph.input(INPUT, np.float32, 1, WINDOW_SAMPLES, 1)
    frames = graph.input(FRAMES, np.int64, 1)
    seen = graph.add("Add", frames, np.array([TRIM_FRAMES + _CONTEXT]))
    spectrogram = _spectrogram(graph, samples, weights)
    spectrogram = graph.cut(spectrogram, -1, np.array([TRIM_FRAMES - _CONTEXT]), seen)
    contours = _contours(graph, spectrogram, weights)
    notes = _notes(graph, contours, weights)
    onsets = _onsets(graph, spectrogram, notes, weights)
    for name, value, width, more in (
        (CONTOURS, contours, _BINS, _MORE_CONTOURS),
        (NOTES, notes, KEYS, _MORE_NOTES),
        (ONSETS, onsets, KEYS, 0),
    ):
        turned = graph.add("Transpose", _middle(graph, value, more), perm=(0, 1, 3, 2))
        graph.output(name, graph.reshape(turned, 1, -1, width), 1, FRAMES, width)
    return graph.model()


def _spectrogram(graph: OnnxGraph, samples: str, weights: BasicPitchWeights) -> str:
    """Add the constant-Q transform in decibels, from 0 to 1, then scaled: (309, 172)."""
    octaves: list[str] = []
    wave, length = graph.reshape(samples, 1, 1, 1, WINDOW_SAMPLES), WINDOW_SAMPLES
    around = (0, 0, 0, weights.octave[0].shape[-1] // 2)
    for octave in range(_OCTAVES):
        if octave:
            wave, length = _halved(graph, wave, length, weights.half_band)
        first = _OCTAVES * _OCTAVE - _ROWS if octave == _OCTAVES - 1 else 0
        padded = graph.pad(wave, around, around, "reflect")
        filters = np.concatenate([part[first:] for part in weights.octave])
        found = graph.add("Conv", padded, filters, strides=(1, HOP >> octave))
        octaves.append(graph.reshape(found, 2, _OCTAVE - first, WINDOW_FRAMES))
    levelled = graph.add("Mul", graph.add("Concat", *octaves[::-1], axis=1), weights.levels)
    squares = graph.add("Mul", levelled, levelled)
    real, imaginary = (graph.cut(squares, 0, np.array([n]), np.array([n + 1])) for n in range(2))
    power = graph.reshape(graph.add("Add", real, imaginary), _ROWS, WINDOW_FRAMES)
    return _normalised(graph, power, weights)


def _halved(graph: OnnxGraph, wave: str, length: int, half_band: Weights) -> tuple[str, int]:
    """Filter (1, 1, 1, length) and take every second sample; give the new length too."""
    taps = len(half_band)
    before, left = taps // 2 - 1, (length - 2) // 2 + 1
    blocks = -(-left // _SAMPLES)
    kernel = np.zeros((_SAMPLES, 1, 1, 2 * (_SAMPLES - 1) + taps), np.float32)
    for index in range(_SAMPLES):
        kernel[index, 0, 0, 2 * index : 2 * index + taps] = half_band
    after = 2 * _SAMPLES * (blocks - 1) + kernel.shape[-1] - before - length
    found = graph.add("Conv", wave, kernel, strides=(1, 2 * _SAMPLES), pads=(0, before, 0, after))
    joined = graph.reshape(graph.add("Transpose", found, perm=(0, 2, 3, 1)), blocks * _SAMPLES)
    return graph.reshape(graph.cut(joined, 0, np.array([0]), np.array([left])), 1, 1, 1, left), left


def _normalised(graph: OnnxGraph, power: str, weights: BasicPitchWeights) -> str:
    """Add the logarithm, step by step as basic-pitch's graph has it, so that it rounds alike."""
    magnitude = graph.add("Sqrt", power)
    value = graph.add("Log", graph.add("Add", graph.add("Mul", magnitude, magnitude), _FLOOR))
    for factor in _DECIBELS:
        value = graph.add("Mul", value, factor)
    value = graph.add("Sub", value, graph.add("ReduceMin", value, keepdims=0))
    highest = graph.add("ReduceMax", value, keepdims=0)
    is_flat = graph.add("Equal", highest, np.float32(0))
    value = graph.add("Div", value, graph.add("Where", is_flat, np.float32(1), highest))
    value = graph.add("Mul", value, np.float32(weights.scale))
    return graph.add("Add", value, np.float32(weights.shift))


def _contours(graph: OnnxGraph, spectrogram: str, weights: BasicPitchWeights) -> str:
    """Add the contours of pitch: (1, 1, 264, 156)."""
    layer, top = weights.harmonics, _BINS - _EDGE
    lowest, highest = (_HARMONICS[0] - _REACH, _HARMONICS[-1] + _REACH)
    width = -(-(highest - lowest + _BLOCK) // _BLOCK)  # blocks that one block of bins looks at
    bottom = _EDGE + lowest
    count = (top - _EDGE) // _BLOCK + width - 1
    rows = bottom + _BLOCK * np.arange(count) + np.arange(_BLOCK)[:, None]
    blocks = graph.reshape(_gathered(graph, spectrogram, rows), 1, _BLOCK, count, -1)
    looked_at = range(bottom, bottom + width * _BLOCK)
    kernel = _over_rows(layer, range(_EDGE, _EDGE + _BLOCK), looked_at)
    kernel = kernel.reshape(-1, width, _BLOCK, 3).swapaxes(1, 2)
    hidden = graph.add("Conv", blocks, kernel, np.tile(layer.bias, _BLOCK))
    low = _edge(graph, spectrogram, layer, range(_EDGE), range(_EDGE + highest))
    high = _edge(graph, spectrogram, layer, range(top, _BINS), range(top + lowest, _ROWS))
    hidden = graph.add("Concat", low, graph.add("Relu", hidden), high, axis=2)
    one = weights.contours
    contours = graph.add(
        "ConvTranspose",
        hidden,
        _spread(one.kernel),
        one.bias,
        strides=(_BLOCK, 1),
        pads=(2, 4, 2, 4),
    )
    return graph.add("Sigmoid", contours)


def _edge(graph: OnnxGraph, spectrogram: str, layer: Layer, bins: range, rows: range) -> str:
    """Add the layer of the harmonics for some bins: (1, 64, blocks, frames)."""
    seen = graph.cut(spectrogram, 0, np.array([rows.start]), np.array([rows.stop]))
    seen = graph.reshape(seen, 1, len(rows), 1, -1)
    kernel = _over_rows(layer, bins, rows)[:, :, None]
    hidden = graph.add("Conv", seen, kernel, np.tile(layer.bias, len(bins)))
    hidden = graph.reshape(
        graph.add("Relu", hidden), 1, len(bins) // _BLOCK, len(kernel) // (len(bins) // _BLOCK), -1
    )
    return graph.add("Transpose", hidden, perm=(0, 2, 1, 3))


def _notes(graph: OnnxGraph, contours: str, weights: BasicPitchWeights) -> str:
    """Add the notes that sound: (1, 1, 88, 144)."""
    hidden = _per_key(graph, contours, weights.contours_to_notes)
    return graph.add("Sigmoid", _to_one(graph, hidden, weights.notes.kernel, weights.notes.bias))


def _onsets(graph: OnnxGraph, spectrogram: str, notes: str, weights: BasicPitchWeights) -> str:
    """Add the notes that begin: (1, 1, 88, 142)."""
    rows = np.arange(_BINS) + np.array(_HARMONICS)[:, None]
    seen = _middle(graph, spectrogram, _MORE_CONTOURS)
    stacked = graph.reshape(_gathered(graph, seen, rows), 1, len(_HARMONICS), _BINS, -1)
    hidden = _per_key(graph, stacked, weights.harmonics_to_onsets)
    kernel, bias = weights.onsets.kernel, weights.onsets.bias
    by_notes = _to_one(graph, notes, kernel[:, :1], np.zeros_like(bias))
    by_harmonics = _to_one(graph, hidden, kernel[:, 1:], bias)
    return graph.add("Sigmoid", graph.add("Add", by_notes, by_harmonics))


def _middle(graph: OnnxGraph, value: str, frames: int) -> str:
    """Leave out so many frames at each end."""
    if not frames:
        return value
    return graph.cut(value, -1, np.array([frames]), np.array([-frames]))


def _gathered(graph: OnnxGraph, spectrogram: str, rows: NDArray[np.int64]) -> str:
    """Take rows of the spectrogram by their numbers; those beyond its ends are silent."""
    with_silence = graph.pad(spectrogram, (0, 0), (1, 0), "constant")
    numbers = np.where((rows >= 0) & (rows < _ROWS), rows, _ROWS).reshape(-1)
    return graph.add("Gather", with_silence, numbers, axis=0)


def _over_rows(layer: Layer, bins: range, rows: range) -> Weights:
    """Write the layer of the harmonics as one over rows of the spectrogram.

    Gives (bins · 8, rows, 3), a bin's eight outputs side by side. The copies of the spectrogram
    have `_BINS` bins each; what lies beyond is silent.
    """
    kernel = np.zeros((len(bins), len(layer.kernel), len(rows), 3))
    for index, center in enumerate(bins):
        for tap, seen in enumerate(range(center - _REACH, center + _REACH + 1)):
            if not 0 <= seen < _BINS:
                continue
            for copy, shift in enumerate(_HARMONICS):
                if seen + shift in rows:
                    row = rows.index(seen + shift)
                    kernel[index, :, row] += layer.kernel[:, copy, :, tap]
    return kernel.reshape(-1, len(rows), 3).astype(np.float32)


def _spread(kernel: Weights) -> Weights:
    """Write a layer of one output for blocks of bins: (64, 1, 12, 5), over bins and frames."""
    _, inputs, frames, bins = kernel.shape
    spread = np.zeros((_BLOCK, inputs, 1, _BLOCK + bins - 1, frames), np.float32)
    for index in range(_BLOCK):
        spread[index, :, 0, index : index + bins] = _turned(kernel)[:, 0]
    return spread.reshape(-1, 1, _BLOCK + bins - 1, frames)


def _per_key(graph: OnnxGraph, values: str, layer: Layer) -> str:
    """Add a layer that makes one of three bins."""
    kernel = layer.kernel.swapaxes(2, 3)
    bins = kernel.shape[2] // 2 - 1
    pads = (bins, 0, bins, 0)
    out = graph.add("Conv", values, kernel, layer.bias, strides=(BINS_PER_KEY, 1), pads=pads)
    return graph.add("Relu", out)


def _to_one(graph: OnnxGraph, values: str, kernel: Weights, bias: Weights) -> str:
    """Add a layer of one output."""
    turned = _turned(kernel)
    bins, frames = turned.shape[2] // 2, turned.shape[3] - 1
    return graph.add("ConvTranspose", values, turned, bias, pads=(bins, frames, bins, frames))


def _turned(kernel: Weights) -> Weights:
    """Turn (1, inputs, frames, bins) into a transposed convolution's (inputs, 1, bins, frames)."""
    return kernel[0, :, None, ::-1, ::-1].swapaxes(2, 3)
