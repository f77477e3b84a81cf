"""Why a page cannot read a response: reasons, failed checks, and the exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from ._engines import CHROMIUM, Engine, Step
from ._exchange import Exchange


class Reason(StrEnum):
    """A member of Chromium's `CorsError`, as the DevTools protocol names it.

    https://chromedevtools.github.io/devtools-protocol/tot/Network/#type-CorsError. The members
    about local networks and about other modes of Chromium are not here, because this browser
    does not raise them.
    """

    DISALLOWED_BY_MODE = "DisallowedByMode"
    CORS_DISABLED_SCHEME = "CorsDisabledScheme"
    REDIRECT_CONTAINS_CREDENTIALS = "RedirectContainsCredentials"

    MISSING_ALLOW_ORIGIN_HEADER = "MissingAllowOriginHeader"
    WILDCARD_ORIGIN_NOT_ALLOWED = "WildcardOriginNotAllowed"
    MULTIPLE_ALLOW_ORIGIN_VALUES = "MultipleAllowOriginValues"
    INVALID_ALLOW_ORIGIN_VALUE = "InvalidAllowOriginValue"
    ALLOW_ORIGIN_MISMATCH = "AllowOriginMismatch"
    INVALID_ALLOW_CREDENTIALS = "InvalidAllowCredentials"

    PREFLIGHT_MISSING_ALLOW_ORIGIN_HEADER = "PreflightMissingAllowOriginHeader"
    PREFLIGHT_WILDCARD_ORIGIN_NOT_ALLOWED = "PreflightWildcardOriginNotAllowed"
    PREFLIGHT_MULTIPLE_ALLOW_ORIGIN_VALUES = "PreflightMultipleAllowOriginValues"
    PREFLIGHT_INVALID_ALLOW_ORIGIN_VALUE = "PreflightInvalidAllowOriginValue"
    PREFLIGHT_ALLOW_ORIGIN_MISMATCH = "PreflightAllowOriginMismatch"
    PREFLIGHT_INVALID_ALLOW_CREDENTIALS = "PreflightInvalidAllowCredentials"

    PREFLIGHT_INVALID_STATUS = "PreflightInvalidStatus"
    PREFLIGHT_DISALLOWED_REDIRECT = "PreflightDisallowedRedirect"
    INVALID_ALLOW_METHODS_PREFLIGHT_RESPONSE = "InvalidAllowMethodsPreflightResponse"
    INVALID_ALLOW_HEADERS_PREFLIGHT_RESPONSE = "InvalidAllowHeadersPreflightResponse"
    METHOD_DISALLOWED_BY_PREFLIGHT_RESPONSE = "MethodDisallowedByPreflightResponse"
    HEADER_DISALLOWED_BY_PREFLIGHT_RESPONSE = "HeaderDisallowedByPreflightResponse"

    def at_preflight(self) -> Reason:
        """Return the member for the same failure in a preflight."""
        return Reason(f"Preflight{self}")

    def without_preflight(self) -> Reason:
        """Return the member for the same failure of an actual request, where there is one."""
        value = self.removeprefix("Preflight")
        return Reason(value) if value in set(Reason) else self


@dataclass(frozen=True)
class Failure:
    """One check that failed.

    Attributes:
        step: the step of the Fetch standard.
        reason: the member of Chromium's `CorsError`.
        header: the name of the response header that was checked, or "".
        value: what the response has there (a status as text), or ``None``.
        expected: what would have passed: an origin, ``"true"``, ``"200-299"``, a method, or the
            name of a request header. "" if nothing would, as for a list that is not valid.
        url: the URL of the request.
        exchange: the request and its response, or ``None`` if no request was sent.
        ignored_by: the engines that do not make this check.
    """

    step: Step
    reason: Reason
    header: str
    value: str | None
    expected: str
    url: str
    exchange: Exchange | None = field(default=None, repr=False)
    ignored_by: frozenset[str] = frozenset()

    @property
    def is_preflight(self) -> bool:
        """Whether the check is about a preflight."""
        return self.exchange is not None and self.exchange.is_preflight

    @property
    def parameter(self) -> str:
        """The text that Chromium reports with the reason (`failedParameter`)."""
        if self.step in (Step.METHOD, Step.HEADER):
            return self.expected
        if self.header.lower() in (
            "access-control-allow-origin",
            "access-control-allow-credentials",
        ):
            star = self.reason.without_preflight() is Reason.WILDCARD_ORIGIN_NOT_ALLOWED
            return "" if star else self.value or ""
        return ""


class FetchError(Exception):
    """A fetch that JavaScript sees as a `TypeError`, for example after 20 redirects."""

    def __init__(self, message: str, exchanges: tuple[Exchange, ...] = ()) -> None:
        super().__init__(message)
        self.exchanges = exchanges


class CORSError(FetchError):
    """A fetch that the CORS protocol refuses. `str()` is the text in the browser's console.

    Attributes:
        failures: all checks that failed, in the order of Chromium. The last response fails
            several if, for example, neither the method nor a header is allowed.
        console: the text in the console of each engine. "" if the engine allows the request.
        exchanges: all requests on the wire and their responses.
    """

    def __init__(
        self,
        failures: tuple[Failure, ...],
        exchanges: tuple[Exchange, ...],
        console: dict[str, str],
        engine: Engine,
    ) -> None:
        super().__init__(console[engine.name], exchanges)
        self.failures: tuple[Failure, ...] = tuple(sorted(failures, key=partial(_place, CHROMIUM)))
        self.console = console

    @property
    def reason(self) -> Reason:
        """The member of Chromium's `CorsError`; a `str`, so it can be compared with one."""
        return self.failures[0].reason

    @property
    def failure(self) -> Failure:
        """The first failed check, which `reason` is about."""
        return self.failures[0]


def first_of(failures: tuple[Failure, ...], engine: Engine) -> Failure | None:
    """Return the failed check that an engine finds first."""
    checked = [failure for failure in failures if engine.name not in failure.ignored_by]
    return min(checked, key=partial(_place, engine), default=None)


def _place(engine: Engine, failure: Failure) -> int:
    """Return the place of a failed check in the order of an engine."""
    return engine.steps.index(failure.step) if failure.step in engine.steps else -1
