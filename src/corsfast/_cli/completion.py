"""Complete the words of a command line for the shell, with argcomplete."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib import import_module

import argcomplete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def complete(line: str, commands: Mapping[str, tuple[str, str]]) -> None:
    """Print the completions of a line and exit. Only the commands in the line are imported."""
    parser = ArgumentParser()
    parser.add_argument("--version", action="store_true")
    listed = parser.add_subparsers()
    for name, (module, summary) in commands.items():
        command = listed.add_parser(name, help=summary)
        if name in line.split():
            import_module(f"corsfast.{module}").add_arguments(command)
    argcomplete.autocomplete(parser)
