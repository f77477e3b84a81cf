"""Run a check: read the arguments, print the report, return an exit status."""

from __future__ import annotations

import sys
from argparse import Action

from ..._loading.schema import schema_text
from .. import github
from ..apps.load import names_application
from ..command import add_format, new_parser, run
from ..terminal import Style, as_text, print_text
from .arguments import (
    DESCRIPTION,
    EPILOG,
    add_arguments as add_subject,
    policy_options,
    read_arguments,
)
from .judge import judge
from .machine import as_json
from .subject import UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from .report import Report


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    return run(parser, argv, _checked)


def add_arguments(parser: ArgumentParser) -> None:
    """Add all arguments of the command."""
    add_subject(parser)
    add_format(parser, "github")
    parser.add_argument(
        "--schema",
        action=_PrintSchema,
        nargs=0,
        help="print the JSON Schema of a policy file, for editors, and exit",
    )


class _PrintSchema(Action):
    def __call__(self, parser: ArgumentParser, *_: Any) -> None:
        print_text(schema_text())
        parser.exit()


def _checked(given: Namespace) -> tuple[str, int]:
    """Return the report and the status: 0 for no problems, 1 for problems."""
    report = _report(given)
    if given.format == "json":
        return as_json(report), report.status
    if given.format == "github":
        return "\n".join(github.findings(report)), report.status
    return as_text(report, Style.of(sys.stdout)), report.status


def _report(given: Namespace) -> Report:
    if given.file is None or not names_application(str(given.file)) or given.file.exists():
        return judge(read_arguments(given))
    others = (given.table, given.env, given.django, given.regex)
    if any(other is not None for other in others) or policy_options(given):
        raise UnreadableError(f"{given.file} is an application; check it without other options")
    from ..apps.command import check_application

    return check_application(str(given.file), given.tolerate)
