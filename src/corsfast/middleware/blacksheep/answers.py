"""The fields and refusals of one BlackSheep policy, compiled before the first request.

    CORSPolicy --CompiledPolicy--> a compiled policy, fields, and reasons to reject a preflight

CompiledPolicy are compiled when a policy is made or changed. BlackSheep is not imported here.
"""

from __future__ import annotations

from ..._engine.headers import requested_names
from ..._engine.select import Policy
from ..._engine.tables import readable
from ..._options.fetch import ALLOW_HEADERS, ALLOW_METHODS, MAX_AGE
from ..._options.spec import wrong_header, wrong_method
from ..._proofs.ineffective import wrong_exposed_with, wrong_flags, wrong_seconds
from ...decision import Outcome
from .._dropin.policy import allowing, lenient_tables, read_names
from .._generic.refused_log import RefusedLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ..._engine.select import Decision
    from ...errors import Problem

NAME = "corsfast.middleware.blacksheep"

# The options of a BlackSheep policy.
_OPTIONS = (
    "allow_methods",
    "allow_headers",
    "allow_origins",
    "allow_credentials",
    "max_age",
    "expose_headers",
)

_ALLOW_HEADERS = ALLOW_HEADERS.lower().encode()

# The values of the CORS-Error field that BlackSheep sends when it rejects a preflight.
_NOT_ENABLED = "is not enabled by CORS rules."
BAD_ORIGIN = f"The origin of the request {_NOT_ENABLED}".encode()
BAD_METHOD = f"The method of the request {_NOT_ENABLED}".encode()
_BAD_LIST = b"The list of request headers is malformed or too long."

_METHOD_OUTCOMES = (
    Outcome.METHOD_TOO_LONG,
    Outcome.METHOD_MALFORMED,
    Outcome.METHOD_NOT_ALLOWED,
)
_ORIGIN_OUTCOMES = (
    Outcome.ORIGIN_TOO_LONG,
    Outcome.ORIGIN_MALFORMED,
    Outcome.ORIGIN_NOT_ALLOWED,
)


def options_of(policy: Any) -> tuple[object, ...]:
    return tuple(getattr(policy, option) for option in _OPTIONS)


class CompiledPolicy:
    """The compiled fields of one policy.

    options => the options of the policy when this was made
    star    => `*` is sent; never with credentials

    Args:
        policy: a ``CORSPolicy`` of BlackSheep.
        also: problems that were found before.
    """

    def __init__(self, policy: Any, strict: bool, also: Iterable[Problem] = ()) -> None:
        self.options: Any = options_of(policy)
        credentials = bool(policy.allow_credentials)
        problems = [*also, *wrong_flags([("allow_credentials", policy.allow_credentials)])]
        problems += wrong_seconds("max_age", policy.max_age, str(policy.max_age))
        methods, found = read_names("allow_methods", _in_order(policy.allow_methods), wrong_method)
        problems += found
        names, found = read_names("allow_headers", _in_order(policy.allow_headers), wrong_header)
        problems += found
        readable_names = _in_order(policy.expose_headers)
        wrong = wrong_exposed_with(credentials)
        exposed, found = read_names("expose_headers", readable_names, wrong)
        if policy.expose_headers != policy.default_expose_headers():  # these hold Set-Cookie
            problems += found
        any_origin = "*" in policy.allow_origins
        entries = ["*"] if any_origin else sorted(filter(None, policy.allow_origins))
        tables = lenient_tables(
            NAME, {"allow_origins": entries}, credentials=credentials, strict=strict, also=problems
        )
        self.star: bool = tables.star
        self.any_method: bool = "*" in methods
        echo_method = self.any_method and credentials
        allowed = () if echo_method else ((ALLOW_METHODS, ", ".join(filter(None, methods))),)
        responses = tables.responses._replace(
            actual_fields=readable(credentials, [*filter(None, exposed)]),
            preflight_fields=(*allowed, *readable(credentials), (MAX_AGE, str(policy.max_age))),
            preflight_status=200,
            echo_method=echo_method,
            # If the answer is `*`, `preflight_fields` adds the requested names.
            echo_headers=not tables.star,
        )
        tables = allowing(
            tables, methods, names, any_method=self.any_method, any_header="*" in names
        )
        self.methods: frozenset[str] = tables.methods
        self.header_names: frozenset[str] = tables.header_names
        made = Policy._from_tables(tables._replace(responses=responses))
        self.log: RefusedLog = RefusedLog(made)
        self.made: Policy = made
        self.decide: Callable[[Any], Decision] = made.asgi

    def preflight_fields(self, decision: Decision, names: list[bytes]) -> list[tuple[bytes, bytes]]:
        """Return the fields for an allowed preflight; `names` are lines of requested names."""
        fields = list(decision.raw_headers)
        if self.star and names:
            fields.append((_ALLOW_HEADERS, ",".join(_names_in(names)).encode()))
        return fields

    def reason(self, decision: Decision, names: list[bytes]) -> bytes:
        """Return the reason for rejecting a preflight; it quotes only what the request sent."""
        outcome = decision.outcome
        if outcome in _ORIGIN_OUTCOMES:
            return BAD_ORIGIN
        if outcome in _METHOD_OUTCOMES:
            return BAD_METHOD
        if outcome is Outcome.HEADER_NOT_ALLOWED:
            for name in _names_in(names):
                if name.lower() not in self.header_names:
                    return f'The "{name}" request header {_NOT_ENABLED}'.encode()
        return _BAD_LIST


def _in_order(names: Iterable[str]) -> list[str]:
    """Sort the names of a set; keep an empty one only if it is alone.

    BlackSheep finds empty names between two names with several spaces between them.
    """
    return sorted(filter(None, names)) or sorted(names)


def _names_in(lines: list[bytes]) -> list[str]:
    return requested_names(b",".join(lines).decode("latin-1")) or []
