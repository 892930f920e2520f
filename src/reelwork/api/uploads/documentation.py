"""How the headers of uploads stand in the OpenAPI document."""

from typing import Any

# Words as they are or a structured string, and the blanks around them that no server sees.
_KEY = r"""^[ \t]*([!#-~][ -~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")[ \t]*$"""

_HEADERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "schema": {"type": "string", "pattern": _KEY},
        "description": "What the client calls this submit: sent again, it gives the same job. One to 255 ASCII "
        "characters, quoted or not.",
    },
    "Upload-Complete": {
        "schema": {"type": "string", "enum": ["?0", "?1"]},
        "description": "Whether this request brings the last of the file.",
    },
    "Upload-Offset": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "Where in the file the bytes of this request begin.",
    },
    "Upload-Length": {
        "schema": {"type": "integer", "minimum": 0},
        "description": "How long the whole file is.",
    },
}


def documented(*names: str, max_bytes: int, required: bool = False) -> list[dict[str, Any]]:
    """Return the parameters of an operation that reads these headers; no file may be larger than ``max_bytes``."""
    return [_documented(name, max_bytes, required) for name in names]


def _documented(name: str, max_bytes: int, required: bool) -> dict[str, Any]:
    schema = _HEADERS[name]["schema"]
    bounded = {**schema, "maximum": max_bytes} if schema["type"] == "integer" else schema
    return {"name": name, "in": "header", "required": required, **_HEADERS[name], "schema": bounded}
