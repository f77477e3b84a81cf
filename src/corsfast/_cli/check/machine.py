"""Write a Report as JSON. docs/check.md documents the keys; keys are added, never removed."""

from __future__ import annotations

import json
from dataclasses import asdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import Report


def as_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return json.dumps(
        {
            "source": report.source,
            "entries": report.entries,
            "affected": report.affected,
            "problems": [asdict(finding) for finding in report.problems],
            "warnings": [asdict(finding) for finding in report.warnings],
        },
        indent=2,
    )
