# PYTHON_ARGCOMPLETE_OK
"""The entry point of the commands.

A command is a line of `COMMANDS` and a module with ``main(arguments, program) -> int`` and
``add_arguments(parser)``. The module is imported only when its command is run.
"""

from __future__ import annotations

import os
import sys

from . import IMPLEMENTATION, __version__
from ._cli.console import UNABLE, run

# name: (module, summary)
COMMANDS = {
    "check": (
        "_cli.check.command",
        "find out whether a CORS policy lets attackers in, and what to write instead",
    ),
    "explain": (
        "_cli.explain",
        "find out why a request is refused, and what would allow it",
    ),
    "diff": ("_cli.diff", "show what a change of a policy allows, exactly"),
    "describe": ("_cli.describe", "say in plain sentences what a policy allows"),
    "learn": ("_cli.learn", "write the smallest policy that covers the traffic of logs"),
    "import": ("_cli.imports.command", "read the policy of a proxy or gateway, and check it"),
    "export": ("_cli.export", "write a policy for a proxy or gateway, or tell drift"),
    "bench": ("bench.__main__", "measure what CORS costs on this machine"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command that the arguments name; return the exit status."""
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    first, *rest = (sys.argv[1:] if argv is None else argv) or [""]
    if first in COMMANDS:
        from importlib import import_module

        module, _ = COMMANDS[first]
        status: int = import_module(f"corsfast.{module}").main(rest, f"{_program()} {first}")
        return status
    if first in ("-V", "--version"):
        python = ".".join(map(str, sys.version_info[:3]))
        engine = f"{IMPLEMENTATION} engine, {sys.implementation.name} {python}"
        print(f"corsfast {__version__} ({engine})")
        return 0
    if first in ("", "-h", "--help"):
        print(_usage())
        return 0 if first else UNABLE
    print(f"{_program()}: {_unknown(first)}", file=sys.stderr)
    return UNABLE


def _complete() -> None:
    """Answer the shell, which asks for completions, if argcomplete is installed."""
    try:
        from ._cli.completion import complete
    except ImportError:
        return
    complete(os.environ.get("COMP_LINE", ""), COMMANDS)


def _program() -> str:
    """Return the name under which the program was called."""
    name = sys.argv[0].replace("\\", "/").rpartition("/")[2]
    return "python -m corsfast" if name == "__main__.py" else "corsfast"


def _usage() -> str:
    program = _program()
    width = max(map(len, COMMANDS))
    commands = [f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {program} COMMAND ...",
            f"       {program} --version",
            "",
            "commands:",
            *commands,
            "",
            f"{program} COMMAND --help shows the arguments of a command.",
        ]
    )


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    program = _program()
    close = get_close_matches(word.lower(), COMMANDS, 1)
    if word.startswith("-"):
        return f"unknown option {word!r}; options of a command follow it (see {program} --help)"
    if word.lower().endswith((".toml", ".json")):
        return f"unknown command {word!r}; write {program} check {word}"
    advice = f"write {program} {close[0]}" if close else f"there are {', '.join(COMMANDS)}"
    return f"unknown command {word!r}; {advice}"


def script() -> int:
    """Run `main` as the entry point, with the exit status that shells expect."""
    return run(main)


if __name__ == "__main__":
    sys.exit(script())
