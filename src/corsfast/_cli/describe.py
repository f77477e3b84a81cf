"""The command ``corsfast describe``: what does a policy allow, in plain sentences?"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser

from .._explain.explanation import printable
from .._proofs.sentences import describe_spec
from .check.arguments import add_arguments, read_arguments
from .check.subject import UnreadableError
from .console import UNABLE
from .diff import usable_side
from .terminal import BOLD, Style, print_error, print_text

DESCRIPTION = (
    "Say in plain sentences what a policy allows. The policy is read as by `corsfast check`."
)
EPILOG = "Exit status: 0 described, 2 no valid policy."


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = ArgumentParser(prog=program, description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_arguments(parser)
    given = parser.parse_args(argv)
    try:
        subject = read_arguments(given)
        side = usable_side(subject)
    except UnreadableError as error:
        print_error("describe", error)
        return UNABLE
    sentences = describe_spec(side.spec, side.applied).splitlines()
    if given.json:
        print_text(json.dumps({"policy": subject.name, "sentences": sentences}))
        return 0
    head = Style.of(sys.stdout).paint(printable(f"corsfast describe: {subject.name}"), BOLD)
    print_text("\n".join([head, "", *map(printable, sentences)]))
    return 0
