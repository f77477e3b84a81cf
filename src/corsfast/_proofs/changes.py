"""Compare two policies: what the new one allows that the old one does not, and the reverse.

    Side, Side  ->  compared_with  ->  PolicyDiff

The origins are compared as sets, not entry by entry: an entry of the new policy is only a change if
it matches an origin that no entry of the old one matches.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice

from .._options import fetch
from .._options.limits import MAX_PATTERN_STEPS, MAX_POLICY_STEPS
from .._options.origin import is_origin
from .._options.patterns import ORIGINS
from .._options.records import NamedTuple
from ..errors import RISKS, Problem
from .automata import (
    OutOfStepsError,
    TooManyStatesError,
    accepts,
    intersect,
    limited,
    minimise,
    spend,
    steps_left,
    subtract,
)
from .families import ANY, ANY_WEB, Family, shortest_origins
from .languages import as_written
from .risks import CANDIDATES, find_risks, too_many_steps_together
from .summaries import MAX_STATES, patterns_of
from .verify import foreign_risks, own_risks, read_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from typing import Any

    from .._options.spec import Spec
    from .automata import Dfa

UNKNOWN, SAME, NARROWER, WIDER = "unknown", "same", "narrower", "wider"
STATUS = {SAME: 0, NARROWER: 0, WIDER: 1, UNKNOWN: 2}


@dataclass(frozen=True)
class Change:
    """Something that only one of two policies allows.

    Attributes:
        option: the option that allows it.
        entry: the entry of that option as text: an origin, a pattern, a method, a header name.
        example: for origins, the shortest origin that only this policy allows.
        pattern: for origins, patterns for all such origins, if they can be written simply.
        reason: why it is not known what the entry allows; ``None`` if the change is certain.
    """

    option: str
    entry: str
    example: str | None = None
    pattern: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class PolicyDiff:
    """The result of ``old.diff(new)``. Immutable; available as ``corsfast.PolicyDiff``.

    Attributes:
        added: what only the new policy allows.
        removed: what only the old policy allows.
        risks: the risks of the new policy that the old one does not have, tolerated or not.
    """

    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    risks: tuple[Problem, ...]

    @property
    def verdict(self) -> str:
        """``"wider"``, ``"unknown"``, ``"narrower"`` or ``"same"``."""
        if any(change.reason is None for change in self.added):
            return WIDER
        if self.added:
            return UNKNOWN
        return NARROWER if self.removed else SAME

    @property
    def status(self) -> int:
        """The exit status of ``corsfast diff``, which is 1 if wider, 2 if unknown, else 0."""
        return STATUS[self.verdict]

    def as_dict(self) -> dict[str, object]:
        """Return the result as values of JSON."""
        return {
            "verdict": self.verdict,
            "added": [asdict(change) for change in self.added],
            "removed": [asdict(change) for change in self.removed],
            "risks": [
                {
                    "code": risk.code,
                    "option": risk.option,
                    "entry": "" if risk.value is None else as_written(risk.value),
                    "message": risk.message,
                    "example": risk.example,
                }
                for risk in self.risks
            ],
        }


@dataclass
class Side:
    """A policy to compare: its options, and regexes of other software with the way to apply them.

    Attributes:
        problems: problems of the options other than risks. Such a policy cannot be made.
    """

    spec: Spec
    applied: Sequence[tuple[re.Pattern[str], str]] = ()
    problems: Sequence[Problem] = ()
    exact: dict[str, None] = field(init=False)
    families: dict[Family, None] = field(init=False)

    def __post_init__(self) -> None:
        spec = self.spec
        exact = dict.fromkeys(spec.exact)
        families = [Family(entry) for entry in (*spec.rules, *spec.globs, *spec.regexes)]
        for regex, how in self.applied:
            families.append(Family(regex, how))
            if getattr(regex, how)("null"):
                exact["null"] = None
        if spec.any_origin:
            families = [ANY_WEB if spec.credentials else ANY]
            exact |= {} if spec.credentials else {"null": None}
        self.exact = exact
        self.families = dict.fromkeys(families)

    def allows(self, origin: str) -> bool:
        """Return whether a valid origin, or ``null``, is allowed."""
        if origin in self.exact:
            return True
        spend(len(self.families) // 2)
        return origin != "null" and any(family.matches(origin) for family in self.families)

    def compared_with(self, new: Side) -> PolicyDiff:
        """Return what a new side allows and this one does not, and the reverse."""
        added = (*_only_in(new, self), *_names_only_in(new, self))
        removed = (*_only_in(self, new), *_names_only_in(self, new))
        return PolicyDiff(added, removed, _new_risks(self, new))


def side_of(
    options: dict[str, object], applied: Sequence[tuple[re.Pattern[str], str]] = ()
) -> Side:
    """Return the side of options as `Policy` takes them."""
    spec, problems = read_policy({ORIGINS: (), **options})
    return Side(spec, applied, problems)


def diff_specs(old: Spec, new: Spec) -> PolicyDiff:
    """Compare two policies by their specs; see ``Policy.diff``."""
    for spec in (old, new):
        spec.options()  # raises TypeError for the policy of a drop-in
    return Side(old).compared_with(Side(new))


# -- origins ---------------------------------------------------------------------------------


def _only_in(side: Side, other: Side) -> Iterator[Change]:
    """Yield a change for each entry of a side that matches an origin the other one refuses."""
    found: list[tuple[Change, _Difference | None]] = []
    with limited(MAX_POLICY_STEPS):
        for origin in side.exact:
            try:
                if not other.allows(origin):
                    found.append((Change(ORIGINS, origin, origin, origin), None))
            except TooManyStatesError:
                found.append((_too_large(Change(ORIGINS, origin)), None))
        for family in side.families:
            if family in other.families or ANY in other.families:
                continue
            change = Change(ORIGINS, family.written)
            try:
                found += _compared(family, other, change)
            except TooManyStatesError:
                found.append((_too_large(change), None))
        # The patterns come last, because no verdict depends on them.
        patterns = [difference and _patterns(difference) for _, difference in found]
    for (change, difference), pattern in zip(found, patterns, strict=True):
        yield replace(change, pattern=pattern) if difference else change


def _too_large(change: Change) -> Change:
    reason = "it is too large to be compared"
    if steps_left() < 0:
        reason = f"comparing all takes more than {MAX_POLICY_STEPS} steps (MAX_POLICY_STEPS)"
    return replace(change, reason=reason)


class _Difference(NamedTuple):
    """The origins of an entry without those of the other policy.

    ``less`` are automata of the other policy that may match some of them, ``listed`` its exact
    origins that do.
    """

    entry: str
    dfa: Dfa
    less: list[Dfa]
    listed: list[str]


def _compared(
    family: Family, other: Side, change: Change
) -> Iterator[tuple[Change, _Difference | None]]:
    """Yield the change with its example, unless the other side matches the whole family."""
    dfa = family.dfa
    if dfa is None:
        yield replace(change, reason=f"{family.unsupported} keeps it from being compared"), None
        return
    spend(len(other.families) // 2 + len(other.exact) // 4)
    near = [wide for wide in other.families if not family.is_apart_from(wide)]
    less = [wide.dfa for wide in near if wide.dfa is not None]
    undecided = [wide for wide in near if wide.dfa is None]
    # Exact origins are no automata, because there may be a million of them.
    listed = [*filter(family.may_match, other.exact)]
    spend(4 * len(listed))
    listed = [origin for origin in listed if accepts(dfa, origin)]
    example = None
    for example in islice(shortest_origins(dfa, less=less, without=listed), CANDIDATES):
        if not any(wide.matches(example) for wide in undecided):
            difference = None if undecided else _Difference(change.entry, dfa, less, listed)
            yield replace(change, example=example), difference
            return
    if example is not None:
        entry, unsupported = undecided[0].written, undecided[0].unsupported
        reason = f"{unsupported} keeps {entry!r} of the other policy from being compared"
        yield replace(change, reason=reason), None


def _patterns(difference: _Difference) -> str | None:
    """Return patterns for all these origins, if they are simple and found within the limits."""
    entry, dfa, less, listed = difference
    if not less and not listed:
        return entry
    with suppress(TooManyStatesError, OutOfStepsError), limited(MAX_PATTERN_STEPS):
        if not listed and not any(intersect(dfa, other).rows for other in less):
            return entry
        if len(dfa.rows) > MAX_STATES:
            return None
        for other in less:
            dfa = minimise(subtract(dfa, other))
        patterns = patterns_of(dfa)
        if patterns is None or (listed and not all(map(is_origin, patterns))):
            return None
        return ", ".join(pattern for pattern in patterns if pattern not in listed)
    return None


# -- the other options -----------------------------------------------------------------------


def _names_only_in(side: Side, other: Side) -> Iterator[Change]:
    """Yield what one side allows besides its origins, and the other one does not."""
    here, there = side.spec, other.spec
    methods = fetch.SAFELISTED_METHODS.union(there.methods)
    yield from _names("allow_methods", here.any_method, here.methods, there.any_method, methods)
    headers = [*fetch.SAFELISTED_REQUEST_HEADERS, *there.headers]
    yield from _names("allow_headers", here.any_header, here.headers, there.any_header, headers)
    exposed = [*fetch.SAFELISTED_RESPONSE_HEADERS, *there.expose]
    names = [name for name in here.expose if name != "*"]
    yield from _names("expose_headers", "*" in here.expose, names, "*" in there.expose, exposed)
    if here.credentials and not there.credentials:
        yield Change("allow_credentials", "true")
    age, other_age = (
        fetch.DEFAULT_MAX_AGE if spec.max_age is None else spec.max_age for spec in (here, there)
    )
    if age > other_age:
        yield Change("max_age", f"{age} seconds instead of {other_age}")
    if here.timing and not there.timing:
        yield Change("timing_allow_origin", "true")
    if (here.existing, there.existing) == ("keep", "replace"):
        yield Change("existing", "keep")


def _names(
    option: str, any_name: bool, names: Iterable[str], wild: bool, listed: Collection[str]
) -> Iterator[Change]:
    """Yield the names that are not listed, unless a wildcard of either side covers them."""
    if any_name and not wild:
        yield Change(option, "*")
    same = (lambda name: name) if option == "allow_methods" else str.lower
    known = set(map(same, listed))
    # `*` does not cover Authorization.
    uncovered = fetch.NON_WILDCARD_REQUEST_HEADER if option == "allow_headers" else None
    for name in names:
        if same(name) not in known and (not (any_name or wild) or same(name) == uncovered):
            yield Change(option, name)


# -- risks -----------------------------------------------------------------------------------


def _new_risks(old: Side, new: Side) -> tuple[Problem, ...]:
    """Return the risks of the new side that the old one does not have, by code and entry."""
    before, after = ([*_judged(side)] for side in (old, new))
    same = old.spec.credentials == new.spec.credentials
    kept = {*before}.intersection(after) if same else set()
    entries = {entry for entry, _ in after}
    before = [each for each in before if each not in kept and each[0] in entries]
    found: dict[Problem, None] = {}
    try:
        with limited(MAX_POLICY_STEPS):
            known = {(risk.code, risk.value) for risk in _risks(old, before)}
            for risk in _risks(new, [each for each in after if each not in kept]):
                if risk.code in RISKS and (risk.code, risk.value) not in known:
                    found[risk] = None
    except TooManyStatesError:
        found[too_many_steps_together()] = None
    return tuple(found)


def _judged(side: Side) -> Iterator[tuple[Any, str | None]]:
    """Yield the entries with proven risks; those of other software with the way to apply them."""
    yield from ((entry, None) for entry in (*side.spec.globs, *side.spec.regexes))
    yield from side.applied


def _risks(side: Side, entries: Iterable[tuple[Any, str | None]]) -> Iterator[Problem]:
    credentials = side.spec.credentials
    yield from find_risks(side.spec, ())
    for entry, how in entries:
        if how is None:
            yield from own_risks(entry, credentials)
        else:
            yield from foreign_risks(entry, how, credentials)
