"""Whisper computed by CTranslate2: on NVIDIA's GPUs, and where OpenVINO is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralib.engines.whisper.decode import Manner, Said
from neuralib.engines.whisper.windows import Heard, Windows

_MOST_WINDOWS = {"cpu": 8, "cuda": 16}
"""Windows at once, by device."""
_SEED = 0
_PAUSE_SECONDS = 0.01


class CTranslate2Whisper(Windows):
    """Decodes together what has prompts of one length, as CTranslate2 wants it.

    That is so for the first windows of all lanes, and again when their texts fill the prompt.
    """

    def __init__(self, read: Callable[[], Any], device: str) -> None:
        """Read the model.

        Args:
            read: gives a new `ctranslate2.models.Whisper`.
            device: where it computes, `cpu` or `cuda`.
        """
        self._read = read
        self.slots = _MOST_WINDOWS[device]
        self._most = self.slots
        self._has_sampled = False
        self.model = self._new()
        self.n_mels = int(self.model.n_mels)
        self.is_multilingual = bool(self.model.is_multilingual)

    def encode(self, features: NDArray[np.float32], slot: int) -> Heard:
        """Listen to a window; see `Windows`."""
        import ctranslate2

        states = self.model.encode(_storage(features[None]), to_cpu=True)
        # NumPy has no bfloat16.
        return Heard(slot, np.array(states.to(ctranslate2.DataType.float32)))

    def detect_language(self, heard: Heard) -> list[list[tuple[str, float]]]:
        """List languages; see `Windows`."""
        found: list[list[tuple[str, float]]] = self.model.detect_language(_storage(heard.states))
        return found

    def generate(
        self,
        heard: Sequence[Heard],
        prompts: Sequence[Sequence[int]],
        manner: Manner,
        check: Callable[[], None] = lambda: None,
    ) -> list[Said]:
        """Decode windows; see `Windows`."""
        self._has_sampled = self._has_sampled or manner.temperature > 0
        said: dict[int, Said] = {}
        for length in sorted(set(map(len, prompts))):
            alike = [number for number, prompt in enumerate(prompts) if len(prompt) == length]
            while alike:
                check()
                part = alike[: self._most]
                results = self._together(
                    [heard[number] for number in part],
                    [list(prompts[number]) for number in part],
                    manner,
                    check,
                )
                if results is not None:
                    said.update(zip(part, results, strict=True))
                    alike = alike[self._most :]
        return [said[number] for number in range(len(heard))]

    def restart(self) -> None:
        """Start random numbers anew; CTranslate2 seeds them as its threads start only."""
        if self._has_sampled:
            del self.model  # two of them might not fit
            self.model = self._new()
            self._has_sampled = False

    def _new(self) -> Any:
        import ctranslate2

        ctranslate2.set_random_seed(_SEED)
        return self._read()

    def _together(
        self,
        heard: list[Heard],
        prompts: list[list[int]],
        manner: Manner,
        check: Callable[[], None],
    ) -> list[Said] | None:
        """Decode; None where the memory does not suffice, and fewer are to be taken."""
        try:
            awaited = self.model.generate(
                _storage(np.concatenate([each.states for each in heard])),
                prompts,
                asynchronous=True,  # so that a run that is cancelled need not wait
                **_options(manner),
            )
            while not all(each.done() for each in awaited):
                check()
                time.sleep(_PAUSE_SECONDS)
            results = [each.result() for each in awaited]
        except RuntimeError as error:
            if len(heard) == 1 or "out of memory" not in str(error):
                raise
            self._most = (len(heard) + 1) // 2
            return None
        return [Said(each.sequences_ids, each.scores, each.no_speech_prob) for each in results]


def _options(manner: Manner) -> dict[str, Any]:
    options = {
        "beam_size": manner.beam_size,
        "patience": manner.patience,
        "num_hypotheses": manner.samples,
        "length_penalty": manner.length_penalty,
        "max_length": manner.max_length,
        "return_scores": True,
        "return_no_speech_prob": True,
        "suppress_blank": bool(manner.blocked_first),
        "suppress_tokens": list(manner.blocked),
        "max_initial_timestamp_index": manner.latest_start,
    }
    if manner.temperature > 0:
        options |= {"sampling_topk": 0, "sampling_temperature": manner.temperature}
    return options


def _storage(array: NDArray[np.float32]) -> Any:
    import ctranslate2

    return ctranslate2.StorageView.from_array(np.ascontiguousarray(array, np.float32))
