"""Values as JSON answers."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.responses import Response


def json_answer(
    value: BaseModel, status: int = 200, location: str | None = None, **headers: str
) -> Response:
    """Write `value` as it is; FastAPI would check it a second time.

    Args:
        value: what the route's `response_model` says.
        status: of the answer.
        location: where the value is found from now on.
        headers: others, with `_` for `-`.
    """
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    if location is not None:
        named["Location"] = location
    return Response(value.model_dump_json(), status, named, media_type="application/json")
