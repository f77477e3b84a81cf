"""Write a Report as JSON. docs/check.md documents the keys; keys are added, never removed."""

from __future__ import annotations

import json
from dataclasses import asdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import Report


def as_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return json.dumps(as_dict(report), indent=2)


def as_dict(report: Report) -> dict[str, object]:
    """Return the object of `as_json`."""
    return {
        "source": report.source,
        "entries": report.entries,
        "affected": report.affected,
        "problems": [asdict(finding) for finding in report.problems],
        "warnings": [asdict(finding) for finding in report.warnings],
    }
