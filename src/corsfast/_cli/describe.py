"""The command ``corsfast describe``: what does a policy allow, in plain sentences?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from .._explain.explanation import printable
from .._proofs.sentences import describe_spec
from .check.arguments import add_arguments, read_arguments
from .check.subject import UnreadableError
from .console import UNABLE
from .diff import usable_side
from .terminal import BOLD, Style

DESCRIPTION = (
    "Say in plain sentences what a policy allows. The policy is read as by `corsfast check`."
)
EPILOG = "Exit status: 0 described, 2 no valid policy."


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = ArgumentParser(prog=program, description=DESCRIPTION, epilog=EPILOG)
    add_arguments(parser)
    given = parser.parse_args(argv)
    try:
        subject = read_arguments(given)
        side = usable_side(subject)
    except UnreadableError as error:
        lines = map(printable, str(error).split("\n"))
        print("corsfast describe: " + "\n".join(lines), file=sys.stderr)
        return UNABLE
    style = Style.of(sys.stdout)
    print(style.paint(printable(f"corsfast describe: {subject.name}"), BOLD) + "\n")
    text = describe_spec(side.spec, [(regex, how) for regex, how in side.applied])
    for line in text.splitlines():
        print(printable(line))
    return 0
