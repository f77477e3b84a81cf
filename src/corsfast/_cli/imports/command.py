"""Read the arguments, print each policy as TOML with the report of ``check`` in comments."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import partial

from ..._explain.explanation import printable
from ..._loading.written import OPTIONS, Written
from ..._options.limits import MAX_POLICY_FILE
from ..._options.patterns import ORIGINS
from ...errors import RISKS
from ..check.judge import judge, show_value
from ..check.machine import as_dict
from ..check.subject import Subject, UnreadableError
from ..command import add_format, new_parser, read_text, run
from ..terminal import Style, as_text, count
from ..toml import comment_lines, toml_lines
from . import envoy, haproxy, kubernetes, nginx

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from ..check.report import Report
    from .reading import Found, Reading

DESCRIPTION = """\
Read the CORS policy of a proxy or gateway, as far as it is static, and check it.

  ingress-nginx  the annotations of each Ingress in a YAML file
  gateway-api    the CORS filters of each HTTPRoute in a YAML file
  envoy          the CORS filter in a bootstrap or a RouteConfiguration, YAML or JSON
  nginx          add_header, map and if, in each server and location; includes are followed
  haproxy        the response headers and ACLs of each section

The output is a TOML file. Its comments show what could not be read, and the report of
`corsfast check`. Several different policies are tables of this file.
"""
EPILOG = "Exit status: 0 imported, 1 problems or parts not read, 2 nothing that could be imported."

FORMATS: dict[str, Callable[[str, str], Reading]] = {
    "ingress-nginx": kubernetes.read_ingresses,
    "gateway-api": kubernetes.read_routes,
    "envoy": envoy.read_envoy,
    "nginx": nginx.read_nginx,
    "haproxy": haproxy.read_haproxy,
}
# Codes of names that browsers ignore, so that nothing is lost without them.
HARMLESS = frozenset({"forbidden-header", "forbidden-method"})


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    return run(parser, argv, _imported)


def add_arguments(parser: ArgumentParser) -> None:
    """Add all arguments of the command."""
    parser.add_argument("file", metavar="FILE", help="- reads standard input")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FORMAT",
        choices=FORMATS,
        required=True,
        help=", ".join(FORMATS),
    )
    add_format(parser)


@dataclass
class _Policy:
    """A policy, the places that have it, and the report about it.

    Attributes:
        options: the options without the values that the report rejects and that are no risks.
    """

    found: Found
    names: list[str]
    report: Report
    options: dict[str, object]


def _imported(given: Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    name, text = read_text(given.file, MAX_POLICY_FILE)
    try:
        reading = FORMATS[given.source](name, text)
    except RecursionError:
        raise UnreadableError(f"{name}: it is nested too deeply") from None
    if not reading.policies:
        raise UnreadableError(
            "\n".join([f"{name}: no CORS policy of {given.source} was found", *reading.unread])
        )
    policies = list(_judged(reading))
    status = 1 if reading.unread or any(each.report.status for each in policies) else 0
    if given.format == "json":
        return _as_json(policies, reading), status
    return "\n".join(_as_toml(policies, reading, name, Style.of(sys.stdout))), status


def _judged(reading: Reading) -> Iterator[_Policy]:
    """Yield each policy once, with the report of the checks."""
    alike: dict[str, list[Found]] = {}
    for found in reading.policies:
        alike.setdefault(repr(found.options), []).append(found)
    for found, *others in alike.values():
        names = list(dict.fromkeys(each.name for each in (found, *others)))
        yield _judge(found, names)


def _judge(found: Found, names: list[str]) -> _Policy:
    def label(option: str, index: int | None) -> str:
        listed = found.options.get(option)
        entry = listed[index] if isinstance(listed, list) and index is not None else None
        place = found.places.get((option, entry)) or found.places.get((option, None))
        return f"{place or name}: {option}"

    name = ", ".join(names)
    origins = found.options[ORIGINS]
    assert isinstance(origins, list)
    written = Written(name, "toml", label, dict(found.options), entries=origins)
    subject = Subject(
        name,
        options=written.options,
        harmless=HARMLESS,
        literal="toml",
        written=written,
    )
    report = judge(subject)
    wrong = {
        (finding.option, finding.entry)
        for finding in (*report.problems, *report.warnings)
        if finding.code in HARMLESS or (finding in report.problems and finding.code not in RISKS)
    }
    options: dict[str, object] = {}
    for option in OPTIONS:
        value = found.options.get(option)
        if isinstance(value, list):
            value = [entry for entry in value if (option, show_value(entry)) not in wrong]
        if option == ORIGINS or value or (option == "max_age" and option in found.options):
            options[option] = value
    return _Policy(found, names, report, options)


# -- output ----------------------------------------------------------------------------------


def _as_json(policies: list[_Policy], reading: Reading) -> str:
    return json.dumps(
        {
            "policies": [
                {
                    "names": each.names,
                    "options": {
                        option: [
                            {"regex": entry.pattern} if isinstance(entry, re.Pattern) else entry
                            for entry in value
                        ]
                        if isinstance(value, list)
                        else value
                        for option, value in each.options.items()
                    },
                    "check": as_dict(each.report),
                }
                for each in policies
            ],
            "unread": list(reading.unread),
            "notes": list(reading.notes),
        },
        indent=2,
    )


def _as_toml(policies: list[_Policy], reading: Reading, file: str, style: Style) -> Iterator[str]:
    """Yield the lines of the policy file; everything else is in its comments."""
    narrow = Style(style.width - 2, colors=False)
    yield from comment_lines(f"corsfast import: {count(len(policies), 'policy')} in {file}", style)
    for title, items in (("Could not be read", reading.unread), ("Notes", reading.notes)):
        if items:
            yield from comment_lines(f"\n{title}:", style)
            for item in items:
                yield from comment_lines(narrow.sentence(printable(item), "  "), style)
    tables: dict[str, int] = {}
    for each in policies:
        yield ""
        if len(policies) > 1:
            yield f"[{_table(each.names[0], tables)}]"
        yield from comment_lines(as_text(each.report, narrow), style)
        yield ""
        yield from toml_lines(each.options, partial(_place, each.found), style)


def _place(found: Found, option: str, entry: object) -> str | None:
    """Return the place of an entry, or of an option other than the origins, as a comment."""
    if option == ORIGINS and entry is None:
        return None
    place = found.places.get((option, entry))
    return place and printable(place)


def _table(name: str, numbers: dict[str, int]) -> str:
    """Return a bare key for a name that is not taken.

    Args:
        numbers: the last number of each key that is taken.
    """
    key = base = re.sub("[^A-Za-z0-9_-]+", "-", name).strip("-") or "policy"
    number = numbers.get(base, 1)
    while key in numbers:
        number += 1
        key = f"{base}-{number}"
    numbers[base] = number
    numbers.setdefault(key, 1)
    return key
