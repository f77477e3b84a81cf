"""An explanation of one request: its checks, and the change that would allow it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._loading.literals import respell
from .._options.patterns import Within
from .._proofs.python_source import compiled
from ..decision import Outcome
from ..errors import Problem, describe

if TYPE_CHECKING:
    from .._proofs.near_miss import NearMiss
    from ..decision import DecisionLike


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of a request.

    Attributes:
        what: ``"origin"``, ``"method"``, ``"header"`` or ``"credentials"``; for a cross-site
            request also ``"sec-fetch-site"`` and ``"host"``.
        value: the value that was checked.
        passed: whether it is allowed.
        kind: the kind of the rule that decided: ``"any"``, ``"exact entry"``, ``"host pattern"``,
            ``"subdomain pattern"``, ``"glob"``, ``"network"``, ``"regex"``, ``"safelist"``,
            ``"option"``, ``"forbidden"``, ``"limit"``, ``"grammar"``, ``"own"`` for a request of
            the site itself, or ``"none"`` if no rule matched.
        rule: the entry that decided, as Python writes it, or "".
        text: the reason, as the end of a sentence.
        near_misses: what the policy has instead, and how it differs; the nearest first.
    """

    what: str
    value: str
    passed: bool
    kind: str
    rule: str
    text: str
    near_misses: tuple[NearMiss, ...] = ()

    @property
    def hints(self) -> list[str]:
        """A sentence for each near miss."""
        return [
            # `why` is about the value if there is no entry, or if the value is spelled wrong.
            f"{self.value!r} is {miss.why}."
            if miss.entry is None or (self.what == "origin" and miss.send is not None)
            else f"The policy has {miss.entry!r}, {miss.why}."
            for miss in self.near_misses
        ]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that allows a request. It was proven: with it, the same request is allowed.

    Attributes:
        steps: what to do, one sentence each. All of them are needed.
        options: the options of the changed policy, or ``None`` if only the page changes.
        risks: why the changed policy is unsafe. `options` accepts these risks in
            ``dangerously_tolerate``.
    """

    steps: tuple[str, ...]
    options: Mapping[str, Any] | None
    risks: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a policy allows or refuses a request. `str()` is the same for people.

    Attributes:
        method: the method of the page's request.
        origin: the origin of the page, or ``None``.
        decision: the decision about the preflight, if the browser sends one; otherwise about the
            request itself.
        allowed: whether the page may read the response. If the request has credentials, the policy
            has to allow them as well.
        checks: all checks, in the order of the engine.
        change: the change that would allow the request, or ``None`` if it is allowed or no change
            can allow it.
        notes: more that matters to this request.
        console: what each browser logs, by ``"chromium"``, ``"firefox"`` and ``"webkit"``; "" if
            it allows the request. Empty if no browser can send the request. The URL of the
            server is a placeholder.
        forged: whether ``cross_site="refuse"`` refuses the request; ``None`` if that was not
            asked. If it was, `allowed` is the opposite, and the first check that passes decides.
    """

    method: str
    origin: str | None
    decision: DecisionLike
    allowed: bool
    checks: tuple[Check, ...]
    change: Change | None = None
    notes: tuple[str, ...] = ()
    console: Mapping[str, str] = field(default_factory=dict)
    forged: bool | None = None

    @property
    def near_misses(self) -> tuple[NearMiss, ...]:
        """The near misses of all checks."""
        return tuple(miss for check in self.checks for miss in check.near_misses)

    @property
    def outcome(self) -> Outcome:
        """The outcome of `decision`."""
        return self.decision.outcome

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as lists, dicts and texts, for JSON."""
        change = self.change
        return {
            "allowed": self.allowed,
            "outcome": self.outcome.value,
            "method": self.method,
            "origin": self.origin,
            "is_preflight": self.decision.is_preflight,
            "checks": [
                vars(check) | {"near_misses": [miss._asdict() for miss in check.near_misses]}
                for check in self.checks
            ],
            "change": change
            and {
                "steps": list(change.steps),
                "options": change.options and {k: _plain(v) for k, v in change.options.items()},
                "risks": [{"code": it.code, "message": it.message} for it in change.risks],
            },
            "notes": list(self.notes),
            "console": dict(self.console),
            "forged": self.forged,
        }

    def __str__(self) -> str:
        return "\n".join(text for text, _ in self.lines())

    def lines(self) -> list[tuple[str, str]]:
        """Return the lines of the text, each with a kind by which a terminal colors it."""
        verdict = "allowed" if self.allowed else "refused"
        head = f"{shown(self.method)} from {shown(self.origin)}: {verdict}"
        if self.forged is not None:
            verdict_of_check = "refused as forged" if self.forged else "not forged"
            head = f"{shown(self.method)} from {shown(self.origin)}: {verdict_of_check}"
        elif self.origin is None:
            head = f"{shown(self.method)} without an Origin: not a CORS request"
        lines = [(head, verdict)]
        for check in self.checks:
            mark = "ok" if check.passed else "no"
            lines.append((f"  {mark}  {check.what} {shown(check.value)}: {check.text}", mark))
            lines += [(f"        {hint}", "near") for hint in check.hints]
        if self.change is not None:
            lines.append(("  To allow it:", "head"))
            lines += [(f"    - {step}", "change") for step in self.change.steps]
            lines += [
                (f"    Unsafe: {describe(risk, acceptable=False)}", "risk")
                for risk in self.change.risks
            ]
        lines += [(f"  Note: {note}", "note") for note in self.notes]
        lines += [
            (f"  {NAMES[name]}: {text}", "console") for name, text in self.console.items() if text
        ]
        return as_shown(lines)


# The browsers, as people name them.
NAMES = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "Safari"}


def _plain(value: Any) -> Any:
    """Return an option as `Policy.from_mapping` takes it."""
    if isinstance(value, re.Pattern):
        value = Within(value, ())
    if isinstance(value, Within):
        regex, domains = value
        entry = compiled(regex.pattern, domains, regex.flags)
        return json.loads(respell(entry, "json") or "")
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (str, int)) else repr(value)


# A value of a request may have 8 KiB, and one of a response more.
_MAX_SHOWN = 200
_MAX_LINE = 1000


def shown(value: str | None) -> str:
    """Return a value of a request as it is shown: escaped, and cut if it is long."""
    if value is None:
        return "no origin"
    cut = value if len(value) <= _MAX_SHOWN else value[:_MAX_SHOWN] + "…"
    return repr(cut) if cut == "" or not cut.isprintable() or " " in cut else cut


def as_shown(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the lines of a text, escaped, and cut if they are long."""
    cut = [(text[:_MAX_LINE] + "…" * (len(text) > _MAX_LINE), kind) for text, kind in lines]
    return [(printable(text), kind) for text, kind in cut]


def printable(text: str) -> str:
    """Return the text with every character that could control a terminal escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
