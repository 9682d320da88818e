"""Layers of a network as operations of an OpenVINO graph.

Arrays are channel-last, (groups, steps, channels): products of matrices then take them as they
are, and a convolution needs no other order in memory than OpenVINO's own for it, so that it
leaves out the transpositions written around it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weights = Mapping[str, NDArray[np.float32]]
Node = Any
"""An operation of `openvino.opset13`, or one of its outputs; the package has no types."""

_FEW = 4
_TILE = 16
"""Strided convolutions of more than few channels, but not of whole tiles of them, get channels of
zeros: of 8 and of 12, oneDNN's bfloat16 kernels for AMX give wrong sums."""

_EPSILON = 1e-5
"""Added to variances; PyTorch's default in every norm of Demucs."""


class Layers:
    """Layers by the names of their weights in the checkpoint."""

    def __init__(self, weights: Weights) -> None:
        from openvino import opset13

        self.op = opset13
        self.weights = weights

    def constant(self, values: ArrayLike) -> Node:
        """Give float32 numbers."""
        return self.op.constant(np.ascontiguousarray(values, np.float32))

    def integers(self, *values: int) -> Node:
        """Give a shape, axes or an order of axes."""
        return self.op.constant(np.array(values, np.int64))

    def reshape(self, x: Node, *shape: int) -> Node:
        """Give another shape, -1: what is left over."""
        return self.op.reshape(x, self.integers(*shape), False)

    def transpose(self, x: Node, *axes: int) -> Node:
        """Order the axes anew."""
        return self.op.transpose(x, self.integers(*axes))

    def crop(self, x: Node, axis: int, start: int, frames: int) -> Node:
        """Keep `frames` steps from `start` on."""
        one = self.integers(1)
        stop = self.integers(start + frames)
        return self.op.slice(x, self.integers(start), stop, one, self.integers(axis))

    def gelu(self, x: Node) -> Node:
        """Gaussian error linear unit, exact."""
        return self.op.gelu(x, "ERF")

    def product(self, x: Node, weight: NDArray[Any], bias: NDArray[Any]) -> Node:
        """(…, in) times (out, in), plus (out,)."""
        matrix = self.op.matmul(x, self.constant(weight), False, True)
        return self.op.add(matrix, self.constant(bias.reshape(1, 1, -1)))

    def linear(self, x: Node, name: str) -> Node:
        """A linear layer, or a convolution with a kernel of 1."""
        bias = self.weights[f"{name}.bias"]
        return self.product(x, self.weights[f"{name}.weight"].reshape(len(bias), -1), bias)

    def convolution(
        self,
        x: Node,
        weight: NDArray[Any],
        bias: NDArray[Any],
        *,
        strides: Sequence[int] = (1, 1),
        before: Sequence[int] = (0, 0),
        after: Sequence[int] = (0, 0),
        dilations: Sequence[int] = (1, 1),
        gelu: bool = False,
    ) -> Node:
        """A convolution over groups and steps: weight (out, in, groups, steps), zeros around.

        With `gelu` that follows, in the same kernel.
        """
        op = self.op
        missing = -weight.shape[1] % _TILE if max(strides) > 1 else 0
        if missing and weight.shape[1] > _FEW:
            behind = self.integers(0, 0, missing)
            x = op.pad(x, self.integers(0, 0, 0), behind, "constant", op.constant(np.float32(0)))
            weight = np.pad(weight, ((0, 0), (0, missing), (0, 0), (0, 0)))
        planes = op.transpose(op.unsqueeze(x, self.integers(0)), self.integers(0, 3, 1, 2))
        settings = (list(strides), list(before), list(after), list(dilations))
        y = op.convolution(planes, self.constant(weight), *settings)
        y = op.add(y, self.constant(bias.reshape(1, -1, 1, 1)))
        if gelu:
            y = self.gelu(y)
        return op.squeeze(op.transpose(y, self.integers(0, 2, 3, 1)), self.integers(0))

    def gated(self, first: Node, second: Node) -> Node:
        """Gated linear unit of two halves that were computed apart, which saves splitting them."""
        return self.op.multiply(first, self.op.sigmoid(second))

    def gated_linear(self, x: Node, name: str) -> Node:
        """A linear layer, then a gated linear unit over its channels."""
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return self.gated_product(x, weight.reshape(len(bias), -1), bias)

    def gated_product(self, x: Node, weight: NDArray[Any], bias: NDArray[Any]) -> Node:
        """`product`, then a gated linear unit over its channels."""
        half = len(bias) // 2
        first = self.product(x, weight[:half], bias[:half])
        return self.gated(first, self.product(x, weight[half:], bias[half:]))

    def gated_convolution(self, x: Node, name: str) -> Node:
        """A convolution that keeps the size, then a gated linear unit over its channels."""
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        weight = weight.reshape(*weight.shape[:2], *(1,) * (4 - weight.ndim), *weight.shape[2:])
        pad = [size // 2 for size in weight.shape[2:]]
        half = len(bias) // 2
        first, second = (
            self.convolution(x, weight[part], bias[part], before=pad, after=pad)
            for part in (slice(half), slice(half, None))
        )
        return self.gated(first, second)

    def standard(self, x: Node, name: str) -> Node:
        """Normalise over the channels, then scale and shift each channel."""
        return self.affine(self._normal(x), name)

    def standard_groups(self, x: Node, name: str, groups: int) -> Node:
        """Normalise over steps and channels, then scale and shift each channel."""
        channels = len(self.weights[f"{name}.weight"])
        rows = self.reshape(x, groups, -1)  # a short last axis makes the kernel slow
        return self.affine(self.reshape(self._normal(rows), groups, -1, channels), name)

    def _normal(self, x: Node) -> Node:
        """Normalise over the last axis."""
        return self.op.mvn(x, self.integers(-1), True, _EPSILON, "inside_sqrt")

    def affine(self, x: Node, name: str) -> Node:
        """Scale and shift each channel."""
        scale, shift = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        y = self.op.multiply(x, self.constant(scale.reshape(1, 1, -1)))
        return self.op.add(y, self.constant(shift.reshape(1, 1, -1)))

    def scaled(self, x: Node, name: str) -> Node:
        """Scale each channel, as `LayerScale` does."""
        return self.op.multiply(x, self.constant(self.weights[f"{name}.scale"].reshape(1, 1, -1)))

    def attention(self, x: Node, memory: Node, name: str, heads: int) -> Node:
        """PyTorch's `MultiheadAttention` from `x` to `memory`, without a mask.

        Keys are put the other way round as one matrix, in a tenth of the time that OpenVINO
        takes where each head's are.
        """
        weights = np.split(self.weights[f"{name}.in_proj_weight"], 3)
        biases = np.split(self.weights[f"{name}.in_proj_bias"], 3)
        width = len(biases[0])
        scale = np.float32(1 / math.sqrt(width // heads))

        def by_head(y: Node) -> Node:
            return self.transpose(self.reshape(y, 1, -1, heads, width // heads), 0, 2, 1, 3)

        query = by_head(self.product(x, weights[0] * scale, biases[0] * scale))
        key = self.turned(self.product(memory, weights[1], biases[1]), width)
        key = self.reshape(key, 1, heads, width // heads, -1)
        value = by_head(self.product(memory, weights[2], biases[2]))
        share = self.op.softmax(self.op.matmul(query, key, False, False), 3)
        y = self.op.matmul(share, value, False, False)
        y = self.reshape(self.transpose(y, 0, 2, 1, 3), 1, -1, width)
        return self.linear(y, f"{name}.out_proj")

    def turned(self, x: Node, channels: int) -> Node:
        """Turn (1, steps, channels) into (channels, steps), with axes that have a fast kernel."""
        planes = self.transpose(self.reshape(x, 1, -1, 1, channels), 0, 3, 1, 2)
        return self.reshape(planes, channels, -1)

    def normal_gated(self, x: Node, name: str, norm: str, steps: int, scale: NDArray[Any]) -> Node:
        """Linear layer, group norm of one group, gated linear unit, scale of each channel.

        The layer has many more channels than `x`, so its mean and variance are not taken from
        its output but follow from the mean and covariance of its input. The few channels of `x`
        are divided by the deviation before the layer; what bias and mean become by that, and by
        the norm's own scale and shift, is a row for each group, which is added after it.
        """
        op = self.op
        bias = self.weights[f"{name}.bias"]
        weight = self.weights[f"{name}.weight"].reshape(len(bias), -1)
        mean = op.reduce_mean(x, self.integers(1), True)
        centred = op.subtract(x, mean)
        covariance = op.matmul(centred, centred, True, False)
        weighed = self.constant((weight.T @ weight / (len(bias) * steps))[None])
        within = op.reduce_sum(op.multiply(covariance, weighed), self.integers(1, 2), True)
        channels = self.product(mean, weight, bias)
        level = op.reduce_mean(channels, self.integers(2), True)
        apart = op.subtract(channels, level)
        between = op.reduce_mean(op.multiply(apart, apart), self.integers(2), True)
        variance = op.add(op.add(within, between), self.constant([[[_EPSILON]]]))
        shrink = op.divide(self.constant([[[1]]]), op.sqrt(variance))

        normal = op.multiply(x, shrink)
        levels = op.concat([shrink, op.multiply(level, shrink)], 2)
        ends = np.concatenate([scale, np.ones(len(bias) - len(scale), np.float32)])
        gain, shift = self.weights[f"{norm}.weight"] * ends, self.weights[f"{norm}.bias"] * ends
        wide = gain[:, None] * weight
        rows = np.column_stack([gain * bias, -gain])

        def half(part: slice) -> Node:
            y = op.matmul(normal, self.constant(wide[part]), False, True)
            return op.add(y, self.product(levels, rows[part], shift[part]))

        return self.gated(half(slice(len(scale))), half(slice(len(scale), None)))
