"""`/docs`: the OpenAPI document as a page that needs no script, and nothing of another host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

Node = Mapping[str, Any]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h3 { margin-top: 2.5rem } code, pre { font: 14px/1.4 ui-monospace, monospace }
pre { background: #8881; padding: .7rem 1rem; overflow-x: auto }
td, th { text-align: left; vertical-align: top; padding: .2rem 1.5rem .2rem 0 }
:root { color-scheme: light dark }
"""


def reference_page(document: Node) -> str:
    """Write the page: every route with its parameters, examples and answers, then every value.

    Args:
        document: as `/openapi.json` gives it.
    """
    info = document["info"]
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        _prose(info["description"]),
        '<p>For programs: <a href="/openapi.json">/openapi.json</a></p>',
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2>{_prose(tag['description'])}")
        parts += [_operation(*each) for each in _operations(document, tag["name"])]
    parts.append("<h2>values</h2>")
    parts += [_value(*each) for each in sorted(document["components"]["schemas"].items())]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>{''.join(parts)}</html>"
    )


def _operations(document: Node, tag: str) -> Iterator[tuple[str, Node]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield f"{method.upper()} {path}", operation


def _operation(route: str, operation: Node) -> str:
    body = operation.get("requestBody", {})
    contents = body.get("content", {})
    parts = [
        f"<h3><code>{escape(route)}</code></h3>",
        _prose(operation["description"]),
        _table(_parameter(each) for each in operation.get("parameters", ())),
    ]
    if body:
        types = ", ".join(f"{_type(each['schema'])} ({kind})" for kind, each in contents.items())
        parts.append(f"<p>Body: {types}. {escape(body.get('description', ''))}</p>")
    for content in contents.values():
        parts += [_json(each["value"]) for each in content.get("examples", {}).values()]
    parts.append(_table(_answer(*each) for each in operation["responses"].items()))
    for answer in operation["responses"].values():
        if answer["description"] == "Successful Response":
            examples = (each.get("example") for each in answer.get("content", {}).values())
            parts += [_json(each) for each in examples if each is not None]
    return "".join(parts)


def _parameter(parameter: Node) -> tuple[str, ...]:
    name = f"<code>{escape(parameter['name'])}</code> in {parameter['in']}"
    return name, _type(parameter["schema"]), _prose(parameter.get("description", ""))


def _answer(status: str, answer: Node) -> tuple[str, ...]:
    contents = answer.get("content", {}).items()
    types = (f"{_type(each.get('schema', {}))} ({escape(kind)})" for kind, each in contents)
    told = answer["description"]
    return escape(status), ", ".join(types), "" if told == "Successful Response" else _prose(told)


def _value(name: str, schema: Node) -> str:
    required = schema.get("required", ())
    rows = []
    for key, each in schema.get("properties", {}).items():
        default = f"default {escape(json.dumps(each['default']))}" if "default" in each else ""
        told = "needed" if key in required else default
        rows.append((f"<code>{escape(key)}</code>", _type(each), told))
    head = f'<h3 id="{escape(name)}">{escape(name)}</h3>'
    return head + _prose(schema.get("description", "")) + _table(rows)


def _type(schema: Node) -> str:
    """Say in words which values a schema takes."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(map(_type, schema[several]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in values)
    if schema.get("type") == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    told = [str(schema.get("format", schema.get("type", "anything")))]
    limits = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
        "maxLength": "{} characters at most",
    }
    told += [text.format(f"{schema[key]:g}") for key, text in limits.items() if key in schema]
    return escape(", ".join(told))


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2))}</pre>"


def _prose(text: str) -> str:
    """Write paragraphs, in which `code` is marked as in the docstrings that they come from."""
    paragraphs = re.split(r"\n\s*\n", escape(text.strip(), quote=False))
    marked = (re.sub(r"`([^`]+)`", r"<code>\1</code>", each) for each in paragraphs if each)
    return "".join(f"<p>{each}</p>" for each in marked)


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table>{lines}</table>" if lines else ""
