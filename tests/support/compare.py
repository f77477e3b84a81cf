"""Compare a drop-in with the library that it replaces: same options, same requests.

Every difference between their responses must be covered by a Deviation, which has a sub-heading in
docs/middleware/<name>.md. Some request must show each Deviation, so that none outlives its reason.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from support.client import Answer, Request

ASK = "access-control-request-method"
NAMES = "access-control-request-headers"
ORIGIN = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"
EXPOSE = "access-control-expose-headers"
METHODS = "access-control-allow-methods"
HEADERS = "access-control-allow-headers"
MAX_AGE = "access-control-max-age"
OF_CORS = [ORIGIN, CREDENTIALS, EXPOSE, METHODS, HEADERS, MAX_AGE]
DOCS = Path(__file__).parents[2] / "docs" / "middleware"


def own_grants(options: Any, request: Request, theirs: Answer, ours: Answer) -> bool:
    """Return whether the original sent the application's own grant, and the drop-in did not."""
    own = "https://own.example"
    name = "access-control-allow-origin"
    return own in theirs.headers.get(name, ()) and own not in ours.headers.get(name, ())


def varies_by(answered: Answer) -> set[str]:
    """Return the names in the Vary of a response."""
    return _names(answered.headers.get("vary", []))


def in_order(found: Answer, *fields: str, by: str = ", ") -> Answer:
    """Sort the lists of a response, because some originals write sets in arbitrary order."""
    lists = {
        name: [by.join(sorted(v.strip() for v in value.split(","))) for value in values]
        for name, values in found.headers.items()
        if name in fields
    }
    return found._replace(headers={**found.headers, **lists})


def quiet(make: Callable[[], Any]) -> Any:
    """Call `make` without warnings, because other tests check those."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return make()


class Deviation(NamedTuple):
    """One intended difference. Its id is its sub-heading in the docs.

    ``covers(options, request, theirs, ours)`` is called only if the two responses differ.
    """

    id: str
    covers: Callable[[dict[str, Any], Request, Answer, Answer], bool]


def deviations(
    explains: dict[str, Callable[[dict[str, Any], Request, Answer, Answer], Iterable[str]]],
) -> list[Deviation]:
    """Return deviations that may occur together in one response.

    `explains` maps each id to a function that returns the differences it explains: "status", "body"
    or names of fields. A response is covered if every difference is explained by at least one
    deviation. Only the deviations that explain something count as seen.
    """

    def covering(key: str) -> Callable[[dict[str, Any], Request, Answer, Answer], bool]:
        def covers(options: dict[str, Any], request: Request, theirs: Answer, ours: Answer) -> bool:
            what = set(differences(theirs, ours))
            by_id = {k: set(why(options, request, theirs, ours)) for k, why in explains.items()}
            return what <= set().union(*by_id.values()) and bool(what & by_id[key])

        return covers

    return [Deviation(key, covering(key)) for key in explains]


class Difference(NamedTuple):
    options: dict[str, Any]
    request: Request
    theirs: Answer
    ours: Answer
    what: tuple[str, ...]  # "status", "body", or the names of header fields


ORIGINS = (
    None,
    "https://a.example",
    "https://b.example",
    "https://sub.a.example",
    "https://a.example.attacker.net",
    "http://a.example",
    "https://a.example:8443",
    "http://localhost:3000",
    "null",
    "chrome-extension://abcdefghijklmnop",
)
ASKED = (
    ("GET", "x-custom"),
    ("POST", "content-type"),
    ("PUT", None),
    ("PUT", "authorization,content-type,x-custom"),
    ("DELETE", None),
    ("PATCH", "x-other"),
    ("patch", None),
    ("MKCOL", "x-custom"),
)


def requests(path: str = "/", origins: Iterable[str | None] = ORIGINS) -> Iterator[Request]:
    """Yield every kind of request that a browser can send, with each of the origins."""
    for origin in origins:
        by = () if origin is None else (("origin", origin),)
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
            yield Request(method, (("host", "api.example"), *by), path)
        if origin is None:
            continue
        for method, names in ASKED:
            ask = [("access-control-request-method", method)]
            if names is not None:
                ask.append(("access-control-request-headers", names))
            yield Request("OPTIONS", (("host", "api.example"), *ask, *by), path)


def grid(**choices: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yield every combination of the options' values; ``...`` leaves an option out."""
    for values in itertools.product(*choices.values()):
        yield {k: v for k, v in zip(choices, values, strict=True) if v is not ...}


def share(asked: Sequence[Request], number: int, one_in: int) -> list[Request]:
    """Return the requests for the ``number``-th combination of options: one in `one_in`.

    Each combination draws its own sample, the same in every run. So every request meets every value
    of every option, and most pairs of values, many times. The whole product would be nearly all
    repetition.
    """
    return Random(number).sample(asked, -(-len(asked) // one_in))


def differences(
    theirs: Answer, ours: Answer, ignore: Iterable[str] = ("date", "server")
) -> tuple[str, ...]:
    """List the differences between two responses. Vary is compared as a set of names."""
    found = []
    if theirs.status != ours.status:
        found.append("status")
    if theirs.body != ours.body:
        found.append("body")
    for name in sorted(theirs.headers.keys() | ours.headers.keys()):
        a, b = theirs.headers.get(name, []), ours.headers.get(name, [])
        if name in ignore or a == b or (name == "vary" and _names(a) == _names(b)):
            continue
        found.append(name)
    return tuple(found)


def _names(lines: list[str]) -> set[str]:
    return {name.strip().lower() for line in lines for name in line.split(",") if name.strip()}


class Comparison:
    """A collection of the differences over a whole grid, judged at the end."""

    def __init__(self, deviations: Iterable[Deviation]) -> None:
        self.deviations = list(deviations)
        self.compared = 0
        self.met: set[str] = set()
        self.unexplained: list[Difference] = []

    def add(self, options: dict[str, Any], request: Request, theirs: Answer, ours: Answer) -> None:
        self.compared += 1
        what = differences(theirs, ours)
        # The drop-in never repeats a name in Vary, even if the original does.
        vary = [n.strip().lower() for line in ours.headers.get("vary", []) for n in line.split(",")]
        assert len(vary) == len(set(vary)), (options, request, ours)
        if not what:
            return
        found = [d.id for d in self.deviations if d.covers(options, request, theirs, ours)]
        self.met.update(found)
        if not found:
            self.unexplained.append(Difference(options, request, theirs, ours, what))

    def judge(self, at_least: int) -> None:
        assert self.compared >= at_least, f"only {self.compared} answers were compared"
        shown = "\n".join(map(repr, self.unexplained[:5]))
        assert not self.unexplained, f"{len(self.unexplained)} differences, such as\n{shown}"
        unmet = {d.id for d in self.deviations} - self.met
        assert not unmet, f"no request meets these deviations any more: {unmet}"


def documented(name: str) -> set[str]:
    """Return the ids of the sub-headings under "Deviations" in a drop-in's page."""
    text = (DOCS / f"{name}.md").read_text("utf-8")
    section = text.split("## Deviations", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^### `([a-z0-9-]+)`$", section, re.MULTILINE))
