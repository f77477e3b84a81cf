"""The command ``corsfast describe``: what does a policy allow, in plain sentences?"""

from __future__ import annotations

import json
import sys

from .._explain.explanation import printable
from .._proofs.sentences import describe_spec
from .check.arguments import add_arguments as add_subject, read_arguments
from .command import add_format, new_parser, run
from .diff import usable_side
from .terminal import BOLD, Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

DESCRIPTION = (
    "Say in plain sentences what a policy allows. The policy is read as by `corsfast check`."
)
EPILOG = "Exit status: 0 described, 2 no valid policy."


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    return run(parser, argv, _described)


def add_arguments(parser: ArgumentParser) -> None:
    """Add all arguments of the command."""
    add_subject(parser)
    add_format(parser)


def _described(given: Namespace) -> tuple[str, int]:
    subject = read_arguments(given)
    side = usable_side(subject)
    sentences = describe_spec(side.spec, side.applied).splitlines()
    if given.format == "json":
        return json.dumps({"policy": subject.name, "sentences": sentences}, indent=2), 0
    style = Style.of(sys.stdout)
    head = style.paint(printable(f"corsfast describe: {subject.name}"), BOLD)
    return "\n".join([head, "", *(style.sentence(printable(each), "") for each in sentences)]), 0
