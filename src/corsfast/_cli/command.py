"""The parts that all commands share: their parser, formats, texts to read, and how they end.

A command is a module with `add_arguments` and `main`. `main` calls `run` with a function that
returns the text to print and the exit status.
"""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import partial

from .check.subject import UnreadableError
from .console import UNABLE
from .github import unreadable
from .terminal import MAX_WIDTH, print_error, print_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable


def new_parser(program: str, description: str, epilog: str) -> ArgumentParser:
    """Return a parser whose help is at most as wide as the rest of the output."""
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    formatter = partial(RawDescriptionHelpFormatter, width=width)
    return ArgumentParser(
        prog=program, description=description, epilog=epilog, formatter_class=formatter
    )


def add_format(parser: ArgumentParser, *more: str) -> None:
    """Add ``--format``, for text, JSON and more, and ``--json``, which is one of its values."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", dest="format", action="store_const", const="json", help="print JSON"
    )
    advice = "; github annotates the lines of a pull request" if "github" in more else ""
    form.add_argument(
        "--format",
        choices=("text", "json", *more),
        default="text",
        help=f"json is the same as --json{advice}",
    )


def read_text(
    file: str, limit: int, tolerates: Callable[[str], bool] = lambda _text: False
) -> tuple[str, str]:
    """Return the name of a file, or of standard input for ``-``, and its text.

    Args:
        tolerates: whether octets that are not UTF-8 are replaced in a text, and not an error.

    Raises:
        UnreadableError: if it cannot be read, is not UTF-8, or has more bytes than the limit.
    """
    name = "<stdin>" if file == "-" else file
    try:
        if file == "-":
            # Not as text, because the encoding and its errors depend on the environment.
            octets = sys.stdin.buffer.read(limit + 1) if sys.stdin is not None else b""
        else:
            with open(file, "rb") as opened:
                octets = opened.read(limit + 1)
    except OSError as error:
        raise UnreadableError(f"{name}: {error.strerror}") from None
    if len(octets) > limit:
        raise UnreadableError(f"{name}: the file has more than {limit} bytes")
    try:
        return name, octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        text = octets.decode("utf-8-sig", "replace").replace("\r\n", "\n")
        if tolerates(text):
            return name, text
        line = octets.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"{name}:{line}: the file is not UTF-8: {error.reason}") from None


def run(
    parser: ArgumentParser,
    argv: list[str],
    action: Callable[[Namespace], tuple[str, int]],
    *errors: type[Exception],
) -> int:
    """Parse the arguments, print what the action returns, and return its exit status.

    Args:
        errors: further errors of the action that say what cannot be read.
    """
    unable: tuple[type[Exception], ...] = (UnreadableError, *errors)
    given = parser.parse_args(argv)
    try:
        text, status = action(given)
    except unable as error:
        if getattr(given, "format", "") == "github":
            print_text(unreadable(str(error)))
        print_error(parser.prog.rpartition(" ")[2], error)
        return UNABLE
    print_text(text)
    return status
