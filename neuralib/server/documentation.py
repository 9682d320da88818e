"""What `/docs` shows beside the routes' own words: examples, problems, bodies of bytes."""

from __future__ import annotations

from typing import Any, Final

from neuralib.server.problems import Problem

TITLE: Final = "NeuraLib"
DESCRIPTION: Final = """\
Takes a song apart: its stems, its notes, its words.

Upload a recording, let a task run on it, follow the job's events, fetch its artifacts. Lists come
in pages: give `cursor` back for the next one. What goes wrong is told by a problem document
(RFC 9457) with a `code` of NeuraLib. A key is sent as `Authorization: Bearer nl_...`.
"""
TAGS: Final = [
    {"name": "samples", "description": "Recordings that were uploaded."},
    {"name": "jobs", "description": "Tasks on samples, and what they gave."},
    {"name": "events", "description": "What happens to jobs, as Server-Sent Events."},
    {"name": "watch", "description": "How the server is."},
]

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "model": Problem,
        "description": "It cannot be done as it was asked for.",
        "content": {
            "application/problem+json": {
                "example": {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "there is no job 'job_1'; `neuralib jobs list` shows those there are",
                    "code": "not_found",
                }
            }
        },
    },
    "5XX": {"model": Problem, "description": "It cannot be done now."},
}

SAMPLE: Final = {
    "id": "smp_0193551a2c408d1f2e3a4b5c6d7e8f90",
    "name": "song.mp3",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "bytes": 4310528,
    "audio_seconds": 179.46,
    "sample_rate": 44100,
    "channels": 2,
    "created_at": "2026-11-22T10:00:00Z",
}

JOB: Final = {
    "id": "job_0193551b91f2a0b1c2d3e4f5061728394a",
    "sample_id": SAMPLE["id"],
    "task": {"kind": "separate", "model": "htdemucs", "stems": ["vocals"], "format": "flac"},
    "state": "done",
    "progress": 1.0,
    "attempt": 1,
    "error": None,
    "result": {
        "audio_seconds": 179.46,
        "seconds": 12.3,
        "device": "cuda:0",
        "precision": "bf16",
        "runtime": "torch",
    },
    "artifacts": [
        {
            "name": "vocals.flac",
            "kind": "stem",
            "bytes": 20120576,
            "sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        }
    ],
    "created_at": "2026-11-22T10:00:01Z",
    "started_at": "2026-11-22T10:00:01.02Z",
    "finished_at": "2026-11-22T10:00:14Z",
}

REQUESTS: Final = {
    "separate": {
        "summary": "Stems",
        "value": {
            "task": {"kind": "separate", "stems": ["vocals"], "format": "flac"},
            "sample_id": SAMPLE["id"],
        },
    },
    "midi": {
        "summary": "Notes",
        "value": {"task": {"kind": "midi"}, "sample_id": SAMPLE["id"]},
    },
    "transcribe": {
        "summary": "Words",
        "value": {
            "task": {"kind": "transcribe", "word_timestamps": True, "formats": ["lrc", "srt"]},
            "sample_id": SAMPLE["id"],
        },
    },
}


def example(value: dict[str, Any]) -> dict[str, Any]:
    """Show an answer."""
    return {"content": {"application/json": {"example": value}}}


def binary_body(description: str) -> dict[str, Any]:
    """Say that a request's body is bytes."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    body = {"required": True, "description": description, "content": content}
    return {"requestBody": body}


def binary_answer(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Say that an answer is bytes, whole or in part."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"description": "All bytes.", "content": content},
        206: {"description": "The bytes that `Range` asked for.", "content": content},
        304: {"description": "`If-None-Match` names these bytes."},
        307: {"description": "`redirect` gave an address of the storage."},
        416: {"model": Problem, "description": "The file has no such bytes."},
    }


def with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """Correct what FastAPI takes for plain JSON: problems have a media type of their own."""
    told = {"$ref": "#/components/schemas/Problem"}
    for path in schema["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                for kind in [each for each, what in content.items() if what.get("schema") == told]:
                    del content[kind]
                    content.setdefault("application/problem+json", {})["schema"] = told
    return schema
