"""One child for several runs: each has orders and answers of its own."""

from __future__ import annotations

import threading

from neuralib.jobs.sample import Sample
from neuralib.tasks import MidiTask, SeparateTask, TranscribeTask
from neuralib.workers.child import Child, ChildGone
from neuralib.workers.errand import Errand
from neuralib.workers.messages import Answer, Stop, Told

_LOOK_SECONDS = 1.0
"""How soon the keeper looks up from its wait, should nothing wake it."""


class Killed(ChildGone):
    """The process was ended by this worker, for the sake of another run."""


class SharedChild:
    """Passes the orders of several runs to a child, and each answer to the run that waits for it.

    A thread of its own starts the child, which lives as long as that thread, and listens to it.
    Every method may be called from any thread.

    Args:
        child: where the orders go; nobody else may give it any.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._changed = threading.Condition()
        self._errands: dict[int, Errand] = {}
        self._waiting = 0
        self._up = self._closed = False
        self._fault: Exception | None = None
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def order(
        self,
        task: SeparateTask | MidiTask | TranscribeTask,
        sample: Sample,
        *,
        beside: bool = False,
    ) -> Errand:
        """Let the child, started where it does not run, run a task.

        Args:
            task: what to run.
            sample: what to run it on.
            beside: at once, beside others; else after what was ordered before.

        Raises:
            ChildGone: where it ended just now, or for good.
        """
        with self._changed:
            self._wait_until_up()
            number = self._child.put_order(task, sample, beside=beside)
            errand = self._errands[number] = Errand(number)
            return errand

    def stop(self, errand: Errand) -> None:
        """Ask a run to end; one that has ended is left alone.

        Raises:
            ChildGone: where the child ended just now.
        """
        with self._changed:
            if self._errands.get(errand.number) is errand:
                self._child.put(Stop(errand.number))

    def kill(self, errand: Errand) -> None:
        """End the child unless this run has ended; see `end`."""
        with self._changed:
            if self._errands.get(errand.number) is errand:
                self.end()

    def end(self) -> None:
        """End the child now: runs that wait for an answer get `Killed`."""
        with self._changed:
            self._child.kill()
            self._leave(Killed("its process was ended for another run"))

    def close(self) -> None:
        """End it for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._child.kill()
        self._keeper.join()
        self._child.close()

    def _wait_until_up(self) -> None:
        self._waiting += 1
        self._fault = None
        self._changed.notify_all()
        try:
            self._changed.wait_for(
                lambda: self._closed or self._fault or (self._up and self._child.pid is not None)
            )
        finally:
            self._waiting -= 1
        if self._fault is not None:
            raise self._fault
        if self._closed:
            raise ChildGone("its worker ended")

    def _keep(self) -> None:
        """Start the child whenever somebody waits for it, and pass on what it says."""
        while self._is_wanted():
            try:
                self._child.start()
                self._tell_up()
                while not self._closed:
                    self._pass_on(self._child.receive(_LOOK_SECONDS))
            except Exception as error:  # without this thread every later run would wait for ever
                with self._changed:
                    self._fault = None if isinstance(error, ChildGone) else error
                    self._leave(error)

    def _is_wanted(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return not self._closed

    def _tell_up(self) -> None:
        with self._changed:
            self._up = True
            self._changed.notify_all()

    def _pass_on(self, answer: Answer | None) -> None:
        with self._changed:
            if answer is None:
                for each in self._errands.values():
                    each.wake()
            elif (errand := self._errands.get(answer.number)) is not None:
                if not isinstance(answer, Told):
                    del self._errands[answer.number]
                errand.put(answer)

    def _leave(self, error: Exception) -> None:
        self._up = False
        for errand in self._errands.values():
            errand.fail(error)
        self._errands.clear()
        self._changed.notify_all()
