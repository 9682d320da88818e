"""Whisper as two graphs for OpenVINO, with the weights of OpenAI's checkpoint as they are.

The encoder also gives the keys and values by which each block of the decoder listens, since they
are the same for every word of a window. The decoder keeps its own keys and values in the state of
its request, where beams change places without being copied. It ends with the choice of the next
token, for what leaves the graph is then six numbers a beam in place of fifty thousand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.whisper.checkpoint import Checkpoint, read_checkpoint
from neuralib.engines.whisper.quiet import whisper_quiet
from neuralib.engines.whisper.tokenizer import write_settings

FORM = "openvino-4"
"""Name of the prepared form; another name when other graphs would be written."""
BLOCKED = -1e9
"""What is added to something that must not be: finite, since padding is blocked from everything."""
TIMES = 1501
"""Timestamps, 0 to 30 s; the last tokens of every vocabulary."""
POSITIONS = 1500
_EMBEDDINGS, _LOGITS = "embeddings", "logits"
FRAMES = 3000


def write_graphs(checkpoint: Path, folder: Path) -> None:
    """Write `encoder.xml` and `decoder.xml`, each beside its `.bin`, and the tokenizer.

    Raises:
        CheckpointError: where the checkpoint is not OpenAI's Whisper.
    """
    import openvino
    from whisper.tokenizer import get_tokenizer

    content = read_checkpoint(checkpoint)
    dims = content.dims
    with whisper_quiet():
        tokenizer = get_tokenizer(dims.multilingual, num_languages=dims.num_languages)
    write_settings(folder, dims.n_mels, tokenizer.encoding)
    for name, make in (("encoder", encoder), ("decoder", decoder)):
        openvino.save_model(make(content), str(folder / f"{name}.xml"), compress_to_fp16=False)


def encoder(checkpoint: Checkpoint) -> Any:
    """Build the graph from `mel` (1, bands, 3000) to what the decoder needs.

    Outputs: the states (1, 1500, channels); then for each block of the decoder its keys
    (1, heads, 1500, channels of a head) and values (1, heads, channels of a head, 1500).
    """
    import openvino

    build, dims = _Builder(checkpoint), checkpoint.dims
    o, heads = build.o, dims.n_audio_head
    mel = build.input("mel", [1, dims.n_mels, FRAMES], np.float32)
    x = build.convolution(build.convolution(mel, "encoder.conv1", 1), "encoder.conv2", 2)
    x = o.transpose(x, build.whole([0, 2, 1]))
    x = o.add(x, build.constant(build.weight("encoder.positional_embedding")))
    for number in range(dims.n_audio_layer):
        name = f"encoder.blocks.{number}"
        y = build.norm(x, f"{name}.attn_ln")
        query, value = build.parts(y, f"{name}.attn", heads, "query", "value")
        query = o.multiply(query, o.constant(np.float32((dims.n_audio_state // heads) ** -0.5)))
        scores = o.matmul(query, build.turned(y, f"{name}.attn.key", heads), False, False)
        y = build.together(o.matmul(o.softmax(scores, -1), value, False, False))
        x = build.mlp(o.add(x, build.linear(y, f"{name}.attn.out")), name)
    x = build.norm(x, "encoder.ln_post")
    outputs = [x]
    for number in range(dims.n_text_layer):
        name = f"decoder.blocks.{number}.cross_attn"
        outputs += build.parts(x, name, dims.n_text_head, "key")
        outputs += [build.turned(x, f"{name}.value", dims.n_text_head)]
    return openvino.Model([o.result(each) for each in outputs], build.inputs, "encoder")


def decoder(checkpoint: Checkpoint) -> Any:
    """Build the graph that reads tokens and ranks what may follow them.

    Inputs, where a row is a beam and rows of one window lie together:
        tokens, positions: int32 (rows, length).
        mask: float32 (rows, 1, length, all tokens so far), added to the attention.
        beams: int32 (rows,), which row of the call before each row goes on from.
        picks: int32 (rows, picked), places in `tokens` whose logits are wanted; the last of them
            is the one that the next token follows.
        limits: int32 (rows, 4): what is blocked below the timestamps, 0: nothing, the end token:
            words, the first timestamp: all; timestamps are allowed from the second number to
            below the third; the fourth is 1 where they are preferred if they are likelier
            together than anything else.
        blocked: float32 (vocabulary,), added to the logits.
        count: int32 (), how many candidates to give.
        key0, value0, …: of the encoder, (windows, …).

    Outputs: log-probabilities and tokens of the likeliest, (rows, count), best first; the
    log-probabilities of all (rows, vocabulary); the logits at `picks` (rows, picked, vocabulary).
    """
    import openvino

    build, dims = _Builder(checkpoint, halves=True), checkpoint.dims
    o = build.o
    tokens, positions, picks = (
        build.input(name, [-1, -1], np.int32) for name in ("tokens", "positions", "picks")
    )
    beams = build.input("beams", [-1], np.int32)
    mask = build.input("mask", [-1, 1, -1, -1], np.float32)
    embeddings = build.constant(build.weight("decoder.token_embedding.weight"))
    embeddings.set_friendly_name(_EMBEDDINGS)
    places = build.constant(build.weight("decoder.positional_embedding"))
    first = build.whole(0)
    x = o.add(o.gather(embeddings, tokens, first), o.gather(places, positions, first))
    for number in range(dims.n_text_layer):
        name = f"decoder.blocks.{number}"
        x = build.self_attention(x, name, dims.n_text_head, beams, mask)
        x = build.listening(x, name, dims.n_text_head, number)
        x = build.mlp(x, name)
    x = build.norm(o.gather(x, picks, build.whole(1), 1), "decoder.ln")
    logits = build.product(x, "decoder.token_embedding.weight")
    logits.set_friendly_name(_LOGITS)
    outputs = build.choice(logits, dims.n_vocab, 50256 + dims.multilingual)
    results = [o.result(each) for each in outputs]
    return openvino.Model(results, build.sinks, build.inputs, "decoder")


def keep_halves(model: Any) -> None:
    """Let a graph that was read multiply by float16 as it is; else OpenVINO unpacks it.

    The mark is written to files only by OpenVINO's own conversion, which would take all constants.
    """
    for node in model.get_ops():
        if node.get_type_name() == "Convert":
            source = node.input_value(0).get_node()
            if source.get_type_name() == "Constant":
                node.get_rt_info()["decompression_0"] = ""


def keep_logits(model: Any) -> None:
    """Let a decoder that computes in bfloat16 give logits in float32.

    OpenVINO does so with float32 weights only; those are the embeddings, in the same file.
    """
    nodes = {node.get_friendly_name(): node for node in model.get_ops()}
    nodes[_LOGITS].input(1).replace_source_output(nodes[_EMBEDDINGS].output(0))


class _Builder:
    """The parts that both graphs are made of; `x` is (rows, length, channels)."""

    def __init__(self, checkpoint: Checkpoint, *, halves: bool = False) -> None:
        """Begin a graph.

        Args:
            checkpoint: has the weights.
            halves: keep matrices in float16 that lose nothing by it. In a language model's graph,
                such as the decoder's, OpenVINO can leave them so (`keep_halves`); in others it
                would unpack them into memory that it keeps beside what its kernels make of them,
                where float32 is looked at in the file.
        """
        from openvino import opset13

        self.o: Any = opset13
        self.inputs: list[Any] = []
        self.sinks: list[Any] = []
        self._weights = checkpoint.weights
        self._halves = halves

    def input(self, name: str, shape: list[int], dtype: type) -> Any:
        node = self.o.parameter(shape, dtype, name)
        node.output(0).set_names({name})
        self.inputs.append(node)
        return node

    def weight(self, name: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._weights[name].float().numpy()
        return found

    def constant(self, values: NDArray[np.float32]) -> Any:
        return self.o.constant(np.ascontiguousarray(values))

    def whole(self, values: Any) -> Any:
        return self.o.constant(np.array(values, np.int64))

    def product(self, x: Any, name: str) -> Any:
        weight = self.weight(name)
        with np.errstate(over="ignore"):
            half = weight.astype(np.float16)
        if self._halves and np.array_equal(half, weight):
            matrix = self.o.convert(self.o.constant(half), "f32")
        else:
            matrix = self.constant(weight)
        return self.o.matmul(x, matrix, False, True)

    def linear(self, x: Any, name: str) -> Any:
        y = self.product(x, f"{name}.weight")
        if f"{name}.bias" not in self._weights:
            return y
        return self.o.add(y, self.constant(self.weight(f"{name}.bias")))

    def norm(self, x: Any, name: str) -> Any:
        y = self.o.mvn(x, self.whole([-1]), True, 1e-5, "inside_sqrt")
        y = self.o.multiply(y, self.constant(self.weight(f"{name}.weight")))
        return self.o.add(y, self.constant(self.weight(f"{name}.bias")))

    def mlp(self, x: Any, name: str) -> Any:
        y = self.linear(self.norm(x, f"{name}.mlp_ln"), f"{name}.mlp.0")
        return self.o.add(x, self.linear(self.o.gelu(y, "erf"), f"{name}.mlp.2"))

    def convolution(self, x: Any, name: str, stride: int) -> Any:
        y = self.o.convolution(
            x, self.constant(self.weight(f"{name}.weight")), [stride], [1], [1], [1]
        )
        bias = self.weight(f"{name}.bias").reshape(1, -1, 1)
        return self.o.gelu(self.o.add(y, self.constant(bias)), "erf")

    def heads(self, x: Any, count: int) -> Any:
        """Divide: (rows, length, channels) to (rows, heads, length, channels of a head)."""
        parted = self.o.reshape(x, self.whole([0, 0, count, -1]), True)
        return self.o.transpose(parted, self.whole([0, 2, 1, 3]))

    def together(self, x: Any) -> Any:
        """Undo `heads`."""
        return self.o.reshape(
            self.o.transpose(x, self.whole([0, 2, 1, 3])), self.whole([0, 0, -1]), True
        )

    def parts(self, x: Any, name: str, heads: int, *names: str) -> list[Any]:
        return [self.heads(self.linear(x, f"{name}.{part}"), heads) for part in names]

    def turned(self, x: Any, name: str, heads: int) -> Any:
        """Give a part with positions last: (rows, heads, channels of a head, 1500).

        It is turned as one matrix, for which OpenVINO has a fast kernel.
        """
        part = self.o.reshape(self.linear(x, name), self.whole([0, 0, 1, -1]), True)
        turned = self.o.transpose(part, self.whole([0, 3, 1, 2]))
        return self.o.reshape(turned, self.whole([0, heads, -1, POSITIONS]), True)

    def self_attention(self, x: Any, name: str, heads: int, beams: Any, mask: Any) -> Any:
        """Add what was said so far, which the request keeps."""
        from openvino import PartialShape, Type

        y = self.norm(x, f"{name}.attn_ln")
        query, *new = self.parts(y, f"{name}.attn", heads, "query", "key", "value")
        size = self._weights[f"{name}.attn.query.weight"].shape[0] // heads
        rows = self.o.shape_of(beams, "i64")
        shape = self.o.concat([rows, self.whole([heads, 0, size])], 0)
        nothing = self.o.broadcast(self.o.constant(np.float32(0)), shape)
        known = []
        for part, fresh in zip(("key", "value"), new, strict=True):
            state = f"{name}.{part}"
            old = self.o.read_value(nothing, state, Type.f32, PartialShape([-1, heads, -1, size]))
            both = self.o.concat([self.o.gather(old, beams, self.whole(0)), fresh], 2)
            self.sinks.append(self.o.assign(both, state))
            known.append(both)
        y = self.together(self.o.scaled_dot_product_attention(query, *known, mask))
        return self.o.add(x, self.linear(y, f"{name}.attn.out"))

    def listening(self, x: Any, name: str, heads: int, number: int) -> Any:
        """Add what is heard; all beams of a window look at the same keys and values.

        These are on the left of both products: OpenVINO copies what is on the right, and what is
        heard is hundreds of times larger than the beams.
        """
        channels = self._weights[f"{name}.cross_attn.query.weight"].shape[0]
        size = channels // heads
        keys = self.input(f"key{number}", [-1, heads, POSITIONS, size], np.float32)
        values = self.input(f"value{number}", [-1, heads, size, POSITIONS], np.float32)
        query = self.linear(self.norm(x, f"{name}.cross_attn_ln"), f"{name}.cross_attn.query")
        query = self.o.multiply(query, self.o.constant(np.float32(size**-0.5)))
        windows = self.o.gather(self.o.shape_of(keys, "i64"), self.whole([0]), self.whole(0))
        shape = self.o.concat([windows, self.whole([-1, channels])], 0)
        query = self.heads(self.o.reshape(query, shape, False), heads)
        scores = self.o.transpose(self.o.matmul(keys, query, False, True), self.whole([0, 1, 3, 2]))
        heard = self.o.matmul(values, self.o.softmax(scores, -1), False, True)
        heard = self.o.transpose(heard, self.whole([0, 3, 1, 2]))
        heard = self.o.reshape(heard, self.o.shape_of(x, "i64"), False)
        return self.o.add(x, self.linear(heard, f"{name}.cross_attn.out"))

    def choice(self, logits: Any, vocabulary: int, end: int) -> list[Any]:
        """Rank what may follow (`ApplyTimestampRules` and the filters of `whisper/decoding.py`)."""
        o = self.o
        limits = self.input("limits", [-1, 4], np.int32)
        blocked = self.input("blocked", [vocabulary], np.float32)
        count = self.input("count", [], np.int32)
        times = vocabulary - TIMES
        last = o.add(o.gather(logits, self.whole(-1), self.whole(1)), blocked)
        words, marks, stamps = o.variadic_split(
            last, self.whole(-1), self.whole([end, times - end, TIMES])
        ).outputs()
        text_from, low, high, prefers = o.split(limits, self.whole(1), 4).outputs()
        out, nothing = o.constant(np.float32(BLOCKED)), o.constant(np.float32(0))
        numbers = o.constant(np.arange(times, vocabulary, dtype=np.int32))
        in_range = o.logical_and(o.greater_equal(numbers, low), o.less(numbers, high))
        stamps = o.select(in_range, stamps, out)
        no_words = o.greater(text_from, o.constant(np.int32(0)))
        no_marks = o.greater(text_from, o.constant(np.int32(end)))
        likeliest = o.maximum(
            *(
                o.add(o.reduce_max(part, self.whole([-1]), True), o.select(none, out, nothing))
                for part, none in ((words, no_words), (marks, no_marks))
            )
        )
        preferred = o.logical_and(
            o.greater(self._log_sum(stamps), likeliest),
            o.greater(prefers, o.constant(np.int32(0))),
        )
        words, marks = (
            o.add(part, o.select(o.logical_or(none, preferred), out, nothing))
            for part, none in ((words, no_words), (marks, no_marks))
        )
        left = o.concat([words, marks, stamps], -1)
        everything = o.subtract(left, self._log_sum(left))
        best = o.topk(everything, count, -1, "max", "value", "i32")
        return [best.output(0), best.output(1), everything, logits]

    def _log_sum(self, x: Any) -> Any:
        """Log of the sum of exponentials over the last axis."""
        most = self.o.reduce_max(x, self.whole([-1]), True)
        sums = self.o.reduce_sum(self.o.exp(self.o.subtract(x, most)), self.whole([-1]), True)
        return self.o.add(most, self.o.log(sums))
