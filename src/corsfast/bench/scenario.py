"""Scenarios: one application built in several variants, to measure what each kind of CORS adds.

All variants have the same policy and get the same requests. A delta is taken within each round,
from a request to the application with CORS and one to the application without it, right after each
other. A preflight is answered *instead of* by the application, so it has no delta: its row is the
whole time. Answers are checked before timing.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from .cases import APP, ASK_HEADERS, ASK_METHOD, REQUEST, Inputs
from .figures import Goal, Row, Sampling, differences, ratios, summarize
from .measure import REQUESTS, TURNS, Subject, take_samples

ORIGINS = [APP, "https://admin.example.com"]
METHODS = ["GET", "PUT", "DELETE"]
HEADERS = ["Authorization", "Content-Type", "X-Token"]
EXPOSED = ["X-Total"]
POLICY: dict[str, Any] = {
    "allow_origins": ORIGINS,
    "allow_methods": METHODS,
    "allow_headers": HEADERS,
    "expose_headers": EXPOSED,
    "allow_credentials": True,
    "max_age": 600,
}
ATTACKER = "https://app.example.com.attacker.net"
# An ordinary request without its Origin, which is the eighth header.
PLAIN = tuple(field for field in REQUEST if field[0] != "origin")
PREFLIGHT = "preflight"
# The kinds of requests: the method and the headers of each.
KINDS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "no Origin": ("GET", PLAIN),
    "allowed": ("GET", (*PLAIN[:7], ("origin", APP), *PLAIN[7:])),
    "refused": ("GET", (*PLAIN[:7], ("origin", ATTACKER), *PLAIN[7:])),
    PREFLIGHT: ("OPTIONS", (*PLAIN[:7], ("origin", APP), ASK_METHOD, ASK_HEADERS, *PLAIN[7:11])),
}
WITHOUT, DROP_IN = "without", "drop-in"
WHOLE = 4  # scenarios of whole applications take this many times the rounds

# The goals of a scenario: the share of the original's cost, by kind of request and variant.
Goals = dict[tuple[str, str], float]


class CheckedResponse(NamedTuple):
    """The part of a response that is checked before timing."""

    status: int
    allow_origin: str | None


class Variant(NamedTuple):
    """The application without CORS, or with one kind of it.

    Attributes:
        name: "without", "drop-in" (the same code as for the library, with another import),
            "native" or "pure" (corsfast's generic middleware), or the library's name.
        call: one request, given one of the scenario's inputs.
        look: the same, returning what a client sees of it.
        expects: the right answers; a kind of request that is missing here is not measured.
    """

    name: str
    call: Callable[..., Any]
    look: Callable[..., CheckedResponse]
    expects: dict[str, CheckedResponse]


class Scenario(NamedTuple):
    """One application built in several variants, and the requests for it.

    Attributes:
        about: what exactly is timed, for the reader of the table.
        original: the name of the library that corsfast replaces.
        requests: functions that make inputs, by kind.
        variants: the first is the one without CORS.
        run: see measure.Subject.
        times: a factor for the number of rounds. What CORS adds to a whole application is a small
            part of the measured time, so more samples are needed to tell it from noise.
        by_turns: see measure.turns; for applications whose single call fills a block.
        note: what the original leaves out compared with the others, for the same reader.
    """

    name: str
    about: str
    original: str | None
    requests: dict[str, Callable[[int], Inputs]]
    variants: list[Variant]
    goals: Goals = {}  # noqa: RUF012 (never changed)
    run: Callable[[Coroutine[Any, Any, int]], int] | None = None
    times: int = 1
    by_turns: bool = False
    note: str = ""

    def sampling(self, rounds: int, calls: int) -> Sampling:
        """Return how `measure_scenario` makes its figures with these arguments."""
        # `measure.turns` alternates two subjects in both orders.
        turns = 2 * TURNS if self.by_turns else 0
        return Sampling(rounds * self.times, min(calls, REQUESTS), turns, self.about, self.note)


class UnableError(Exception):
    """An error of a library, in code that does not involve corsfast."""


def goals(variant: str, at_most: float, *kinds: str) -> Goals:
    """Return the same goal for a variant and these kinds of requests."""
    return {(kind, variant): at_most for kind in kinds}


def expected(preflight: int) -> dict[str, CheckedResponse]:
    """Return the usual right answers, with this status for preflights."""
    allowed = {"allowed": CheckedResponse(200, APP), PREFLIGHT: CheckedResponse(preflight, APP)}
    return {kind: allowed.get(kind, CheckedResponse(200, None)) for kind in KINDS}


def expected_without() -> dict[str, CheckedResponse]:
    """Return the right answers without CORS; how it answers OPTIONS is not checked."""
    return {kind: CheckedResponse(200, None) for kind in KINDS if kind != PREFLIGHT}


def variants(
    apps: dict[str, Any],
    generic: dict[str, Any],
    look: Callable[[Any], Callable[..., CheckedResponse]],
    call: Callable[[Any], Callable[..., Any]] = lambda app: app,
    expects: dict[str, CheckedResponse] | None = None,
) -> list[Variant]:
    """Return a variant for each application.

    `generic` are those with our generic middleware. `expects` are the answers of the library and
    of its drop-in, if not the usual ones.
    """
    answers = dict.fromkeys(apps, expects or expected(200))
    answers |= dict.fromkeys(generic, expected(204)) | {WITHOUT: expected_without()}
    every = {**apps, **generic}
    return [Variant(name, call(app), look(app), answers[name]) for name, app in every.items()]


def check(scenario: Scenario) -> None:
    """Check every answer of every variant.

    Raises:
        AssertionError: for the first wrong one.
        UnableError: if the library, or the application without CORS, raises an error itself.
    """
    for variant in scenario.variants:
        for kind, answer in variant.expects.items():
            for given in scenario.requests[kind](3):
                try:
                    got = variant.look(*given)
                except Exception as error:
                    if variant.name not in (WITHOUT, scenario.original):
                        raise
                    raise UnableError(f"{kind}, {variant.name}: {error!r}") from error
                if got != answer:
                    raise AssertionError(
                        f"{scenario.name}: {kind}, {variant.name}: {got}, not {answer}"
                    )


def measure_scenario(
    scenario: Scenario, rounds: int, calls: int, wanted: str, progress: Callable[[str], None]
) -> list[Row]:
    """Return the rows of one scenario whose names contain `wanted`."""
    check(scenario)
    bare = scenario.variants[0]
    subjects: dict[tuple[str, str], tuple[Subject, ...]] = {}
    for kind, inputs in scenario.requests.items():
        if wanted not in f"{scenario.name}: {kind}":
            continue
        alone = Subject(bare.call, inputs, scenario.run, REQUESTS, scenario.by_turns)
        for variant in scenario.variants:
            if kind in variant.expects:
                mine = alone._replace(call=variant.call)
                whole = variant is bare or kind == PREFLIGHT
                subjects[kind, variant.name] = (mine,) if whole else (mine, alone)
    samples = take_samples(subjects, rounds * scenario.times, calls, progress)
    costs = {
        key: [time for (time,) in found] if len(subjects[key]) == 1 else differences(found)
        for key, found in samples.items()
    }
    rows = []
    for (kind, name), cost in costs.items():
        row = Row(scenario.name, kind, name, "delta", summarize(cost))
        if len(subjects[kind, name]) == 1:
            row = row._replace(measure="time")
        theirs = costs.get((kind, scenario.original or ""))
        if theirs is not None and name not in (bare.name, scenario.original):
            row = row._replace(ratio=ratios(cost, theirs), of=scenario.original)
        if at_most := scenario.goals.get((kind, name)):
            row = row._replace(of=scenario.original, goal=Goal(at_most, "share"))
        rows.append(row)
    return rows
