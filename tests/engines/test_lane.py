"""A lane waits for its segments so that it can be interrupted."""

from __future__ import annotations

import ctypes
import threading
from concurrent.futures import Future
from typing import Any

import numpy as np

from neuralib.audio.overlap_add import OverlapAdd
from neuralib.audio.segment import Segmenter
from neuralib.engines.demucs.lane import Lane
from tests.demucs_runs import Samples, make_mix


class Stuck:
    """A network that begins, and never ends."""

    segment_frames = 100
    ahead = 0
    begun = threading.Event()
    stopped = 0

    def padded_length(self, frames: int) -> int:
        return frames

    def start(self, samples: Samples, stems: Any) -> Future[Samples]:
        self.begun.set()
        return Future()

    def flush(self) -> None:
        pass

    def stop(self) -> None:
        self.stopped += 1


def test_a_wait_can_be_interrupted_from_another_thread() -> None:
    network, caught = Stuck(), []
    lane = Lane(
        network, [0], Segmenter(2, 100, 75), OverlapAdd((1, 2), 100, 75), np.zeros((2, 0), "f4")
    )

    def work() -> None:
        try:
            list(lane.push(make_mix(500)))
        except KeyboardInterrupt as error:
            caught.append(error)
            lane.stop()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    network.begun.wait(60)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
    thread.join(30)
    assert caught
    assert network.stopped == 1
