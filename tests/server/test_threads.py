from __future__ import annotations

import asyncio
import threading

import pytest

from neuralib.errors import DatabaseUnreachable
from neuralib.server import threads
from neuralib.server.threads import Threads


def test_what_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "PATIENCE_SECONDS", 0.1)
    frozen = threading.Event()
    begun: list[int] = []

    def freeze(number: int) -> None:
        begun.append(number)
        frozen.wait()

    async def test() -> None:
        in_thread = Threads()
        calls = [in_thread(freeze, number) for number in range(20)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(answer) for answer in answers} == {DatabaseUnreachable}
        frozen.set()
        assert await in_thread(int, "7") == 7
        with pytest.raises(ValueError, match="invalid literal"):
            await in_thread(int, "seven")
        in_thread.close()

    asyncio.run(test())
    assert len(begun) == 16, "what had not begun was begun"
