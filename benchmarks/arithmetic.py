"""How much the models compute, whoever runs them; a multiplication and an addition are 2 FLOP."""

from __future__ import annotations

from math import prod

OVERLAP = 0.25
"""Of Demucs' segments."""
WINDOW_SECONDS = 30.0
"""That Whisper hears at once."""
BEAMS = 5
TOKENS = 85
"""That `benchmarks.reciter` says in a window."""
BASIC_PITCH_HOP_SECONDS = (43_844 - 30 * 256) / 22_050
"""Windows of 43 844 samples share 30 frames of 256."""


def count() -> dict[str, float]:
    """Count GFLOP a second of audio: `htdemucs`, `whisper-small` and `basic-pitch`."""
    return {
        "htdemucs": round(htdemucs(), 2),
        "whisper-small": round(whisper_small(), 2),
        "basic-pitch": round(basic_pitch(), 2),
    }


def htdemucs() -> float:
    """Let PyTorch count one segment of a model of the released size."""
    import torch
    from demucs.htdemucs import HTDemucs
    from torch.utils.flop_counter import FlopCounterMode

    from tests.demucs_checkpoints import FULL_SIZE, make_model

    model = make_model(HTDemucs, 0, **FULL_SIZE)
    frames = round(float(FULL_SIZE["segment"]) * FULL_SIZE["samplerate"])
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        model(torch.zeros(1, 2, frames))
    stride_seconds = float(FULL_SIZE["segment"]) * (1 - OVERLAP)
    return counter.get_total_flops() / 1e9 / stride_seconds


def whisper_small() -> float:
    """Count by the sizes of the layers: encoder, and a decoder with kept keys and values."""
    width, layers, words, frames = 768, 12, 51_865, 1500
    mel = 80 * 3 * width * 2 * frames + width * 3 * width * frames
    block = frames * 12 * width**2 + 2 * frames**2 * width
    encoder = mel + layers * block
    across = 2 * frames * width**2
    token = 14 * width**2 + 2 * frames * width + TOKENS * width
    decoder = layers * (across + token * TOKENS * BEAMS) + words * width * TOKENS * BEAMS
    return 2 * (encoder + decoder) / 1e9 / WINDOW_SECONDS


def basic_pitch() -> float:
    """Add up the convolutions and products of its graph for one window."""
    import onnx
    from onnx import shape_inference

    from neuralib.models.distribution import find_in_distribution

    path = find_in_distribution("nmp.onnx")
    assert path, "run `neuralib models pull basic-pitch`"
    model = onnx.load(str(path))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {
        value.name: [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    } | {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    multiplied = 0
    for node in graph.node:
        if node.op_type == "Conv":
            multiplied += prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
        elif node.op_type in ("MatMul", "Gemm"):
            multiplied += prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return 2 * multiplied / 1e9 / BASIC_PITCH_HOP_SECONDS
