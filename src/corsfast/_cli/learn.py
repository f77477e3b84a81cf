"""The command ``corsfast learn FILE...``: write the smallest policy that covers the traffic.

    files  ->  Traffic  ->  Learned  ->  TOML with comments, or JSON

Everything that is proposed passes `check`. An entry that does not is only named in a comment.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import lru_cache

from .._engine.headers import allows_method, names_not_allowed
from .._explain.explanation import printable
from .._explain.requests import InputError
from .._explain.traffic import MAX_DISTINCT, Asked, Traffic
from .._options import fetch
from .._options.origin import parse_origin
from .._options.patterns import ORIGINS, parse_pattern, write_pattern
from .._proofs.changes import Change, side_of
from .._proofs.families import Family
from .check.judge import judge
from .check.subject import Subject, UnreadableError
from .command import add_format, new_parser, run
from .diff import change_lines, read_side, usable_side
from .terminal import Style, count
from .toml import comment_lines, toml_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from .._proofs.changes import Side

DESCRIPTION = """\
Write the smallest policy that covers the traffic in

  recordings   HAR files, as developer tools export them
  access logs  in the combined format, followed by "%{Origin}i" (nginx: "$http_origin")
               and optionally by "%{Access-Control-Request-Method}i" and
               "%{Access-Control-Request-Headers}i"
  refusals     lines of the logger corsfast.refused

The output is a TOML file. Its comments name what was only refused, what --policy grants
without use, and what --stricter would refuse.
"""
EPILOG = "Exit status: 0 learned, 1 --stricter would refuse some, 2 nothing that could be learned."

# Origins that one pattern has to match before --generalize writes it in their place.
MIN_GENERALIZED = 3
# Groups of origins that are alike for which --generalize proves a pattern, the largest first. Each
# takes the time of a check of all origins: up to 100 ms.
MAX_GROUPS = 100
# The name of standard input, as in the errors of other commands.
STDIN = "<stdin>"
# Values of one kind that a comment lists; --json lists all.
SHOWN = 50
# Traffic does not show these options, so they are copied from --policy.
KEPT = ("max_age", "preflight_status", "existing", "timing_allow_origin")
NAMES = ("allow_methods", "allow_headers", "expose_headers")


def main(argv: list[str], program: str) -> int:
    """Run the command with its arguments; return the exit status."""
    parser = new_parser(program, DESCRIPTION, EPILOG)
    add_arguments(parser)
    return run(parser, argv, _answer, InputError)


def add_arguments(parser: ArgumentParser) -> None:
    """Add all arguments of the command."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="- is standard input")
    parser.add_argument(
        "--policy", metavar="FILE", help="today's policy, as for corsfast diff; it decides"
    )
    parser.add_argument(
        "--stricter", metavar="FILE", help="a planned policy: tell which origins it would refuse"
    )
    parser.add_argument(
        "--own", metavar="ORIGIN", nargs="+", default=[], help="origins of the server itself"
    )
    parser.add_argument(
        "--generalize",
        action="store_true",
        help=f"write a pattern for {MIN_GENERALIZED} or more origins that are alike",
    )
    add_format(parser)


def _answer(given: Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    subjects = {
        name: read_side(text)
        for name in ("policy", "stricter")
        if (text := getattr(given, name)) is not None
    }
    sides = {name: usable_side(subject) for name, subject in subjects.items()}
    today = sides.get("policy")
    traffic = read_traffic(given.files, today)
    for counts in (traffic.served, traffic.refused):
        for asked in [asked for asked in counts if asked.origin in given.own]:
            del counts[asked]
    learned = learn(traffic, today, generalize=given.generalize)
    affected: Counter[tuple[str, str]] = Counter()
    if "stricter" in sides:
        for asked, number in traffic.served.items():
            reason = refusal(sides["stricter"], asked)
            if reason is not None:
                affected[asked.origin, reason] += number
    status = 1 if affected else 0
    if given.format == "json":
        return as_json(learned, affected), status
    names = {name: subject.name for name, subject in subjects.items()}
    return "\n".join(as_toml(learned, affected, names, Style.of(sys.stdout))), status


def read_traffic(files: Iterable[str], today: Side | None) -> Traffic:
    """Read all files.

    Raises:
        InputError, UnreadableError: for a file that cannot be read, or without any request.
    """
    traffic = Traffic()
    if today is not None:
        traffic.refuses = lru_cache(MAX_DISTINCT)(lambda asked: refusal(today, asked) is not None)
    for name in files:
        if name == "-":
            if sys.stdin is not None:  # it is None if the caller has closed it
                traffic.read(sys.stdin.buffer, STDIN)
            continue
        try:
            with open(name, "rb") as file:
                traffic.read(file, name)
        except OSError as error:
            raise UnreadableError(f"{name}: {error.strerror}") from None
    if not traffic.served and not traffic.refused:
        names = ", ".join(STDIN if name == "-" else name for name in files)
        raise UnreadableError(
            f"{names}: there is no cross-origin request in it; an access log needs the Origin as"
            " its last field, and is not read if it is JSON (see --help)"
        )
    return traffic


def refusal(side: Side, asked: Asked) -> str | None:
    """Return the part of a request that a policy refuses; ``None`` if it allows the request."""
    spec = side.spec
    if not side.allows(asked.origin):
        return "the origin"
    # With credentials, a policy names what its `*` allows, so the `*` counts here.
    methods = (*spec.methods, "*") if spec.any_method else spec.methods
    if asked.method is not None and not allows_method(methods, asked.method, credentials=False):
        return f"the method {asked.method}"
    names = {*map(str.lower, (*spec.headers, *fetch.SAFELISTED_REQUEST_HEADERS))}
    names |= {"*"} if spec.any_header else set()
    for name in names_not_allowed(names, map(str.lower, asked.names), credentials=False):
        return f"the header {name}"
    return "credentials" if asked.cookies and not spec.credentials else None


# -- the policy ------------------------------------------------------------------------------


@dataclass
class Learned:
    """A policy that covers the traffic.

    Attributes:
        counts: the number of requests for each option and value.
        left_out: the values that `check` would reject, with the code of the problem.
        only_refused: the values that were seen only in refused requests, by option.
        unused: what today's policy allows and this one does not.
        patterns: the patterns of ``--generalize``, with the origins that each replaces.
        groups: the number of groups of origins that are alike.
    """

    traffic: Traffic
    options: dict[str, object]
    counts: dict[str, Counter[str]]
    only_refused: dict[str, Counter[str]]
    left_out: list[tuple[str, str, str]] = field(default_factory=list)
    unused: tuple[Change, ...] = ()
    patterns: dict[str, list[str]] = field(default_factory=dict)
    groups: int = 0


def learn(traffic: Traffic, today: Side | None = None, *, generalize: bool = False) -> Learned:
    """Return the smallest policy that covers the requests that were served."""
    served, refused = _counted(traffic.served), _counted(traffic.refused)
    only_refused = {
        option: Counter({value: n for value, n in counts.items() if value not in served[option]})
        for option, counts in refused.items()
    }
    options: dict[str, object] = {option: sorted(counts) for option, counts in served.items()}
    cookies = any(asked.cookies for asked in traffic.served)
    if today is not None:
        before: dict[str, object] = {**today.spec.options()}
        defaults: dict[str, object] = {**side_of({}).spec.options()}
        options |= {name: before[name] for name in KEPT if before[name] != defaults[name]}
        options["dangerously_tolerate"] = before["dangerously_tolerate"]
        if not traffic.shows_cookies:
            cookies = cookies or today.spec.credentials
            options["expose_headers"] = [name for name in today.spec.expose if name != "*"]
        else:
            exposed = {name.lower() for name in today.spec.expose}
            options["expose_headers"] = [
                name for name in sorted(served["expose_headers"]) if {name, "*"} & exposed
            ]
    options["allow_credentials"] = cookies
    learned = Learned(traffic, options, served, only_refused)
    _drop_problems(learned)
    if generalize:
        _generalize(learned, today)
    options = learned.options
    learned.options = {name: value for name, value in options.items() if value is not False}
    for name in (*NAMES, "dangerously_tolerate"):
        if not learned.options[name]:
            del learned.options[name]
    if today is not None:
        learned.unused = today.compared_with(side_of(learned.options)).removed
    return learned


def _counted(requests: Counter[Asked]) -> dict[str, Counter[str]]:
    """Return how many requests need each value of an option."""
    counts: dict[str, Counter[str]] = {option: Counter() for option in (ORIGINS, *NAMES)}
    for asked, number in requests.items():
        counts[ORIGINS][asked.origin] += number
        if asked.method is not None and asked.method not in fetch.SAFELISTED_METHODS:
            counts["allow_methods"][asked.method] += number
        for option, names in (("allow_headers", asked.names), ("expose_headers", asked.exposed)):
            for name in names:
                counts[option][name.lower()] += number
    for name in fetch.SAFELISTED_REQUEST_HEADERS:
        counts["allow_headers"].pop(name.lower(), None)
    return counts


def _drop_problems(learned: Learned) -> None:
    """Leave out the values that `check` rejects, and the risks that need not be tolerated."""
    options = learned.options
    while problems := judge(Subject("", options=options)).problems:
        wrong = {(each.option, each.entry): each.code for each in problems}
        for (option, value), code in wrong.items():
            listed = options[option]
            assert isinstance(listed, list), f"{option}: {code}"
            listed.remove(value)
            learned.left_out.append((option, value, code))
    report = judge(Subject("", options=options))
    tolerated = {each.code for each in report.warnings if each.message.startswith("Tolerated: ")}
    options["dangerously_tolerate"] = sorted(tolerated)


def _generalize(learned: Learned, today: Side | None) -> None:
    """Replace origins that are alike by patterns that `check` accepts and today's policy covers.

    Without today's policy, the origins have to be of recordings, because anyone can send those of a
    log, and a pattern would allow even more of them.
    """
    groups = _groups(learned.options[ORIGINS])
    learned.groups = len(groups)
    if learned.traffic.uncertain:
        return
    of_today = [] if today is None else map(write_pattern, (*today.spec.globs, *today.spec.rules))
    for pattern in (*of_today, *groups[:MAX_GROUPS]):
        origins: list[str] = list(learned.options[ORIGINS])  # type: ignore[call-overload]
        entry = parse_pattern(pattern)
        if entry is None or isinstance(entry, str):
            continue
        family = Family(entry)
        matched = [each for each in origins if parse_origin(each) and family.matches(each)]
        if len(matched) < MIN_GENERALIZED:
            continue
        kept = [each for each in origins if each not in matched]
        options = learned.options | {ORIGINS: sorted([*kept, pattern])}
        found = judge(Subject("", options=options))
        if found.problems or found.warnings:
            continue
        if today is not None and today.compared_with(side_of(options)).added:
            continue
        learned.options, learned.patterns[pattern] = options, matched


def _groups(origins: object) -> list[str]:
    """Return patterns for origins that differ in one part: in the host, then in the port.

    The pattern of the largest group is the first of its kind.
    """
    hosts: dict[tuple[str, str, int], list[str]] = {}
    ports: Counter[str] = Counter()
    assert isinstance(origins, list)
    for origin in origins:
        parts = parse_origin(origin)
        if parts is not None:
            scheme, host, port = parts
            label, _, parent = host.partition(".")
            hosts.setdefault((scheme, parent, port), []).append(label)
            ports[f"{scheme}://{host}"] += 1
    patterns = []
    for (scheme, parent, port), labels in sorted(hosts.items(), key=lambda it: -len(it[1])):
        if len(labels) < MIN_GENERALIZED:
            break
        # A prefix of the first and the last label is a prefix of all between them.
        common = re.match(r"(.*-).*\n\1", f"{min(labels)}\n{max(labels)}")
        prefix = common[1] if common else ""
        number = "" if port in (0, fetch.DEFAULT_PORTS.get(scheme)) else f":{port}"
        patterns.append(f"{scheme}://{prefix}*.{parent}{number}")
    alike = (start for start, number in ports.most_common() if number >= MIN_GENERALIZED)
    return [*patterns, *(f"{start}:*" for start in alike)]


# -- output ----------------------------------------------------------------------------------


def as_json(learned: Learned, affected: Counter[tuple[str, str]]) -> str:
    """Return everything as one object."""
    traffic = learned.traffic
    numbers = ("uncertain", "malformed", "unread", "forgotten")
    return json.dumps(
        {
            "options": learned.options,
            "requests": learned.counts,
            "patterns": learned.patterns,
            "only_refused": learned.only_refused,
            "left_out": [
                dict(zip(("option", "entry", "code"), it, strict=True)) for it in learned.left_out
            ],
            "unused": [asdict(change) for change in learned.unused],
            "affected": [
                {"origin": origin, "refused": reason, "requests": number}
                for (origin, reason), number in affected.most_common()
            ],
            "traffic": {name: getattr(traffic, name) for name in numbers},
        },
        indent=2,
    )


def as_toml(
    learned: Learned,
    affected: Counter[tuple[str, str]],
    names: dict[str, str],
    style: Style,
) -> Iterator[str]:
    """Yield the lines of the policy file; the report is in its comments."""
    narrow = Style(style.width - 2, colors=False)
    for paragraph in _notes(learned):
        yield from comment_lines(narrow.sentence(paragraph, ""), style)
    yield ""

    def comment(option: str, entry: object) -> str | None:
        if not isinstance(entry, str) or option not in learned.counts:
            return None
        matched = learned.patterns.get(entry)  # of --generalize
        number = learned.counts[option][entry]
        if matched is not None:
            return f"in place of {count(len(matched), 'origin')}"
        return count(number, "request") if number else "of today's policy"

    yield from toml_lines(learned.options, comment, style)
    sections = {
        "Seen only in refused requests, so not allowed": [
            f"{option}: {value}  ({count(number, 'request')})"
            for option, counts in learned.only_refused.items()
            for value, number in counts.most_common()
        ],
        "Left out, because corsfast check rejects it": [
            f"{option}: {value}  ({code})" for option, value, code in learned.left_out
        ],
        f"Granted by {names.get('policy')} without use": [
            "\n".join(change_lines(change, Style(style.width - 2, colors=False)))[2:]
            for change in learned.unused
        ],
        f"Affected by {names.get('stricter')}": [
            f"{origin}: {reason}  ({count(number, 'request')})"
            for (origin, reason), number in affected.most_common()
        ],
    }
    for title, items in sections.items():
        if items:
            more = [f"  and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
            lines = "\n".join([f"{title}:", *items[:SHOWN], *more]).replace("\n", "\n  ")
            yield ""
            yield from comment_lines("\n".join(map(printable, lines.split("\n"))), style)


def _notes(learned: Learned) -> Iterator[str]:
    traffic = learned.traffic
    served, refused = traffic.served.total(), traffic.refused.total()
    yield f"corsfast learn: {count(served, 'request')} served, {count(refused, 'request')} refused"
    if traffic.uncertain:
        yield (
            "An access log does not say whether a request was allowed, and anyone can send any"
            f" Origin. This is so for {count(traffic.uncertain, 'request')}. Read each entry before"
            " you use it, or name today's policy with --policy."
        )
    if not traffic.shows_cookies:
        yield "A log shows neither cookies nor response headers."
    elif not learned.options.get("allow_credentials"):
        yield "No request had cookies; recordings without sensitive data lack them."
    if learned.groups and traffic.uncertain:
        yield (
            "--generalize writes no pattern for the origins of an access log without --policy,"
            " because anyone can send them."
        )
    elif learned.groups > MAX_GROUPS:
        yield (
            f"--generalize tried a pattern for {MAX_GROUPS} of {learned.groups} groups of origins"
            " that are alike (MAX_GROUPS)."
        )
    for number, what in (
        (traffic.malformed, "values of Origin that no browser sends"),
        (traffic.unread, "lines in no known format"),
        (traffic.forgotten, f"rare requests, over MAX_DISTINCT ({MAX_DISTINCT})"),
    ):
        if number:
            yield f"Not counted, {what}: {number}."
