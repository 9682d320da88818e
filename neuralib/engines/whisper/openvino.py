"""Whisper computed by OpenVINO, on processors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.openvino_runtime import compile_graph, errors_mapped, memory_released
from neuralib.engines.whisper.decode import Decoding, Manner, Said
from neuralib.engines.whisper.graph import keep_halves, keep_logits
from neuralib.engines.whisper.search import Vocabulary
from neuralib.engines.whisper.windows import Heard, Windows
from neuralib.tasks import Precision

_MOST_WINDOWS = 8
"""Windows at once; more gain little, for the matrices are large enough by then."""
_HEARD_BYTES = 1 << 30
"""Most memory for what all of them heard: the large models take fewer at once."""


class OpenVinoWhisper(Windows):
    """Its slots hold the keys and values by which the decoder listens."""

    def __init__(
        self, folder: Path, precision: Precision, words: Vocabulary, languages: dict[str, int]
    ) -> None:
        """Read the graphs.

        Args:
            folder: as `graph.write_graphs` fills it.
            precision: of the arithmetic; logits and what follows them are always float32.
            words: of the model.
            languages: numbers of the language tokens by the tokens; empty: English only.
        """
        import openvino

        self._ov: Any = openvino
        self._words = words
        self._languages = languages
        self.is_multilingual = bool(languages)
        self._type = {
            "fp32": openvino.Type.f32,
            "bf16": openvino.Type.bf16,
            "fp16": openvino.Type.f16,
        }[precision]
        with ThreadPoolExecutor(1) as beside:  # to make a graph ready keeps one core busy
            coming = beside.submit(
                compile_graph,
                folder / "decoder.xml",
                precision,
                change=self._decoder_of,
                KV_CACHE_PRECISION=self._type,  # else it keeps them in 8 bits
            )
            encoder = compile_graph(folder / "encoder.xml", precision, change=self._typed)
            decoder = coming.result()
        self._encoder = encoder.create_infer_request()
        self._decoder = decoder.create_infer_request()
        self.n_mels = int(encoder.inputs[0].shape[1])
        shapes = [tuple(output.shape) for output in encoder.outputs[1:]]
        item = np.dtype(f"u{self._type.size}")  # NumPy has no bfloat16
        window_bytes = sum(int(np.prod(shape)) for shape in shapes) * item.itemsize
        self.slots = max(1, min(_MOST_WINDOWS, _HEARD_BYTES // window_bytes))
        self._listened: list[NDArray[Any]] = []
        # Memory is taken when a slot is first used.
        self._heard = [np.empty((self.slots, *shape[1:]), item) for shape in shapes]

    def encode(self, features: NDArray[np.float32], slot: int) -> Heard:
        """Listen to a window; see `Windows`."""
        with errors_mapped():
            for number, heard in enumerate(self._heard, start=1):
                self._encoder.set_output_tensor(number, self._tensor(heard[slot : slot + 1]))
            mel = np.ascontiguousarray(features, np.float32)[None]
            self._encoder.infer({"mel": mel}, share_inputs=True, share_outputs=True)
            return Heard(slot, self._encoder.get_output_tensor(0).data.copy())

    def detect_language(self, heard: Heard) -> list[list[tuple[str, float]]]:
        """List languages; see `Windows`."""
        self._listen_to([heard.slot])
        with memory_released(), errors_mapped():
            decoding = Decoding(self._decoder, self._words, [[self._words.start]], Manner())
            logits = decoding.first_logits()[0, list(self._languages.values())]
        chances = np.exp(logits - logits.max())
        pairs = zip(self._languages, (chances / chances.sum()).tolist(), strict=True)
        return [sorted(pairs, key=lambda pair: -pair[1])]

    def generate(
        self,
        heard: Sequence[Heard],
        prompts: Sequence[Sequence[int]],
        manner: Manner,
        check: Callable[[], None] = lambda: None,
    ) -> list[Said]:
        """Decode windows, asking `check` before every token; see `Windows`."""
        slots = [each.slot for each in heard]
        self._listen_to(slots)
        decoding = Decoding(self._decoder, self._words, prompts, manner)
        with memory_released(), errors_mapped():
            return decoding.run(
                check, lambda left: self._listen_to([slots[number] for number in left])
            )

    def stop(self) -> None:
        """End what is under way after the layer that it is at; see `Windows`."""
        self._encoder.cancel()
        self._decoder.cancel()

    def _listen_to(self, slots: list[int]) -> None:
        together = slots == list(range(len(slots)))
        # Tensors share the memory of the arrays, and do not keep it.
        self._listened = [
            heard[: len(slots)] if together else heard[slots] for heard in self._heard
        ]
        for number, part in enumerate(self._listened):
            kind = ("key", "value")[number % 2]
            self._decoder.set_tensor(f"{kind}{number // 2}", self._tensor(part))

    def _tensor(self, array: NDArray[Any]) -> Any:
        return self._ov.Tensor(array, self._ov.Shape(array.shape), self._type)

    def _decoder_of(self, model: Any) -> Any:
        keep_halves(model)
        if self._type == self._ov.Type.bf16:
            keep_logits(model)
        return self._typed(model)

    def _typed(self, model: Any) -> Any:
        """Let keys and values pass from graph to graph in the type that they are computed in."""
        steps = self._ov.preprocess.PrePostProcessor(model)
        for number, each in enumerate(model.inputs):
            if each.any_name.startswith(("key", "value")):
                steps.input(number).tensor().set_element_type(self._type)
        for number in range(1, len(model.outputs) if len(model.inputs) == 1 else 0):
            steps.output(number).tensor().set_element_type(self._type)
        return steps.build()
