"""The commands: ``python -m corsfast check``.

Place in the flow: the outermost.
Never: do a command's work.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from .check import arguments, command


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = ArgumentParser(prog="python -m corsfast")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    check = commands.add_parser(
        "check",
        help=arguments.SUMMARY,
        description=arguments.DESCRIPTION,
        epilog=arguments.EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    arguments.add_arguments(check)
    check.set_defaults(run=command.run)
    given = parser.parse_args(argv)
    status: int = given.run(given)
    return status


if __name__ == "__main__":
    sys.exit(main())
