"""Judge whether an answer means what it should, by the part of Fetch that a browser implements.

Libraries differ by design: in the status (200, 204 or 403), the listed methods, the names in Vary,
and the order. So each answer is judged as a browser would judge it. It also has to do the same
work: say which headers may be read, and how long a preflight may be cached. The judge is strict,
because an answer that leaves something out is cheaper to make.
"""

from __future__ import annotations

from typing import NamedTuple

from .requests import Request

# https://fetch.spec.whatwg.org/#cors-safelisted-method
SAFELISTED_METHODS = {"GET", "HEAD", "POST"}


class PeerResponse(NamedTuple):
    """A status and headers, one pair per line, in any case."""

    status: int
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str | None:
        """Return all lines of a header, as a browser joins them."""
        lines = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(lines) if lines else None

    def listed(self, name: str) -> set[str]:
        return {item.strip() for item in (self.get(name) or "").split(",") if item.strip()}


def complaint(request: Request, answer: PeerResponse) -> str | None:
    """Return an error in this answer, or None if it is what the request expects."""
    if not request.is_preflight and (answer.status != 200 or answer.get("content-type") is None):
        return f"the application's answer did not come through ({answer.status})"
    found = verdict(request, answer)
    if found != request.verdict:
        return f"a browser would say {found!r}, not {request.verdict!r}"
    if found != "allowed":
        return None
    if request.is_preflight:
        if answer.get("access-control-max-age") != str(request.policy.max_age):
            return "no Access-Control-Max-Age, or another one"
        return None
    exposed = {name.lower() for name in answer.listed("access-control-expose-headers")}
    if exposed != {name.lower() for name in request.policy.expose}:
        return "no Access-Control-Expose-Headers, or another list"
    return None


def verdict(request: Request, answer: PeerResponse) -> str:
    """Return a browser's verdict on an answer: "allowed", "refused", or "not asked"."""
    if request.field("origin") is None:
        return "not asked"
    allowed = passes_check(request, answer)
    if allowed and request.is_preflight:
        ok = 200 <= answer.status <= 299
        allowed = ok and covers_method(request, answer) and covers_names(request, answer)
    return "allowed" if allowed else "refused"


def passes_check(request: Request, answer: PeerResponse) -> bool:
    """Return the result of https://fetch.spec.whatwg.org/#concept-cors-check."""
    allowed = answer.get("access-control-allow-origin")
    if not request.policy.credentials:
        return allowed in ("*", request.field("origin"))
    permitted = answer.get("access-control-allow-credentials") == "true"
    return allowed == request.field("origin") and permitted


# https://fetch.spec.whatwg.org/#cors-preflight-fetch-0, from step 7 on


def covers_method(request: Request, answer: PeerResponse) -> bool:
    listed = answer.listed("access-control-allow-methods") | SAFELISTED_METHODS
    if "*" in listed and not request.policy.credentials:
        return True
    return request.field("access-control-request-method") in listed


def covers_names(request: Request, answer: PeerResponse) -> bool:
    asked = (request.field("access-control-request-headers") or "").split(",")
    wanted = {name.strip().lower() for name in asked if name.strip()}
    listed = {name.lower() for name in answer.listed("access-control-allow-headers")}
    if "*" in listed and not request.policy.credentials:
        # A wildcard does not cover this name:
        # https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name
        wanted &= {"authorization"}
    return wanted <= listed
