"""One order to a child, as the run that waits for its end sees it."""

from __future__ import annotations

import threading

from neuralib.workers.messages import Answer, Told


class Errand:
    """Keeps the answers to one order until its run takes them.

    Args:
        number: of the order; counted by the child's process.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._changed = threading.Condition()
        self._told: Told | None = None
        self._end: Answer | None = None
        self._error: Exception | None = None
        self._woken = False

    def receive(self, timeout_seconds: float) -> Answer | None:
        """Wait for an answer; of several about the progress give the newest.

        Returns:
            None where none came in time, or somebody called `wake`.

        Raises:
            ChildGone: where the process ended.
        """
        with self._changed:
            self._changed.wait_for(self._has_news, max(timeout_seconds, 0.0))
            self._woken = False
            told, self._told = self._told, None
            if told is None and self._error is not None:
                raise self._error
            return told or self._end

    def put(self, answer: Answer) -> None:
        """Let the run have an answer."""
        with self._changed:
            if isinstance(answer, Told):
                self._told = answer
            else:
                self._end = answer
            self._changed.notify_all()

    def fail(self, error: Exception) -> None:
        """Let the run have an error in place of its end."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def wake(self) -> None:
        """Let the run look around."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _has_news(self) -> bool:
        return bool(self._woken or self._told or self._end or self._error)
