"""Run a check: read the arguments, print the report, return an exit status."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from ..apps.load import names_application
from ..console import UNABLE
from ..terminal import Style, as_text, print_error, print_text
from .arguments import DESCRIPTION, EPILOG, add_arguments, policy_options, read_arguments
from .judge import judge
from .machine import as_json
from .subject import UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from .report import Report


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = ArgumentParser(
        prog=program,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return run(parser.parse_args(argv))


def run(given: Namespace) -> int:
    """Check the subject of the arguments; return 0 for no problems, 1 for problems, 2 if unable."""
    try:
        report = _report(given)
    except UnreadableError as error:
        print_error("check", error)
        return UNABLE
    text = as_json(report) if given.json else as_text(report, Style.of(sys.stdout))
    print_text(text)
    return report.status


def _report(given: Namespace) -> Report:
    if given.file is None or not names_application(str(given.file)) or given.file.exists():
        return judge(read_arguments(given))
    others = (given.table, given.env, given.django, given.regex)
    if any(other is not None for other in others) or policy_options(given):
        raise UnreadableError(f"{given.file} is an application; check it without other options")
    from ..apps.command import check_application

    return check_application(str(given.file), given.tolerate)
