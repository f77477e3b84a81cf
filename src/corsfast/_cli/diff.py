"""The command ``corsfast diff OLD NEW``: what does a change of a policy allow?

Each side is read with the arguments of ``check``. The exit status is that of `PolicyDiff`.
"""

from __future__ import annotations

import json
import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path

from .._explain.explanation import printable
from .._loading.literals import respell
from .._loading.written import missing_origins
from .._proofs.changes import Change, side_of
from .._proofs.languages import as_written
from ..errors import PolicyError, Problem, changed
from .check.arguments import add_arguments as add_subject, read_arguments
from .check.subject import UnreadableError
from .command import add_format, new_parser, run
from .github import annotation
from .terminal import BOLD, DIM, GREEN, RED, YELLOW, Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from .._proofs.changes import PolicyDiff, Side
    from .check.subject import Subject

DESCRIPTION = """\
Show what the policy NEW allows and OLD does not, and the reverse.

OLD and NEW are what `corsfast check` takes, quoted if it is several words:
  policy.toml                         a file, or its [tool.corsfast]
  "policy.toml --table cors.api"      another table of a file
  main:policy.toml                    the file at a revision of its git repository
  "--env CORS_"                       the variables of the environment
  "--django shop.settings"            the settings of django-cors-headers
  "--allow-origins https://a.example" options
"""
EPILOG = "Exit status: 0 the same or narrower, 1 wider, 2 cannot tell."

# More changes than this are only counted in the text; --json prints all.
SHOWN = 50


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    return run(parser, argv, _compared)


def add_arguments(parser: ArgumentParser) -> None:
    """Add all arguments of the command."""
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    add_format(parser, "github")


def _compared(given: Namespace) -> tuple[str, int]:
    subjects = [read_side(text) for text in (given.old, given.new)]
    old, new = map(usable_side, subjects)
    found = old.compared_with(new)
    names = subjects[0].name, subjects[1].name
    if given.format == "json":
        data = {"old": names[0], "new": names[1]} | found.as_dict()
        return json.dumps(data, indent=2), found.status
    if given.format == "github":
        return "\n".join(_annotations(found, subjects[1])), found.status
    return as_text(found, *names, Style.of(sys.stdout)), found.status


def read_side(text: str) -> Subject:
    """Read one side with the arguments of ``check``."""
    arguments = [text] if Path(text).exists() else shlex.split(text)
    parser = ArgumentParser(prog="corsfast check", add_help=False)
    add_subject(parser)
    return read_arguments(parser.parse_args(arguments))


def usable_side(subject: Subject) -> Side:
    """Return a subject as a side of a comparison.

    Raises:
        UnreadableError: if it has a problem that is not a risk, because then it is no policy.
    """
    options = subject.options or {}
    side = side_of(options, [(each.regex, each.dialect.match.how) for each in subject.regexes])
    problems = [*subject.problems, *side.problems]
    if not subject.regexes:
        problems += missing_origins(options, problems)
    problems = [problem for problem in problems if problem.code not in subject.harmless]
    if problems:
        placed = [
            changed(it, option=subject.placed(it), hint=respell(it.hint, subject.literal))
            for it in problems
        ]
        raise UnreadableError(str(PolicyError(placed, subject.name)))
    return side


# -- text ------------------------------------------------------------------------------------


def as_text(found: PolicyDiff, old: str, new: str, style: Style) -> str:
    """Return the report for people: one block for each kind of change, a summary last."""
    blocks = [style.paint(printable(f"corsfast diff: {old} -> {new}"), BOLD)]
    for title, changes, color in (
        ("Newly allowed", found.added, RED),
        ("No longer allowed", found.removed, GREEN),
    ):
        certain = [change for change in changes if change.reason is None]
        unclear = [change for change in changes if change.reason is not None]
        blocks += _block(title, certain, style, color)
        blocks += _block(f"{title}? Cannot tell", unclear, style, YELLOW)
    if found.risks:
        lines = [style.paint("Risks that appear", BOLD, RED)]
        for risk in found.risks:
            lines.append(style.sentence(printable(f"{risk.message} [{risk.code}]"), "  "))
            if risk.example is not None:
                lines.append(f"    allows: {printable(risk.example)}")
        blocks.append("\n".join(lines))
    blocks.append(style.paint(_summary(found), BOLD, GREEN if found.status == 0 else RED))
    return "\n\n".join(blocks)


def _block(title: str, changes: list[Change], style: Style, color: str) -> Iterator[str]:
    if not changes:
        return
    lines = [style.paint(title, BOLD, color)]
    for change in changes[:SHOWN]:
        lines += change_lines(change, style, color)
    if len(changes) > SHOWN:
        lines.append(style.paint(f"  and {len(changes) - SHOWN} more", DIM))
    yield "\n".join(lines)


def change_lines(change: Change, style: Style, color: str = "") -> Iterator[str]:
    """Yield the lines that show a change."""
    yield f"  {change.option}: {printable(change.entry)}"
    if change.example is not None and change.example != change.entry:
        yield f"    example: {style.paint(printable(change.example), color)}"
    if change.pattern is not None and change.pattern != change.entry:
        yield f"    all:     {printable(change.pattern)}"
    if change.reason is not None:
        yield style.sentence(printable(f"{change.reason}."), "    ")


def _summary(found: PolicyDiff) -> str:
    if found.verdict == "same":
        return "the same: both allow the same requests"
    unclear = sum(change.reason is not None for change in (*found.added, *found.removed))
    added, removed = (
        sum(change.reason is None for change in changes) for changes in (found.added, found.removed)
    )
    counts = f"{added} newly allowed, {removed} no longer allowed"
    counts += f", {unclear} unclear" if unclear else ""
    return f"{'cannot tell' if found.verdict == 'unknown' else found.verdict}: {counts}"


# -- annotations of GitHub Actions -----------------------------------------------------------


def _annotations(found: PolicyDiff, new: Subject) -> Iterator[str]:
    """Yield an error for each wider change, and a notice for each narrower one."""
    for title, changes, level in (
        ("newly allowed", found.added, "error"),
        ("no longer allowed", found.removed, "notice"),
    ):
        for change in changes:
            text = f"{change.entry} is {title}"
            if change.reason is not None:
                text = f"{change.entry}: cannot tell whether it is {title}; {change.reason}"
            elif change.example not in (None, change.entry):
                text += f", for example {change.example}"
            yield annotation(
                "warning" if change.reason is not None else level,
                f"CORS: {title}",
                f"{change.option}: {text}",
                new.placed(Problem(title, change.option, _value(new, change), text)),
            )
    for risk in found.risks:
        text = f"{risk.option}: {risk.message} [{risk.code}]"
        yield annotation("warning", "CORS: a new risk", text, new.placed(risk))
    yield f"corsfast diff: {_summary(found)}"


def _value(subject: Subject, change: Change) -> object:
    """Return the entry of a change as the source lists it."""
    listed = (subject.options or {}).get(change.option)
    for entry in listed if isinstance(listed, (list, tuple)) else ():
        if as_written(entry) == change.entry:
            return entry
    return change.entry
