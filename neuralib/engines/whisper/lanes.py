"""faster-whisper over windows that are computed together: a long recording in lanes.

Whisper goes through a recording window by window; where one begins, and what it is told of the
text so far, comes out of the one before. A step of one window's decoder mostly waits for memory, so
the recording is cut at pauses into lanes, and the lanes' windows are decoded as one batch. Within
a lane faster-whisper does all that it always does, in a thread that does nothing but wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread, local
from typing import Any

import numpy as np

# This module is imported where faster-whisper is to be loaded, and nowhere else.
from faster_whisper.transcribe import (  # noqa: TID253
    FeatureExtractor,
    Segment,
    WhisperModel,
    get_ctranslate2_storage,
    get_logger,
)
from numpy.typing import NDArray
from tokenizers import Tokenizer  # noqa: TID253

from neuralib.engines.whisper.cuts import lanes
from neuralib.engines.whisper.decode import Manner, Said
from neuralib.engines.whisper.log_mel import BlockwiseLogMel
from neuralib.engines.whisper.meeting import Call, Meeting
from neuralib.engines.whisper.search import Vocabulary
from neuralib.engines.whisper.windows import Heard, Windows

ENGLISH_SIZE = 51864
"""Tokens of the models that know English only; all others have more."""
_HEARTBEAT_SECONDS = 0.5
"""How often the listener is asked while nothing happens, for it may want the run to end."""


class LanesWhisper(WhisperModel):  # type: ignore[misc]  # faster-whisper has no types
    """A `WhisperModel` whose windows are computed by OpenVINO, or by CTranslate2 in batches."""

    def __init__(
        self,
        folder: Path,
        make: Callable[[Vocabulary, dict[str, int]], Windows],
        align: Callable[[], Any],
    ) -> None:
        """Read the tokenizer; the model of CTranslate2 that the original reads is not needed.

        Args:
            folder: with the tokenizer and the settings of the features.
            make: gives the model, from what the tokenizer knows.
            align: gives a `ctranslate2.models.Whisper`, by which words are timed.
        """
        self.logger = get_logger()
        self.hf_tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.feat_kwargs = self._get_feature_kwargs(str(folder))
        self.feature_extractor = BlockwiseLogMel(FeatureExtractor(**self.feat_kwargs))
        self.input_stride = 2
        self.num_samples_per_token = self.feature_extractor.hop_length * self.input_stride
        self.frames_per_second = 100
        self.tokens_per_second = 50
        self.time_precision = 0.02
        self.max_length = 448
        words, languages = _vocabulary(self.hf_tokenizer)
        self.model = _Model(make(words, languages), words, align)
        self.most_lanes = self.model.windows.slots
        self.listen: Callable[[float], None] = lambda seconds: None
        """Told how many seconds are done; what it raises ends the run."""

    def restart(self) -> None:
        """Start random numbers anew, so that each recording gives what it would give alone."""
        self.model.windows.restart()

    def encode(self, features: NDArray[np.float32]) -> Heard:
        """Listen to a window of the lane whose thread asks."""
        return self.model.encode(features)

    def detect_language(self, *arguments: Any, **options: Any) -> Any:
        """Find the language; see the original.

        The frame after the last goes, as it does when the window is transcribed, so that the
        first window is encoded once for both.
        """
        if (features := options.get("features")) is not None:
            options["features"] = features[..., : max(features.shape[-1] - 1, 1)]
        return super().detect_language(*arguments, **options)

    def generate_segments(
        self,
        features: NDArray[np.float32],
        tokenizer: Any,
        options: Any,
        log_progress: bool = False,
        encoder_output: None = None,
    ) -> Iterator[Segment]:
        """Transcribe the lanes side by side, and give their segments in order."""
        clips = lanes(features, features.shape[-1] - 1, self.most_lanes)
        meeting = Meeting(len(clips), self.model.answer)
        told: SimpleQueue[tuple[int, Segment | BaseException | None]] = SimpleQueue()

        def transcribe(number: int) -> None:
            first, end = (frame / 100 for frame in clips[number])
            clip = replace(options, clip_timestamps=[first, end])
            with self.model.lane(number, meeting):
                try:
                    for segment in WhisperModel.generate_segments(
                        self, features, tokenizer, clip, False
                    ):
                        told.put((number, _until(segment, end)))
                    told.put((number, None))
                except BaseException as error:
                    told.put((number, error))

        threads = [
            Thread(target=transcribe, args=(number,), name=f"lane {number}")
            for number in range(len(clips))
        ]
        try:
            for thread in threads:
                thread.start()
            yield from self._gather(clips, told)
        finally:
            meeting.end(self.model.windows.stop)
            for thread in threads:
                if thread.is_alive():  # the system may have refused to start one
                    thread.join()

    def _gather(
        self,
        clips: list[tuple[int, int]],
        told: SimpleQueue[tuple[int, Segment | BaseException | None]],
    ) -> list[Segment]:
        found: list[list[Segment]] = [[] for _ in clips]
        done = [0.0] * len(clips)
        going = len(clips)
        while going:
            self.listen(sum(done))
            try:
                number, news = told.get(timeout=_HEARTBEAT_SECONDS)
            except Empty:
                continue
            first, end = clips[number]
            if isinstance(news, BaseException):
                raise news
            if news is None:
                done[number] = (end - first) / 100
                going -= 1
            else:
                found[number].append(news)
                done[number] = min(max(news.end - first / 100, done[number]), (end - first) / 100)
        return [
            replace(segment, id=number)
            for number, segment in enumerate((each for lane in found for each in lane), start=1)
        ]


class _Model:
    """What faster-whisper asks its model for; the lanes' calls are answered together."""

    device = "cpu"

    def __init__(self, windows: Windows, words: Vocabulary, align: Callable[[], Any]) -> None:
        self.windows = windows
        self.is_multilingual = windows.is_multilingual
        self.n_mels = windows.n_mels
        self._words = words
        self._align = align
        self._aligning = Lock()
        self._here = local()
        self._last: tuple[NDArray[np.float32], Heard] | None = None

    @contextmanager
    def lane(self, number: int, meeting: Meeting) -> Iterator[None]:
        """Let this thread compute as one of a meeting's."""
        self._here.number, self._here.meeting = number, meeting
        try:
            yield
        finally:
            meeting.leave()

    def encode(self, features: NDArray[np.float32]) -> Heard:
        meeting: Meeting | None = getattr(self._here, "meeting", None)
        if meeting is None:  # the language is looked for, before there are lanes
            heard = self.windows.encode(features, 0)
            self._last = features, heard
            return heard
        result: Heard = meeting.call("encode", self._here.number, features)
        return result

    def detect_language(self, heard: Heard) -> list[list[tuple[str, float]]]:
        return self.windows.detect_language(heard)

    def generate(
        self, heard: Heard, prompts: Sequence[Sequence[int]], **options: Any
    ) -> list[Said]:
        manner = self._manner(options)
        return [self._here.meeting.call("generate", heard, prompts[0], manner)]

    def align(self, heard: Heard, *arguments: Any, **options: Any) -> Any:
        with self._aligning:  # all lanes may be the first to need it
            return self._align().align(get_ctranslate2_storage(heard.states), *arguments, **options)

    def answer(self, calls: Sequence[Call], check: Callable[[], None]) -> None:
        """Answer the calls of all lanes, in the lanes' order.

        Args:
            calls: one of each lane.
            check: called now and then; what it raises ends the run.
        """
        listening = [call for call in calls if call.kind == "encode"]
        for call in sorted(listening, key=lambda call: call.arguments[0]):
            check()
            call.result = self._encode(*call.arguments)
        asked = [call for call in calls if call.kind == "generate"]
        asked.sort(key=lambda call: call.arguments[0].slot)
        for manner in dict.fromkeys(call.arguments[2] for call in asked):
            alike = [call for call in asked if call.arguments[2] == manner]
            heard, prompts = [c.arguments[0] for c in alike], [c.arguments[1] for c in alike]
            said = self.windows.generate(heard, prompts, manner, check)
            for call, result in zip(alike, said, strict=True):
                call.result = result

    def _encode(self, slot: int, features: NDArray[np.float32]) -> Heard:
        last, self._last = self._last, None
        if last is not None and slot == last[1].slot and np.array_equal(features, last[0]):
            return last[1]
        return self.windows.encode(features, slot)

    def _manner(self, options: dict[str, Any]) -> Manner:
        blank = self._words.blank if options["suppress_blank"] else ()
        return Manner(
            beam_size=options["beam_size"],
            patience=options.get("patience", 1.0),
            samples=options.get("num_hypotheses", 1),
            temperature=options.get("sampling_temperature", 0.0),
            length_penalty=options["length_penalty"],
            max_length=options["max_length"],
            blocked=tuple(options["suppress_tokens"] or ()),
            blocked_first=blank,
            latest_start=options["max_initial_timestamp_index"],
        )


def _until(segment: Segment, end_seconds: float) -> Segment:
    """Cut what Whisper believes to go on after its lane, where the next one has the say."""
    words = segment.words and [
        replace(word, start=min(word.start, end_seconds), end=min(word.end, end_seconds))
        for word in segment.words
    ]
    start, end = min(segment.start, end_seconds), min(segment.end, end_seconds)
    return replace(segment, start=start, end=end, words=words)


def _vocabulary(tokenizer: Any) -> tuple[Vocabulary, dict[str, int]]:
    """Read the special tokens; the languages' lie between the start and `translate`."""
    number, size = tokenizer.token_to_id, tokenizer.get_vocab_size()
    start, end = number("<|startoftranscript|>"), number("<|endoftext|>")
    words = Vocabulary(
        size=size,
        start=start,
        end=end,
        no_speech=number("<|nospeech|>"),
        times=number("<|notimestamps|>") + 1,
        blank=(*tokenizer.encode(" ", add_special_tokens=False).ids, end),
    )
    multilingual = size > ENGLISH_SIZE
    languages = range(start + 1, number("<|translate|>")) if multilingual else ()
    return words, {tokenizer.id_to_token(each): each for each in languages}
