"""Turn a Subject into a Report: everything that `Policy` would reject or warn about, with fixes."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import NamedTuple

from ..._engine.tables import empty_list, globs_as_regexes, unmatchable_alternatives
from ..._loading.literals import WRITERS, respell
from ..._loading.schema import describe_option
from ..._loading.written import missing_origins
from ..._options.limits import MAX_EXPLAINED, MAX_POLICY_STEPS
from ..._options.patterns import Glob, HostRule, Network, Within
from ..._options.schemes import unmatchable_schemes
from ..._proofs import alternatives
from ..._proofs.automata import TooManyStatesError, limited
from ..._proofs.dialect import Diagnosis
from ..._proofs.languages import as_written, is_small, language_of, run_together
from ..._proofs.redundancy import redundancies
from ..._proofs.risks import divided, find_risks, too_many_steps_together
from ..._proofs.suggest import OF_THE_SIZE, policy_dialect, suggest
from ..._proofs.verify import foreign_risks, forget, read_policy
from ...errors import Problem
from .report import Finding, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..._proofs.languages import Language
    from .subject import Applied, Subject

# The codes of problems of form, for which the JSON Schema of a policy file describes the option.
FORM = {
    "bare-string",
    "choice",
    "list-in-string",
    "missing",
    "not-a-token",
    "out-of-range",
    "type",
    "unknown-option",
}

# The line and the index of an entry in a place as `Written.place` names it.
_PLACE = re.compile(r"(?:.*:([0-9]+): )?[a-z_.]+(?:\[([0-9]+)\])?")


class _Found(NamedTuple):
    """A problem as it was found.

    Attributes:
        diagnosis: finds a replacement; ``None`` if the problem's own hint is final.
        applied: the regex of other software that it is about.
        prefix: the start of the message about a tolerated risk.
    """

    problem: Problem
    diagnosis: Diagnosis | None = None
    applied: Applied | None = None
    warning: bool = False
    prefix: str = ""


def judge(subject: Subject) -> Report:
    """Find all problems of a subject, with a suggestion for each where possible."""
    forget()
    found = [*map(_Found, subject.problems)]
    try:
        with limited(MAX_POLICY_STEPS):
            if subject.options is not None:
                found.extend(_judge_options(subject, subject.options))
            for applied in subject.regexes:
                found.extend(_judge_regex(subject, applied))
    except TooManyStatesError:
        found.append(_Found(too_many_steps_together()))
    found += (_Found(problem, warning=True) for problem in subject.warnings)
    problems: list[_Found] = []
    warnings: list[_Found] = []
    for each in found:
        warned = each.warning or each.problem.code in subject.harmless
        (warnings if warned else problems).append(each)
    report = Report(subject.name, subject.count())
    with limited(MAX_POLICY_STEPS):  # beyond it, a problem has no correction
        report.problems.extend(_findings(subject, problems))
        report.warnings.extend(_findings(subject, warnings))
    places = {place: i for i, place in reversed(list(enumerate(_places(subject))))}
    last = len(places)

    def order(finding: Finding) -> tuple[int, ...]:
        match = _PLACE.fullmatch(finding.place)
        line, index = match.groups() if match else (None, None)
        return (
            int(line or sys.maxsize),
            places.get((finding.option, ""), last),
            int(index or -1),
            places.get((finding.option, finding.entry), last),
        )

    for findings in (report.problems, report.warnings):
        # In the order of the source. Duplicates count as one problem.
        findings[:] = sorted(dict.fromkeys(findings), key=order)
    return report


def _judge_options(subject: Subject, options: dict[str, object]) -> Iterator[_Found]:
    yield from map(_Found, missing_origins(options, subject.problems))
    options = {"allow_origins": (), **options}
    elsewhere = subject.problems or subject.regexes  # entries that were left out
    if not elsewhere:
        for problem in empty_list("allow_origins", options["allow_origins"]):
            yield _Found(problem, warning=True)
    spec, problems = read_policy(options)
    languages = [language_of(entry) for entry in (*spec.globs, *spec.regexes)]
    diagnosis = Diagnosis(policy_dialect(spec))
    for problem in problems:
        yield _Found(problem, diagnosis)
    for problem in unmatchable_schemes(spec.exact):
        yield _Found(problem, diagnosis, warning=problem.code != "unmatchable-scheme")
    risks = [*find_risks(spec, languages, diagnosis.steps)]
    too_large = {id(risk.value) for risk in risks if risk.code in OF_THE_SIZE}
    regexes = [entry for entry in spec.regexes if id(entry) not in too_large]
    with divided(diagnosis.steps):
        for problem in unmatchable_alternatives(regexes):
            yield _Found(problem, diagnosis, warning=True)
        yield from _judge_risks(risks, spec.tolerated, diagnosis)
        for problem in globs_as_regexes(spec.regexes, risks):
            yield _Found(problem, diagnosis, warning=True)
        for problem in _performance(it for it in languages if id(it.entry) not in too_large):
            yield _Found(problem, warning=True)
        for message in redundancies(spec, languages):
            yield _Found(Problem("redundant", "allow_origins", None, message), warning=True)


def _judge_regex(subject: Subject, applied: Applied) -> Iterator[_Found]:
    match = replace(applied.dialect.match, tolerated=subject.tolerated)
    diagnosis = Diagnosis(replace(applied.dialect, match=match))
    risks = foreign_risks(applied.regex, match.how, match.credentials)
    yield from _judge_risks(risks, subject.tolerated, diagnosis, applied)
    for problem in alternatives.unmatchable_alternatives(applied.regex, match.how, null=True):
        yield _Found(problem, diagnosis, applied, warning=True)
    for problem in globs_as_regexes([applied.regex], risks):
        yield _Found(problem, diagnosis, applied, warning=True)


def _judge_risks(
    risks: Iterable[Problem],
    tolerated: frozenset[str],
    diagnosis: Diagnosis,
    applied: Applied | None = None,
) -> Iterator[_Found]:
    for risk in risks:
        if risk.code in tolerated:
            yield _Found(risk, None, applied, True, "Tolerated: ")
        else:
            yield _Found(risk, diagnosis, applied)


def _findings(subject: Subject, found: list[_Found]) -> Iterator[Finding]:
    """Yield the findings of the first problems, and one that counts the others."""
    for each in found[:MAX_EXPLAINED]:
        yield _finding(subject, each)
    others = found[MAX_EXPLAINED:]
    if len(others) == 1:
        yield _finding(subject, others[0])
    elif others:
        message = (
            f"{len(others)} more are not shown; the limit of explanations is {MAX_EXPLAINED}"
            " (MAX_EXPLAINED)."
        )
        option = others[0].problem.option
        yield _finding(subject, _Found(Problem("too-long", option, None, message)))


def _finding(subject: Subject, found: _Found) -> Finding:
    problem, diagnosis, applied, _, prefix = found
    option = applied.option if applied else problem.option
    message = prefix + _without_value(problem, prefix)
    if problem.code == "looks-like-regex":
        regex = WRITERS[subject.literal]("...", ())
        message = message.replace("re.compile(...)", regex)
    write, proven = (None if prefix else problem.hint), False
    if diagnosis is not None:
        write, proven = suggest(problem, diagnosis)
    if not (applied and proven):  # a regex of other software is in its own syntax already
        write = respell(write, subject.literal)
    return Finding(
        option=subject.labels.get(option, option),
        entry=applied.given if applied else show_value(problem.value),
        how=applied.dialect.match.how if applied else _how(problem.value),
        code=problem.code,
        message=message,
        example=problem.example,
        write=write,
        proven=proven,
        place=applied.option if applied else subject.placed(problem),
        about=_about(problem),
    )


def _about(problem: Problem) -> str | None:
    if problem.code not in FORM:
        return None
    return describe_option(problem.option) or describe_option(problem.hint or "")


def _places(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield each option, followed by its entries."""
    for option, value in (subject.options or {}).items():
        label = subject.labels.get(option, option)
        yield label, ""
        if isinstance(value, (list, tuple)):
            yield from ((label, show_value(entry)) for entry in value)
    for applied in subject.regexes:
        yield from ((applied.option, entry) for entry in ("", applied.given))


def show_value(value: object) -> str:
    """Return an entry as it was written."""
    if isinstance(value, (str, re.Pattern, Within, Glob, HostRule, Network)):
        return as_written(value)
    # A list is the value of the whole option, so there is no entry to show.
    return "" if value is None or isinstance(value, (list, tuple, dict)) else repr(value)


def _how(value: object) -> str | None:
    return "fullmatch" if isinstance(value, (re.Pattern, Within)) else None


def _without_value(problem: Problem, prefix: str) -> str:
    """Return the sentence without the entry, which is printed above it."""
    message = problem.message
    for shown in (repr(problem.value), repr(show_value(problem.value))):
        for start in (f"{shown} ", f"{shown}: "):
            if message.startswith(start):
                subject = "" if start.endswith(": ") else "it "
                message = subject + message.removeprefix(start)
                break
    return message if prefix else message[:1].upper() + message[1:]


def _performance(languages: Iterable[Language]) -> Iterator[Problem]:
    # A language that matches nothing is a problem already, and has no automaton to unite.
    matching = [
        item for item in languages if is_small(item.entry) or item.dfa is None or item.dfa.rows
    ]
    _, left = run_together(matching)
    for regex, reason in left:
        message = (
            f"{regex.pattern!r} is matched by `re`, so a request can make matching slow: it cannot"
            f" be run as an automaton, because of {reason}."
        )
        yield Problem("not-linear", "allow_origins", regex, message)
