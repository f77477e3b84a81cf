"""The command ``corsfast export``: write a policy for a proxy, or tell whether a file drifted."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from .._engine.select import Policy
from .._loading.literals import in_toml
from .._options.limits import MAX_POLICY_FILE
from .._options.patterns import Within
from .._proofs.languages import as_written
from ..errors import PolicyError
from ..export import TARGETS, ExportError
from ..export._model import changes_since
from .check.arguments import add_policy_arguments, read_policy_arguments
from .check.subject import UnreadableError
from .command import new_parser, read_text, run
from .diff import usable_side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from .check.subject import Subject

DESCRIPTION = """\
Write a policy as the configuration of a proxy or gateway, which then decides the same.

The policy is read as by `corsfast check`. What the target cannot express is refused, with the
nearest policy that it can. --check tells whether a file is still the export of the policy.
"""
EPILOG = "Exit status: 0 written or the same, 1 drifted, 2 cannot be exported."


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    return run(parser, argv, _exported)


def add_arguments(parser: ArgumentParser) -> None:
    """Add all arguments of the command."""
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--to", metavar="TARGET", choices=TARGETS, help=", ".join(TARGETS))
    action.add_argument("--check", metavar="FILE", help="an exported file; - reads standard input")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write it there")
    add_policy_arguments(parser)


def _exported(given: Namespace) -> tuple[str, int]:
    subject = read_policy_arguments(given)
    policy = _policy_of(subject)
    if given.check is not None:
        return _checked(given.check, policy, subject.name)
    try:
        text = TARGETS[given.to](policy)
    except ExportError as error:
        raise UnreadableError("\n".join([str(error), *_nearest(error, policy)])) from None
    if given.output is None:
        return text.removesuffix("\n"), 0
    try:
        given.output.write_text(text, "utf-8")
    except OSError as error:
        raise UnreadableError(f"{given.output}: {error.strerror}") from None
    return f"wrote {given.output}: {subject.name} for {given.to}", 0


def _policy_of(subject: Subject) -> Policy:
    usable_side(subject)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Policy(**subject.options)  # type: ignore[arg-type]
        except PolicyError as error:
            lines = [f"{subject.name} is not safe to export; see corsfast check"]
            lines += [f"  {subject.placed(it)}: {it.message}" for it in error.problems]
            raise UnreadableError("\n".join(lines)) from None


def _checked(given: str, policy: Policy, name: str) -> tuple[str, int]:
    file, text = read_text(given, MAX_POLICY_FILE)
    changes = changes_since(text, policy)
    if changes is None:
        raise UnreadableError(f"{file} was not written by corsfast export")
    if not changes:
        return f"{file} is the export of {name}", 0
    return f"{file} has drifted from {name}: {' and '.join(changes)}; export it again", 1


def _nearest(error: ExportError, policy: Policy) -> list[str]:
    """Return the options of the nearest policy that differ, as lines of TOML."""
    if error.nearest is None:
        return ["No narrower policy is near."]
    lines = ["The nearest policy has these options instead:"]
    before = policy.options()
    for option, value in error.nearest.items():
        if value != before[option]:  # type: ignore[literal-required]
            items = value if isinstance(value, list) else None
            text = json.dumps(value) if items is None else f"[{', '.join(map(_in_toml, items))}]"
            lines.append(f"  {option} = {text}")
    return lines


def _in_toml(entry: object) -> str:
    if isinstance(entry, str):
        return json.dumps(entry)
    domains = entry.domains if isinstance(entry, Within) else ()
    return in_toml(as_written(entry), domains)
