"""What listeners get: events whose text is made once, for however many listen."""

from __future__ import annotations

from typing import NamedTuple

from neuralib.events.event import Entry


class Message(NamedTuple):
    """One event, ready to be sent."""

    id: str
    job_id: str
    final: bool
    text: bytes
    """The event as a block of `text/event-stream`, ending with an empty line; empty where it is
    not told, as it is older than the end of its run."""


class Reset(NamedTuple):
    """Some events before this place were missed: what is true now must be looked up."""

    id: str
    """Of the last event before this place; everything after it follows."""


def message_of(entry: Entry) -> Message:
    """Write an event as a block of `text/event-stream` (HTML standard, section 9.2.6)."""
    event = entry.event
    text = f"id: {entry.id}\nevent: job\ndata: {event.model_dump_json()}\n\n"
    return Message(entry.id, event.job_id, event.final, text.encode())
