from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralib.settings import Settings
from neuralib.tasks import MidiTask
from neuralib.workers.child import Child, ChildGone
from neuralib.workers.messages import Failed, Finished, Stop
from tests.workers.cluster import Cluster, wait_until
from tests.workers.computes import open_scripted, open_telltale


@pytest.fixture
def child(laptop: Cluster) -> Iterator[Child]:
    child = Child(laptop.settings, open_scripted)
    yield child
    child.close()


def test_a_child_ends_when_nobody_holds_the_other_end_of_its_pipe(
    laptop: Cluster, child: Child
) -> None:
    child.send_order(MidiTask(), laptop.sample("deaf 600"))
    wait_until(lambda: laptop.log)
    assert child._connection
    child._connection.close()
    wait_until(lambda: child.pid is None)
    with pytest.raises(ChildGone, match="status 0"):
        child.receive(60)


def test_a_child_is_not_told_where_database_and_redis_are(tmp_path: Path, laptop: Cluster) -> None:
    settings = Settings(
        data_dir=tmp_path,
        database_url="postgresql://user:password@host/name",  # type: ignore[arg-type]  # secret
        redis_url="redis://:password@host",  # type: ignore[arg-type]
        token="token",  # type: ignore[arg-type]
    )
    child = Child(settings, open_telltale)
    child.send_order(MidiTask(), laptop.sample("nothing"))
    answer = child.receive(60)
    child.close()
    assert isinstance(answer, Failed)
    assert answer.error.message == "None None None"


class Slow:
    """A message that takes until it is told to be made ready for the pipe."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __reduce__(self) -> tuple[type[int], tuple[()]]:
        self.begun.set()
        self.go_on.wait()
        return int, ()


def test_a_child_that_is_killed_while_it_is_given_an_order_is_gone(child: Child) -> None:
    child.start()
    message = Slow()
    raised: list[ChildGone] = []

    def put() -> None:
        with pytest.raises(ChildGone) as caught:
            child.put(message)  # type: ignore[arg-type]
        raised.append(caught.value)

    thread = threading.Thread(target=put)
    thread.start()
    message.begun.wait()
    child.kill()
    message.go_on.set()
    thread.join()
    assert raised


def test_a_wake_ends_a_wait(child: Child) -> None:
    child.start()
    child.wake()
    assert child.receive(60) is None


def test_however_often_it_is_woken_nobody_waits(child: Child) -> None:
    child.start()
    threads = [threading.Thread(target=child.wake) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while child.receive(0.1) is None and child._woken.poll():
        pass
    assert child.receive(0.1) is None


def test_a_stop_that_comes_too_late_does_not_touch_the_next_order(
    laptop: Cluster, child: Child
) -> None:
    first = child.send_order(MidiTask(), laptop.sample("nothing"))
    assert isinstance(child.receive(60), Finished)
    child.send(Stop(first))
    child.send_order(MidiTask(), laptop.sample("listen 0.1"))
    while not isinstance(answer := child.receive(60), Finished | Failed):
        pass
    assert isinstance(answer, Finished)


def test_a_child_does_not_die_of_the_signals_that_its_group_gets(
    laptop: Cluster, child: Child
) -> None:
    child.send_order(MidiTask(), laptop.sample("listen 0.5"))
    wait_until(lambda: laptop.log)
    assert child.pid
    os.kill(child.pid, signal.SIGINT)
    os.kill(child.pid, signal.SIGTERM)
    while not isinstance(answer := child.receive(60), Finished | Failed):
        pass
    assert isinstance(answer, Finished)
