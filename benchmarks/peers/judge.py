"""Judge whether an answer means what it should, by the part of Fetch that a browser implements.

Libraries differ by design: in the status (200, 204 or 403), the listed methods, the names in Vary,
and the order. So answers are not compared with each other. Each is judged as a browser would judge
it. It also has to do the same work: say which headers may be read, and how long a preflight may be
cached. The judge is strict, because an answer that leaves something out is cheaper to make.
"""

from __future__ import annotations

from typing import NamedTuple

from .rows import Row

# https://fetch.spec.whatwg.org/#cors-safelisted-method
SAFELISTED_METHODS = {"GET", "HEAD", "POST"}


class Answer(NamedTuple):
    """A status and headers, one pair per line, in any case."""

    status: int
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str | None:
        """Return all lines of a header, as a browser joins them."""
        lines = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(lines) if lines else None

    def listed(self, name: str) -> set[str]:
        return {item.strip() for item in (self.get(name) or "").split(",") if item.strip()}


def complaint(row: Row, answer: Answer) -> str | None:
    """Return an error in this answer, or None if it is what the row expects."""
    if not row.is_preflight and (answer.status != 200 or answer.get("content-type") is None):
        return f"the application's answer did not come through ({answer.status})"
    found = verdict(row, answer)
    if found != row.verdict:
        return f"a browser would say {found!r}, not {row.verdict!r}"
    if found != "allowed":
        return None
    if row.is_preflight:
        if answer.get("access-control-max-age") != str(row.policy.max_age):
            return "no Access-Control-Max-Age, or another one"
        return None
    exposed = {name.lower() for name in answer.listed("access-control-expose-headers")}
    if exposed != {name.lower() for name in row.policy.expose}:
        return "no Access-Control-Expose-Headers, or another list"
    return None


def verdict(row: Row, answer: Answer) -> str:
    """Return a browser's verdict on an answer: "allowed", "refused", or "not asked"."""
    if row.field("origin") is None:
        return "not asked"
    if not passes_check(row, answer):
        return "refused"
    if row.is_preflight and not (
        200 <= answer.status <= 299 and covers_method(row, answer) and covers_names(row, answer)
    ):
        return "refused"
    return "allowed"


def passes_check(row: Row, answer: Answer) -> bool:
    """Return the result of https://fetch.spec.whatwg.org/#concept-cors-check."""
    allowed = answer.get("access-control-allow-origin")
    if not row.policy.credentials and allowed == "*":
        return True
    if allowed is None or allowed != row.field("origin"):
        return False
    return not row.policy.credentials or answer.get("access-control-allow-credentials") == "true"


# https://fetch.spec.whatwg.org/#cors-preflight-fetch-0, from step 7 on


def covers_method(row: Row, answer: Answer) -> bool:
    method = row.field("access-control-request-method")
    listed = answer.listed("access-control-allow-methods")
    return (
        method in SAFELISTED_METHODS
        or method in listed
        or ("*" in listed and not row.policy.credentials)
    )


def covers_names(row: Row, answer: Answer) -> bool:
    asked = (row.field("access-control-request-headers") or "").split(",")
    wanted = {name.strip().lower() for name in asked if name.strip()}
    listed = {name.lower() for name in answer.listed("access-control-allow-headers")}
    if "*" in listed and not row.policy.credentials:
        # A wildcard does not cover this name:
        # https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name
        return "authorization" not in wanted or "authorization" in listed
    return wanted <= listed
