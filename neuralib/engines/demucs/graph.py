"""HTDemucs as an OpenVINO graph, without its transforms to frequencies and back.

Built from the weights, layer by layer, which takes a second where converting the traced PyTorch
module takes twenty, and lets each layer have the form that the processor likes best. The order
of the layers is that of `HTDemucs.forward` (`demucs/htdemucs.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.demucs.graph_layers import Layers, Node
from neuralib.engines.demucs.spectrum import Spectrum

_KERNEL = 8
_STRIDE = 4
_SUPPORTED: Mapping[str, Any] = {
    "cac": True,
    "channels_time": None,
    "context": 1,
    "context_enc": 0,
    "kernel_size": _KERNEL,
    "rewrite": True,
    "stride": _STRIDE,
    "t_emb": "sin",
    "t_gelu": True,
    "t_group_norm": False,
    "t_layer_scale": True,
    "t_norm_first": True,
    "t_norm_in": True,
    "t_norm_in_group": False,
    "t_norm_out": True,
    "t_sin_random_shift": 0,
    "t_sparse_cross_attn": False,
    "t_sparse_self_attn": False,
    "use_train_segment": True,
}
"""What all released HTDemucs models have; others stay with PyTorch."""


def is_supported(arguments: Mapping[str, Any], frames: int) -> bool:
    """Whether the graph can be built for these arguments of `HTDemucs`, and segments of `frames`.

    A segment must be longer than what the transform mirrors at its ends.
    """
    least_bins = arguments["nfft"] // 2 // _STRIDE ** (arguments["depth"] - 1)
    return (
        all(arguments[name] == value for name, value in _SUPPORTED.items())
        and not arguments["multi_freqs"]
        and arguments["norm_starts"] >= arguments["depth"]
        and arguments["dconv_comp"] <= arguments["channels"]
        and arguments["nfft"] % (2 * _STRIDE ** arguments["depth"]) == 0
        and least_bins > _KERNEL
        and frames > Spectrum.mirrored(arguments["nfft"], frames)
    )


def build_graph(model: Any, arguments: Mapping[str, Any]) -> Any:
    """Build the `openvino.Model` of one segment; see `_Builder.build`.

    Args:
        model: an HTDemucs in float32 on the processor.
        arguments: all those of its class; `is_supported`.
    """
    return _Builder(model, arguments).build()


class _Builder:
    def __init__(self, model: Any, arguments: Mapping[str, Any]) -> None:
        state = model.state_dict()
        self.layers = Layers({name: tensor.numpy() for name, tensor in state.items()})
        self.model = model
        self.arguments = arguments
        self.frames = int(model.segment * model.samplerate)
        self.steps = math.ceil(self.frames / model.hop_length)

    def build(self) -> Any:
        """Build the graph.

        Inputs: `spectrum` (channels, steps, bins / 4 + 1, 8), real and imaginary parts of four
        bins, and `wave` (channels, frames), both normalised. Outputs: the stems of the same kinds,
        `spectra` (bins / 4 + 1, steps, stems * channels, 8) and `waves` (stems * channels, frames
        + 4 or more). In all spectra two bins, and in the waves two frames, lie in front of what
        they are about, and the rest behind it; the input has zeros there.
        """
        import openvino

        op, layers, channels = self.layers.op, self.layers, self.model.audio_channels
        bins = self.model.nfft // 2
        blocks = bins // _STRIDE + 1
        shape = [channels, self.steps, blocks, 2 * _STRIDE]
        spectrum = op.parameter(shape, np.float32, "spectrum")
        wave = op.parameter([channels, self.frames], np.float32, "wave")
        x = layers.reshape(layers.transpose(spectrum, 2, 1, 0, 3), blocks, self.steps, -1)
        xt = layers.reshape(layers.transpose(wave, 1, 0), 1, self.frames, channels)

        skips, skips_t, lengths = [], [], [self.frames]
        for index in range(self.model.depth):
            bins //= _STRIDE
            x = self._encode(x, index, bins)
            skips.append(x)
            xt, length = self._encode_time(xt, index, lengths[-1])
            skips_t.append(xt)
            lengths.append(length)
        if self.model.crosstransformer is not None:
            x, xt = self._transform(x, xt, bins, lengths[-1])
        for index in range(self.model.depth):
            x = self._merged(op.add(x, skips.pop()), f"decoder.{index}", bins, self.steps)
            x = self._decode(x, index, bins)
            bins *= _STRIDE
            length = lengths.pop()
            xt = self._merged(op.add(xt, skips_t.pop()), f"tdecoder.{index}", 1, length)
            xt = self._decode_time(xt, index, lengths[-1])
        return openvino.Model([op.result(x), op.result(xt)], [spectrum, wave], "htdemucs")

    def _encode(self, x: Node, index: int, bins: int) -> Node:
        layers, name = self.layers, f"encoder.{index}"
        weight, bias = self._weights(f"{name}.conv")
        if index == 0:
            x = layers.convolution(x, _of_blocks(weight), bias)
        else:
            pad = (2, 0)
            x = layers.convolution(x, weight, bias, strides=(_STRIDE, 1), before=pad, after=pad)
        x = self._residual(layers.gelu(x), f"{name}.dconv", bins, self.steps)
        x = layers.gated_linear(x, f"{name}.rewrite")
        embedding = self.model.freq_emb
        if index == 0 and embedding is not None:
            values = embedding.weight.numpy() * self.model.freq_emb_scale
            x = layers.op.add(x, layers.constant(values[:, None]))
        return x

    def _encode_time(self, xt: Node, index: int, length: int) -> tuple[Node, int]:
        layers, name = self.layers, f"tencoder.{index}"
        weight, bias = self._weights(f"{name}.conv")
        missing = -length % _STRIDE
        xt = layers.convolution(
            xt,
            weight[:, :, None],
            bias,
            strides=(1, _STRIDE),
            before=(0, 2),
            after=(0, 2 + missing),
        )
        length = (length + missing) // _STRIDE
        xt = self._residual(layers.gelu(xt), f"{name}.dconv", 1, length)
        return layers.gated_linear(xt, f"{name}.rewrite"), length

    def _merged(self, x: Node, name: str, groups: int, steps: int) -> Node:
        """The part of a decoder before its transposed convolution."""
        x = self.layers.gated_convolution(x, f"{name}.rewrite")
        return self._residual(x, f"{name}.dconv", groups, steps)

    def _residual(self, x: Node, name: str, groups: int, steps: int) -> Node:
        """`DConv`, where the model has it: dilated convolutions through few channels."""
        layers, depth = self.layers, 0
        while f"{name}.layers.{depth}.0.weight" in layers.weights:
            prefix = f"{name}.layers.{depth}"
            weight, bias = self._weights(f"{prefix}.0")
            dilation = 2**depth if self.arguments["dconv_depth"] > 0 else 1
            pad = (0, dilation * (weight.shape[-1] // 2))
            inner = layers.convolution(
                x, weight[:, :, None], bias, before=pad, after=pad, dilations=(1, dilation)
            )
            inner = layers.gelu(layers.standard_groups(inner, f"{prefix}.1", groups))
            scale = layers.weights[f"{prefix}.6.scale"]
            names = f"{prefix}.3", f"{prefix}.4"
            x = layers.op.add(x, layers.normal_gated(inner, *names, steps, scale))
            depth += 1
        return x

    def _transform(self, x: Node, xt: Node, bins: int, length: int) -> tuple[Node, Node]:
        """The transformers of both branches, each step and bin a token."""
        layers, transformer, steps = self.layers, self.model.crosstransformer, self.steps
        x = layers.reshape(layers.transpose(x, 1, 0, 2), 1, steps * bins, -1)
        if self.model.bottom_channels:
            x = layers.linear(x, "channel_upsampler")
            xt = layers.linear(xt, "channel_upsampler_t")
        x = layers.standard(x, "crosstransformer.norm_in")
        xt = layers.standard(xt, "crosstransformer.norm_in_t")
        places, places_t = self._places(bins, length)
        x = layers.op.add(x, layers.constant(places))
        xt = layers.op.add(xt, layers.constant(places_t))
        for index in range(transformer.num_layers):
            crossed = index % 2 != transformer.classic_parity
            before = x
            x = self._layer(x, xt, f"crosstransformer.layers.{index}", crossed)
            xt = self._layer(xt, before, f"crosstransformer.layers_t.{index}", crossed)
        if self.model.bottom_channels:
            x = layers.linear(x, "channel_downsampler")
            xt = layers.linear(xt, "channel_downsampler_t")
        return layers.transpose(layers.reshape(x, steps, bins, -1), 1, 0, 2), xt

    def _places(self, bins: int, length: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """What tells tokens where they are, from demucs' own functions: (1, tokens, width)."""
        from demucs.transformer import create_2d_sin_embedding, create_sin_embedding

        transformer = self.model.crosstransformer
        width, period = len(transformer.norm_in.weight), transformer.max_period
        plane: Any = create_2d_sin_embedding
        plane = plane(width, bins, self.steps, "cpu", period).numpy()
        line = create_sin_embedding(length, width, max_period=period).numpy()
        gain = transformer.weight_pos_embed
        return (
            plane.transpose(0, 3, 2, 1).reshape(1, -1, width) * gain,
            line.transpose(1, 0, 2) * gain,
        )

    def _layer(self, x: Node, other: Node, name: str, crossed: bool) -> Node:
        """One layer: attention to itself or to the other branch, then two linear layers."""
        layers, heads = self.layers, self.arguments["t_heads"]
        norm = layers.standard(x, f"{name}.norm1")
        if crossed:
            memory = layers.standard(other, f"{name}.norm2")
            y = layers.attention(norm, memory, f"{name}.cross_attn", heads)
        else:
            y = layers.attention(norm, norm, f"{name}.self_attn", heads)
        x = layers.op.add(x, layers.scaled(y, f"{name}.gamma_1"))
        norm = layers.standard(x, f"{name}.norm3" if crossed else f"{name}.norm2")
        y = layers.linear(layers.gelu(layers.linear(norm, f"{name}.linear1")), f"{name}.linear2")
        x = layers.op.add(x, layers.scaled(y, f"{name}.gamma_2"))
        return layers.standard_groups(x, f"{name}.norm_out", 1)

    def _decode(self, x: Node, index: int, bins: int) -> Node:
        """A transposed convolution over the bins; the last one gives `spectra`."""
        layers, steps = self.layers, self.steps
        weight, bias = self._phases(f"decoder.{index}.conv_tr")
        pad = (1, 0)
        if index == self.model.depth - 1:
            # By stem and channel, then by bin and part.
            order = np.arange(len(bias)).reshape(_STRIDE, -1, 2).swapaxes(0, 1).reshape(-1)
            y = layers.convolution(x, weight[order][..., None], bias[order], before=pad, after=pad)
            return layers.reshape(y, bins + 1, steps, -1, 2 * _STRIDE)
        y = layers.convolution(x, weight[..., None], bias, before=pad, after=pad, gelu=True)
        y = layers.transpose(layers.reshape(y, bins + 1, steps, _STRIDE, -1), 0, 2, 1, 3)
        y = layers.reshape(y, _STRIDE * (bins + 1), steps, -1)
        return layers.crop(y, 0, 2, _STRIDE * bins)

    def _decode_time(self, xt: Node, index: int, length: int) -> Node:
        """A transposed convolution over time; the last one gives `waves`."""
        layers, last, pad = self.layers, index == self.model.depth - 1, (0, 1)
        weight, bias = self._phases(f"tdecoder.{index}.conv_tr")
        channels = len(bias) // _STRIDE
        y = layers.convolution(xt, weight[:, :, None], bias, before=pad, after=pad, gelu=not last)
        y = layers.reshape(y, 1, -1, channels)
        return layers.turned(y, channels) if last else layers.crop(y, 1, 2, length)

    def _phases(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Turn a transposed convolution into one with a kernel of 2, four outputs a step.

        With a kernel of 8 and a stride of 4, output 4 q + r sums inputs q and q - 1 by the weights
        r and r + 4. OpenVINO's own transposed convolution takes ten times as long.
        """
        weight, bias = self._weights(name)
        weight = weight.reshape(*weight.shape[:2], 2, _STRIDE)[:, :, ::-1]
        phases = weight.transpose(3, 1, 0, 2).reshape(-1, weight.shape[0], 2)
        return phases, np.tile(bias, _STRIDE)

    def _weights(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.layers.weights[f"{name}.weight"], self.layers.weights[f"{name}.bias"]


def _of_blocks(weight: NDArray[Any]) -> NDArray[Any]:
    """Turn a kernel over bins (out, 2 * channels, bins, 1) into one over blocks of four bins.

    Channels of the result are those of the audio, then the bin, then its two parts.
    """
    outs, parts, bins, _ = weight.shape
    weight = weight.reshape(outs, parts // 2, 2, bins // _STRIDE, _STRIDE)
    return weight.transpose(0, 1, 4, 2, 3).reshape(outs, -1, bins // _STRIDE, 1)
