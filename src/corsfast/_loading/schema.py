"""The JSON Schema of a policy file, and what it says about an option."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


def schema_text() -> str:
    """Return the JSON Schema of a policy file, as JSON."""
    return files(__package__).joinpath("policy.schema.json").read_text("utf-8")


@cache
def describe_option(option: str) -> str | None:
    """Return the schema's description of an option and its default, or ``None`` if unknown."""
    found: dict[str, Any] | None = json.loads(schema_text())["properties"].get(option)
    if found is None:
        return None
    default = f" Default: {json.dumps(found['default'])}." if "default" in found else ""
    return f"{found['description']}{default}"
