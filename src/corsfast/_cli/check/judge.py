"""Turn a Subject into a Report: everything that `Policy` would reject or warn about, with fixes."""

from __future__ import annotations

import re

from ..._engine.tables import dead_alternatives, empty_list, globs_as_regexes
from ..._loading.literals import WRITERS, respell
from ..._loading.written import missing_origins
from ..._options.patterns import Glob, HostRule, Network, Within, parse_pattern
from ..._options.schemes import dead_schemes
from ..._proofs import alternatives
from ..._proofs.advice import ONE_BY_ONE, advice_for, literal
from ..._proofs.languages import as_written, language_of, run_together
from ..._proofs.python_source import as_regex, in_source
from ..._proofs.redundancy import redundancies
from ..._proofs.regex_fixes import Way, repair
from ..._proofs.risks import find_risks
from ..._proofs.suggest import meant_otherwise, offer_for
from ..._proofs.verify import foreign_risks, read_policy
from ...errors import Problem
from .report import Finding, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..._options.spec import Spec
    from ..._proofs.languages import Language
    from .subject import Applied, Subject

# The problems of a regex or a wildcard that can be repaired.
_REPAIRABLE = frozenset(
    {
        "any-extension",
        "any-origin-with-credentials",
        "dead-alternative",
        "dead-pattern",
        "foreign-origin",
        "glob-as-regex",
        "insecure-origin",
        "null-origin-with-credentials",
        "public-suffix",
    }
)


def judge(subject: Subject) -> Report:
    """Find all problems of a subject, with a suggestion for each where possible."""
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
        # In the order of the source. Duplicates count as one problem.
        found[:] = sorted(dict.fromkeys(found), key=judged.place)
    return report


class _Judged:
    """A report under construction."""

    def __init__(self, subject: Subject, report: Report) -> None:
        self.subject = subject
        self.report = report
        self.places = {place: i for i, place in reversed(list(enumerate(_places(subject))))}

    def place(self, finding: Finding) -> tuple[int, int]:
        """Return the position of a finding's option, and of its entry, in the source."""
        last = len(self.places)
        option = self.places.get((finding.option, ""), last)
        return option, self.places.get((finding.option, finding.entry), last)

    # -- checks ------------------------------------------------------------------------------

    def options(self, options: dict[str, object]) -> None:
        for problem in missing_origins(options, self.subject.problems):
            self.add(problem)
        options = {"allow_origins": (), **options}
        elsewhere = self.subject.problems or self.subject.regexes  # entries that were left out
        if not elsewhere:
            for problem in empty_list("allow_origins", options["allow_origins"]):
                self.warn(problem)
        spec, problems = read_policy(options)
        languages = [language_of(entry) for entry in (*spec.globs, *spec.regexes)]
        for problem in problems:
            self.add(problem, own=spec)
        for problem in dead_schemes(spec.exact):
            if problem.code == "dead-scheme":
                self.add(problem, own=spec)
            else:
                self.warn(problem, own=spec)
        for problem in dead_alternatives(spec.regexes):
            self.warn(problem, own=spec)
        risks = [*find_risks(spec, languages)]
        for risk in risks:
            self.risk(risk, spec.tolerated, own=spec)
        for problem in globs_as_regexes(spec.regexes, risks):
            self.warn(problem, own=spec)
        for problem in _performance(languages):
            self.warn(problem)
        for message in redundancies(spec, languages):
            self.warn(Problem("redundant", "allow_origins", None, message))

    def applied(self, applied: Applied) -> None:
        risks = foreign_risks(applied.regex, applied.how, self.subject.credentials)
        for risk in risks:
            self.risk(risk, self.subject.tolerated, applied=applied)
        for problem in alternatives.dead_alternatives(applied.regex, applied.how, null=True):
            self.warn(problem, applied=applied)
        for problem in globs_as_regexes([applied.regex], risks):
            self.report.warnings.append(self.finding(problem, None, applied))

    # -- findings ----------------------------------------------------------------------------

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

    def warn(
        self, problem: Problem, own: Spec | None = None, applied: Applied | None = None
    ) -> None:
        self.report.warnings.append(self.finding(problem, own, applied))

    def finding(
        self, problem: Problem, own: Spec | None, applied: Applied | None, prefix: str = ""
    ) -> Finding:
        entry = applied.given if applied else show_value(problem.value)
        option = applied.option if applied else problem.option
        how = applied.how if applied else _how(problem.value)
        message = prefix + _without_value(problem, prefix)
        if problem.code == "looks-like-regex":
            regex = WRITERS[self.subject.literal]("...", ())
            message = message.replace("re.compile(...)", regex)
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

    # -- suggestions -------------------------------------------------------------------------

    def way_out(
        self, problem: Problem, own: Spec | None, applied: Applied | None
    ) -> tuple[str | None, bool]:
        """Return the suggestion, and whether it was proven."""
        if applied is not None:
            text = self.repaired(problem, applied)
            if text is not None:
                return text, True
            return _foreign_advice(problem) or self.spelt(problem.hint), False
        if problem.option == "allow_origins" and own is not None:
            offer = offer_for(problem, credentials=own.credentials, tolerated=own.tolerated)
            if offer.entries:
                text = ", ".join(map(in_source, offer.entries))
                return self.spelt(f"[{text}]" if problem.code == "bare-string" else text), True
            if offer.advice is not None:
                return offer.advice, False
            return (None if literal(problem.hint) else self.spelt(problem.hint)), False
        return self.spelt(problem.hint), False

    def repaired(self, problem: Problem, applied: Applied) -> str | None:
        if not isinstance(problem.value, re.Pattern) or problem.code not in _REPAIRABLE:
            return None
        otherwise = self.otherwise(applied)
        if otherwise is not None:
            return otherwise
        way = Way(
            applied.how,
            self.subject.credentials,
            own=False,
            anchors=applied.anchors,
            tolerated=self.subject.tolerated,
            alternatives=problem.code == "dead-alternative",
        )
        text = repair(problem.value, way)
        return None if text is None else applied.write(text)

    def otherwise(self, applied: Applied) -> str | None:
        """Return the regex for a glob that was written as a regex."""
        texts = []
        for pattern in meant_otherwise(applied.regex.pattern):
            rule = parse_pattern(pattern)
            one = re.escape(pattern)
            written = as_regex(rule) if isinstance(rule, (Glob, HostRule, Network)) else one
            if written is None:
                return None
            texts.append(written)
        inner = "|".join(texts) if len(texts) == 1 else f"(?:{'|'.join(texts)})"
        text = inner.join(applied.anchors)
        how, credentials = applied.how, self.subject.credentials
        if not texts or foreign_risks(re.compile(text), how, credentials):
            return None
        return applied.write(text)

    def spelt(self, hint: str | None) -> str | None:
        """Return a hint in the source's language instead of Python."""
        return respell(hint, self.subject.literal)


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
    # A list with its own problem is the whole option, so no entry is shown.
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


def _performance(languages: list[Language]) -> Iterator[Problem]:
    # A language that matches nothing is a problem already, and has no automaton to unite.
    _, left = run_together([item for item in languages if item.dfa is None or item.dfa.rows])
    for regex, beyond in left:
        message = (
            f"{regex.pattern!r} is matched by `re`, in time that a request may choose: {beyond}"
            " keeps it from being run as an automaton."
        )
        yield Problem("not-linear", "allow_origins", regex, message)


def _foreign_advice(problem: Problem) -> str | None:
    """Return advice for a regex of other software that cannot be rewritten."""
    said = advice_for(problem)
    if problem.code == "foreign-origin" and said == problem.hint:
        return ONE_BY_ONE
    return None if said == problem.hint else said
