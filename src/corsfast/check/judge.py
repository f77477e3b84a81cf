"""A Subject -> the Report: what `Policy` would refuse or warn of, each with a way out.

Place in the flow: Subject -> judge -> Report.
Never: print; know where a subject was read from.
"""

from __future__ import annotations

import ast
import json
import re

from ..corrections.proofs import foreign_risks, read_policy, string_problems
from ..corrections.repair import Way, repair, repair_string
from ..errors import Problem
from ..languages import language_of, regex_of, run_together
from ..origin import parse_origin
from ..patterns import Glob, HostRule, Within, write_pattern
from ..redundancy import redundancies
from ..safety import find_risks
from ..suffixes import public_suffix
from .report import Finding, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config import Spec
    from ..languages import Language
    from .subject import Applied, Subject

# What a regex or a wildcard can be corrected for.
_REPAIRABLE = frozenset(
    {
        "any-origin-with-credentials",
        "dead-pattern",
        "foreign-origin",
        "insecure-origin",
        "null-origin-with-credentials",
        "public-suffix",
    }
)


def judge(subject: Subject) -> Report:
    """Find everything that is wrong with a subject, and what to write instead."""
    report = Report(subject.name, subject.count())
    judged = _Judged(subject, report)
    for problem in subject.problems:
        judged.add(problem)
    if subject.options is not None:
        judged.options(subject.options)
    for applied in subject.regexes:
        judged.applied(applied)
    for problem in subject.warnings:
        judged.warn(problem)
    for found in (report.problems, report.warnings):
        # In the order of the source; and what is listed twice in it is one problem.
        found[:] = sorted(dict.fromkeys(found), key=judged.place)
    return report


class _Judged:
    """A report that is being written."""

    def __init__(self, subject: Subject, report: Report) -> None:
        self.subject = subject
        self.report = report
        self.places = {place: i for i, place in reversed(list(enumerate(_places(subject))))}

    def place(self, finding: Finding) -> tuple[int, int]:
        """Where a finding's option, and in it the entry, stands in the source."""
        last = len(self.places)
        option = self.places.get((finding.option, ""), last)
        return option, self.places.get((finding.option, finding.entry), last)

    # -- what is checked ---------------------------------------------------------------------

    def options(self, options: dict[str, object]) -> None:
        if "allow_origins" not in options:
            message = "allow_origins is missing; without it no origin is allowed."
            self.add(Problem("missing", "allow_origins", None, message))
            options = {**options, "allow_origins": ()}
        spec, problems = read_policy(options)
        languages = [language_of(entry) for entry in (*spec.globs, *spec.regexes)]
        for problem in problems:
            self.add(problem, own=spec)
        for risk in find_risks(spec, languages):
            self.risk(risk, spec.tolerated, own=spec)
        for problem in _performance(languages):
            self.warn(problem)
        for message in redundancies(spec, languages):
            self.warn(Problem("redundant", "allow_origins", None, message))

    def applied(self, applied: Applied) -> None:
        for risk in foreign_risks(applied.regex, applied.how, self.subject.credentials):
            self.risk(risk, self.subject.tolerated, applied=applied)

    # -- what is written down ----------------------------------------------------------------

    def risk(
        self,
        risk: Problem,
        tolerated: frozenset[str],
        own: Spec | None = None,
        applied: Applied | None = None,
    ) -> None:
        if risk.code in tolerated:
            self.report.warnings.append(self.finding(risk, None, applied, prefix="Tolerated: "))
        else:
            self.add(risk, own, applied)

    def add(
        self, problem: Problem, own: Spec | None = None, applied: Applied | None = None
    ) -> None:
        if problem.code in self.subject.harmless:
            self.warn(problem)
        else:
            self.report.problems.append(self.finding(problem, own, applied))

    def warn(self, problem: Problem) -> None:
        self.report.warnings.append(self.finding(problem, None, None))

    def finding(
        self, problem: Problem, own: Spec | None, applied: Applied | None, prefix: str = ""
    ) -> Finding:
        entry = applied.given if applied else show_value(problem.value)
        option = applied.option if applied else problem.option
        how = applied.how if applied else _how(problem.value)
        message = prefix + _without_value(problem, prefix)
        write, proven = None, False
        if not prefix:
            write, proven = self.way_out(problem, own, applied)
        return Finding(
            option=self.subject.labels.get(option, option),
            entry=entry,
            how=how,
            code=problem.code,
            message=message,
            witness=problem.witness,
            write=write,
            proven=proven,
        )

    # -- what to write instead ---------------------------------------------------------------

    def way_out(
        self, problem: Problem, own: Spec | None, applied: Applied | None
    ) -> tuple[str | None, bool]:
        """The correction, and whether it was proven."""
        value = problem.value
        if problem.option == "allow_origins" and (own or applied):
            if isinstance(value, (re.Pattern, Within)) and problem.code in _REPAIRABLE:
                text = self.repaired(value, own, applied)
                if text is not None:
                    return text, True
            elif isinstance(value, Glob) or (isinstance(value, str) and value != "*"):
                written = value if isinstance(value, str) else write_pattern(value)
                text, proven = self.replaced(problem, written, own)
                if text is not None:
                    return text, proven
        return _advice(problem, bool(applied)) or self.spelt(problem.hint), False

    def repaired(
        self, entry: re.Pattern[str] | Within, own: Spec | None, applied: Applied | None
    ) -> str | None:
        if applied is not None:
            way = Way(
                applied.how,
                self.subject.credentials,
                own=False,
                anchors=applied.anchors,
                tolerated=self.subject.tolerated,
            )
            text = repair(entry, way)
            return None if text is None else applied.write(text)
        assert own is not None
        way = Way("fullmatch", own.credentials, own=True, tolerated=own.tolerated)
        text = repair(entry, way)
        domains = entry.domains if isinstance(entry, Within) else ()
        return None if text is None else self.subject.write(text, domains)

    def replaced(self, problem: Problem, written: str, own: Spec | None) -> tuple[str | None, bool]:
        """A string instead of a string, if it stands the same proofs."""
        credentials = own is not None and own.credentials
        if problem.code == "looks-like-regex":
            return self.as_regex(written, own)
        meant = _literal(problem.hint)
        for start in (meant, written):
            if isinstance(start, str):
                text = repair_string(start, credentials)
                if text is not None:
                    return self.quoted(text), True
        if isinstance(meant, str):
            # What was meant is well-formed and has a problem of its own: say that one's advice.
            for other in string_problems(meant, credentials):
                return _advice(other, False), False
        return None, False

    def as_regex(self, written: str, own: Spec | None) -> tuple[str | None, bool]:
        try:
            regex = re.compile(written)
        except re.error:
            return None, False
        way = Way("fullmatch", own is not None and own.credentials, own=True)
        if not way.problems(regex):
            return self.subject.write(written, ()), True
        text = repair(regex, way)
        if text is None:
            return _advice(way.problems(regex)[0], False), False
        return self.subject.write(text, ()), True

    def quoted(self, text: str) -> str:
        return repr(text) if self.subject.literal == "python" else json.dumps(text)

    def spelt(self, hint: str | None) -> str | None:
        """A hint in the source's language rather than in Python."""
        if hint is None or self.subject.literal == "python":
            return hint
        value = _literal(hint)
        if value is None:
            return {"True or False": "true or false"}.get(hint, hint)
        if isinstance(value, tuple):
            return ", ".join(map(json.dumps, value))
        return json.dumps(value)


def _places(subject: Subject) -> Iterator[tuple[str, str]]:
    """Each option, followed by its entries."""
    for option, value in (subject.options or {}).items():
        label = subject.labels.get(option, option)
        yield label, ""
        if isinstance(value, (list, tuple)):
            yield from ((label, show_value(entry)) for entry in value)
    for applied in subject.regexes:
        yield from ((applied.option, entry) for entry in ("", applied.given))


def show_value(value: object) -> str:
    """An entry as it was written."""
    if isinstance(value, str):
        return value
    if isinstance(value, (re.Pattern, Within)):
        return regex_of(value).pattern
    if isinstance(value, (Glob, HostRule)):
        return write_pattern(value)
    # A list with a problem of its own is the option.
    return "" if value is None or isinstance(value, (list, tuple, dict)) else repr(value)


def _how(value: object) -> str | None:
    return "fullmatch" if isinstance(value, (re.Pattern, Within)) else None


def _without_value(problem: Problem, prefix: str) -> str:
    """The sentence, without the entry that stands above it."""
    message = problem.message
    for shown in (repr(problem.value), repr(show_value(problem.value))):
        for start in (f"{shown} ", f"{shown}: "):
            if message.startswith(start):
                subject = "" if start.endswith(": ") else "it "
                message = subject + message.removeprefix(start)
                break
    return message if prefix else message[:1].upper() + message[1:]


def _performance(languages: list[Language]) -> Iterator[Problem]:
    # What admits nothing is a problem already, and has no automaton to be united.
    _, left = run_together([item for item in languages if item.dfa is None or item.dfa.rows])
    for regex, beyond in left:
        message = (
            f"{regex.pattern!r} is matched by `re`, in time that a request may choose: {beyond}"
            " keeps it from being run as an automaton."
        )
        yield Problem("not-linear", "allow_origins", regex, message)


def _literal(hint: str | None) -> object:
    """The value of a hint that is written in Python; ``None`` if it is prose."""
    try:
        return ast.literal_eval(hint or "")
    except (SyntaxError, ValueError):
        return None


def _advice(problem: Problem, foreign: bool) -> str | None:
    """What to do where no corrected value can be written down."""
    origin = parse_origin(problem.witness or "")
    suffix = origin and public_suffix(origin.host)
    written = show_value(problem.value).replace("\\", "")
    if problem.code == "public-suffix" or (suffix and "." in suffix and suffix in written):
        name = f"https://NAME.{suffix}"
        return f"each name that is yours, as {name}; or use a domain of your own"
    if problem.code == "foreign-origin" and (foreign or problem.hint is None):
        return "the origins that are meant, one by one"
    if problem.code == "insecure-origin" and problem.hint is None:
        return "https alone, and http for localhost only"
    return None
