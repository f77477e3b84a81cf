"""A Report as JSON. The keys are documented in docs/check.md and only ever added to.

Place in the flow: Report -> machine -> stdout.
Never: drop a finding.
"""

from __future__ import annotations

import json
from dataclasses import asdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import Report


def as_json(report: Report) -> str:
    """One JSON object."""
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
