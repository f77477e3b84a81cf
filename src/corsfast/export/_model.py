"""Read a policy into the values that all targets share, and find what a target cannot express."""

from __future__ import annotations

import json
import re
from enum import Enum
from hashlib import sha256

from .. import __version__
from .._engine.headers import GRANTS
from .._options import fetch
from .._options.patterns import ORIGINS, Within
from .._options.records import NamedTuple
from .._proofs.changes import side_of
from .._proofs.languages import as_written, regex_of
from ._regex import (
    AUTHORIZATION,
    BAD_NAMES,
    FORBIDDEN_METHOD,
    MALFORMED,
    METHOD,
    NAMES,
    Hosts,
    NotExpressibleError,
    pattern_of,
    well_formed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._engine.select import Policy
    from .._options.spec import PolicyOptions, Spec
    from ._regex import Pattern


class Reason(NamedTuple):
    """An entry of an option that a target cannot express, and why."""

    option: str
    entry: object
    why: str


class ExportError(ValueError):
    """A policy that a target cannot express.

    Attributes:
        reasons: all entries that it cannot express.
        nearest: the options of the nearest policy that the target may be able to express, which
            allows nothing that the given one refuses; ``None`` if that has no origin.
    """

    def __init__(self, target: str, reasons: Iterable[Reason], nearest: PolicyOptions | None):
        self.reasons: tuple[Reason, ...] = tuple(reasons)
        self.nearest = nearest
        lines = [f"{target} cannot express this policy"]
        for option, entry, why in self.reasons:
            lines.append(f"  {option}: {as_written(entry)}: {why}")
        super().__init__("\n".join(lines))


class Echo(Enum):
    """A value that a response repeats from its request."""

    ORIGIN = fetch.ALLOW_ORIGIN
    METHOD = fetch.REQUEST_METHOD
    NAMES = fetch.REQUEST_HEADERS


class Test(NamedTuple):
    """Which values are accepted: those that match a regex in full, and none of others anywhere."""

    full: str
    unless: tuple[str, ...]


class Model(NamedTuple):
    """A policy as proxies decide it.

    A request is a preflight if its method is OPTIONS and it has the headers Origin and
    Access-Control-Request-Method. Then the proxy answers: with `preflight_status` and `preflight`
    if the origin is allowed and `method` and `names` accept the two Access-Control-Request-*
    values, else with the status 403. All other requests are passed on, and the responses get
    `actual` if the origin is allowed. Every response gets the names in `actual_vary` or
    `preflight_vary` added to its Vary. `replaced` are the fields of the application to remove.

    star  => every origin is allowed, and so is a request without an Origin
    An origin is allowed if it is in `exact`, or if `origin` accepts it and a pattern matches it.
    The fields do not include Vary.
    """

    star: bool
    exact: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    origin: Test
    method: Test
    names: Test
    actual: tuple[tuple[str, str | Echo], ...]
    preflight: tuple[tuple[str, str | Echo], ...]
    actual_vary: str
    preflight_vary: str
    preflight_status: int
    credentials: bool
    replaced: tuple[str, ...]


def read(
    policy: Policy, target: str, *, backtracking: bool, reasons: Iterable[Reason] = ()
) -> Model:
    """Return what a target has to express.

    Args:
        target: the name for errors.
        backtracking: whether its regexes are those of PCRE; otherwise of RE2.
        reasons: further reasons of the target.

    Raises:
        ExportError: if the target cannot express it.
        TypeError: for the policy of a drop-in middleware.
    """
    policy.options()  # raises the TypeError
    tables = policy._tables
    spec, responses = tables.spec, tables.responses
    found = [*reasons, *_option_reasons(spec)]
    patterns: list[Pattern] = []
    addresses: list[str] = []
    schemes: list[str] = []
    for entry in (*spec.rules, *spec.globs, *spec.regexes):
        try:
            pattern, hosts = pattern_of(entry)
        except NotExpressibleError as error:
            found.append(Reason(ORIGINS, entry, str(error)))
            continue
        if backtracking and pattern.backtracks:
            found.append(Reason(ORIGINS, entry, "a request could make its regexes very slow"))
        elif not backtracking and pattern.nested:
            found.append(Reason(ORIGINS, entry, "its regexes cannot repeat so often"))
        patterns.append(pattern)
        addresses += hosts.addresses
        schemes += hosts.schemes
    if found:
        raise ExportError(target, found, nearest(policy, found))
    grammar = well_formed(Hosts(tuple(sorted(set(addresses))), tuple(sorted(set(schemes)))))
    origin = (fetch.ALLOW_ORIGIN, "*" if tables.star else Echo.ORIGIN)
    timing = ((fetch.TIMING_ALLOW_ORIGIN, Echo.ORIGIN),) if responses.timing else ()
    echoed = (
        *(((fetch.ALLOW_METHODS, Echo.METHOD),) if responses.echo_method else ()),
        *(((fetch.ALLOW_HEADERS, Echo.NAMES),) if responses.echo_headers else ()),
    )
    named = tables.allows_header(fetch.NON_WILDCARD_REQUEST_HEADER)
    return Model(
        star=tables.star,
        exact=tuple(sorted(tables.exact)),
        patterns=tuple(sorted(patterns, key=lambda each: each.regex)),
        origin=Test(grammar, (MALFORMED,)),
        method=Test(METHOD, (FORBIDDEN_METHOD,) if tables.any_method else ()),
        names=Test(
            NAMES, (BAD_NAMES, AUTHORIZATION) if tables.any_header and not named else (BAD_NAMES,)
        ),
        actual=(origin, *timing, *responses.actual_fields),
        preflight=(origin, *echoed, *responses.preflight_fields),
        actual_vary=", ".join(responses.actual_vary),
        preflight_vary=", ".join(responses.preflight_vary),
        preflight_status=responses.preflight_status,
        credentials=spec.credentials,
        replaced=tuple(sorted(_usual_spelling(name) for name in GRANTS)),
    )


def in_full(regex: str) -> str:
    """Return a regex of PCRE that matches only whole values."""
    return f"^(?:{regex})\\z"


def refusing(test: Test) -> tuple[str, ...]:
    """Return regexes of PCRE. A value is not accepted if one of them matches a part of it."""
    return (*test.unless, f"^(?!(?:{test.full})\\z)")


def by_field(model: Model) -> dict[str, dict[str, str | Echo]]:
    """Return the value of each field in each kind of response that has it."""
    found: dict[str, dict[str, str | Echo]] = {}
    for kind, fields in (("actual", model.actual), ("preflight", model.preflight)):
        for name, value in fields:
            found.setdefault(name, {})[kind] = value
    return found


def _usual_spelling(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _option_reasons(spec: Spec) -> Iterable[Reason]:
    if spec.existing == "keep":
        yield Reason("existing", "keep", "a proxy replaces the application's own headers")
    if spec.any_origin and spec.credentials:
        why = "with credentials, no proxy tells well-formed from malformed IPv6 origins"
        yield Reason(ORIGINS, "*", why)


# The values that every target can express. For all other options it is False.
_NEAREST = {"existing": "replace", "max_age": 1, "preflight_status": 204}


def nearest(policy: Policy, reasons: Iterable[Reason]) -> PolicyOptions | None:
    """Return the options without the entries of these reasons, if some origin is left."""
    options = policy.options()
    left = dict[str, object](options)
    for reason in reasons:
        value = left[reason.option]
        if isinstance(value, list):
            name = as_written(reason.entry)
            left[reason.option] = [item for item in value if as_written(item) != name]
        else:
            left[reason.option] = _NEAREST.get(reason.option, False)
    if not left[ORIGINS]:
        return None
    change = side_of(dict[str, object](policy.options())).compared_with(side_of(left))
    return left if change.status == 0 else None  # type: ignore[return-value]


# -- the head of a file ----------------------------------------------------------------------

_HEAD = re.compile(r"corsfast export .*policy ([0-9a-f]{16}), text ([0-9a-f]{16})\W*\n")


def headed(policy: Policy, target: str, text: str, comment: str = "#") -> str:
    """Return the text of a file below a line that says what made it, and from which policy."""
    made = f"corsfast export {__version__} --to {target}"
    hashes = f"policy {policy_hash(policy)}, text {_hash(text)}"
    return f"{comment} {made}: {hashes}\n{text}"


def changes_since(text: str, policy: Policy) -> list[str] | None:
    """Return what has changed since a file was exported, as sentences without an end.

    ``None`` if the file has no line of `headed`.
    """
    match = _HEAD.search(text)
    if match is None:
        return None
    changes = []
    if match[1] != policy_hash(policy):
        changes.append("the policy has changed")
    if match[2] != _hash(text[match.end() :]):
        changes.append("the file was edited")
    return changes


def policy_hash(policy: Policy) -> str:
    """Return a hash of the options; equal policies have the same."""
    options = dict[str, object](policy.options())
    entries = policy.options()["allow_origins"]
    origins = sorted(json.dumps(_plain(entry)) for entry in entries)
    return _hash(json.dumps(options | {ORIGINS: origins}, sort_keys=True))


def _plain(entry: object) -> object:
    if not isinstance(entry, (re.Pattern, Within)):
        return entry
    regex = regex_of(entry)
    return [regex.pattern, regex.flags, *(entry.domains if isinstance(entry, Within) else ())]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
