"""``python benchmarks/floor/measure.py``: how far corsfast is from the least possible work.

In every round each row is timed as the hand-written prototype of floor.c (the floor), as
corsfast's native engine, and as the framework's own middleware where that is installed
(Starlette's CORSMiddleware; flask-cors over a Flask application; Litestar's), one right after
the other, for whatever slows the machine to slow all of them. Two ratios follow: ours/floor,
wanted within 1.15, and theirs/ours, wanted at 25 or more; theirs/floor says whether the second
was possible at all. A single call of a policy has a call of len() beside it, F, which the goals
of such calls are counted in: floor/F says whether a goal can be met.

A middleware's cost is that of a whole request through it and an application, less that of the
bare application; a preflight never reaches that, so its cost is the whole exchange.
Applications are called from C (floor.AsgiDriver), so nothing of a loop is in the figures. In
the rows of a framework the three stand around one application of this framework, where its own
middleware stands, and ours is the drop-in for it.

Place in the flow: floor.c -> ../prototype.py -> measure.py; the clock is that of corsfast.bench.
Never: time an answer that was not compared with corsfast's first.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from corsfast import _native
from corsfast.bench.__main__ import progress
from corsfast.bench.cases import (
    APP,
    ASK_HEADERS,
    ASK_METHOD,
    OPTIONS,
    REQUEST,
    TENANT,
    WIDE,
    Inputs,
    environs,
    lists,
    picked,
    scopes,
    tenants,
    texts,
)
from corsfast.bench.machine import machine
from corsfast.bench.measure import Subject, sample, summarise, turns
from corsfast.bench.peers import POLICY
from corsfast.bench.peers.asgi import PLAIN, scope as whole_scope
from corsfast.middleware.asgi import CORSMiddleware as Asgi
from corsfast.middleware.wsgi import CORSMiddleware as Wsgi

sys.path.insert(0, str(Path(__file__).parents[1]))
import prototype

# A round's calls: few enough for their arguments to stay in the processor's nearest caches, as
# those of a request do that a server has just read. Fourteen headers fill 3 KiB.
CALLS, REQUESTS = 200, 15
WANTED_FLOOR, WANTED_PEER, WANTED_FLASK = 1.15, 25, 40

SUFFIX = "example.org"
SUBDOMAIN = f"https://a.b.{SUFFIX}"
REFUSED = prototype.STRANGER
NAMES = ",".join(sorted(name.lower() for name in OPTIONS["allow_headers"]))
UNREAD = " X-Token ,, authorization\t,X-FIELD-007"
ASK = (*REQUEST[:8], ASK_METHOD, ASK_HEADERS, *REQUEST[8:12])

Call = Callable[..., Any]


class Row(NamedTuple):
    """One row of the table: the same work done by the floor, by corsfast, by a framework.

    ``bare`` is what the first two are measured with and that is not theirs; ``peer_bare`` the
    same for the third. A row of F has no ``ours``. ``by_turns``: what is added to a
    whole application is a small part of what is timed; see ``turns`` of corsfast.bench.measure.
    """

    name: str
    inputs: Callable[[int], Inputs]
    floor: Call
    ours: Call | None
    bare: Call | None = None
    peer: Call | None = None
    peer_bare: Call | None = None
    by_turns: bool = False
    wanted: float = WANTED_PEER

    @property
    def calls(self) -> int:
        return CALLS if self.name.startswith(("F:", "actual", "preflight")) else REQUESTS

    @property
    def beside_f(self) -> bool:
        """Whether this is a single call, which is counted in calls of len."""
        return self.name.startswith(("F:", "actual", "preflight", "asgi", "wsgi"))


# -- applications and servers --------------------------------------------------------------


async def receive() -> dict[str, Any]:
    raise AssertionError("the stub reads no body")


async def send(_message: dict[str, Any]) -> None:
    """What a server's `send` is at least: a coroutine."""


async def stub(_scope: Any, _receive: Any, send: Callable[..., Awaitable[None]]) -> None:
    """The least response of a framework: new messages, a new list."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
        }
    )
    await send({"type": "http.response.body", "body": b"{}"})


def wsgi_stub(_environ: Any, start_response: Call) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def start_response(_status: str, _headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
    """What a server's `start_response` is at least: a Python function."""


def flask_environs(method: str, *fields: tuple[str, str]) -> Callable[[int], Inputs]:
    """Environs that hold what a framework needs, also."""
    make = environs(method, *fields)
    server: dict[str, Any] = {
        "PATH_INFO": "/",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "api.example.com",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "https",
        "wsgi.input": None,
    }
    return lambda n: [({**server, **environ},) for (environ,) in make(n)]


# -- answers, compared before anything is timed --------------------------------------------


def asgi_answer(app: Call, scope: Any) -> list[Any]:
    """The messages that an ASGI application sends."""
    sent: list[Any] = []

    async def keep(message: Any) -> None:
        sent.append({**message, "headers": sorted(message.get("headers", ()))})

    async def run() -> None:
        await app(scope, receive, keep)

    try:
        run().send(None)
    except StopIteration:
        return sent
    raise AssertionError("the application waits")


def wsgi_answer(app: Call, environ: Any) -> list[Any]:
    said: list[Any] = []
    body = app(environ, lambda status, headers, _=None: said.append((status, sorted(headers))))
    return [*said, b"".join(body)]


def expect(name: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise AssertionError(f"{name}: {got!r}, not {wanted!r}")


def expect_echo(name: str, got: Any, wanted: Any, origin: str) -> None:
    """The prototype's answer to an origin that is not the only one."""
    expect(name, type(got).__name__, "Echo")
    expect(name, (got.origin, got.answer.allowed), (origin, True))
    expect(name, wanted.headers[0][1], origin)


def expect_allowed(name: str, headers: Iterable[tuple[Any, Any]]) -> None:
    """A framework spells its headers in its own way; that it allows is what has to agree."""
    found = [str(v) for k, v in headers if str(k).lower().find("access-control-allow-origin") >= 0]
    if not found or APP not in found[0]:
        raise AssertionError(f"{name}: not allowed by {list(headers)!r}")


# -- the rows ------------------------------------------------------------------------------


def make_floor(
    floor: ModuleType, policy: _native.Policy, *, strangers: tuple[str, ...] = (REFUSED,)
) -> Any:
    """The prototype for the policy of the benchmark, with corsfast's own answers in it."""
    return prototype.make(
        floor,
        prototype.answers_of(policy, APP),
        (APP,),
        suffixes=(SUFFIX,),
        names=tuple(OPTIONS["allow_headers"]),
        strangers=strangers,
        lists=(ASK_HEADERS[1], NAMES),
    )


def call_rows(floor: ModuleType, least: Any, policy: _native.Policy) -> Iterator[Row]:
    """Single calls of a policy."""
    expect("F", floor.length(APP), len(APP))
    yield Row("F: len(x)", texts(APP), floor.length, None)
    for name, method, inputs in (
        ("actual: no origin", "actual", texts(None)),
        ("actual: exact", "actual", texts(APP)),
        ("actual: refused, again", "actual", texts(REFUSED)),
        ("preflight: no headers", "preflight", texts(APP, "PUT", None)),
        ("preflight: 3 headers, seen before", "preflight", texts(APP, "PUT", ASK_HEADERS[1])),
        ("preflight: 10 headers, seen before", "preflight", texts(APP, "PUT", NAMES)),
        ("asgi: no origin", "asgi", scopes("GET", *PLAIN)),
        ("asgi: 14 headers", "asgi", scopes("GET", *REQUEST)),
        ("asgi: preflight", "asgi", scopes("OPTIONS", *ASK)),
        ("wsgi: no origin", "wsgi", environs("GET", *PLAIN)),
        ("wsgi: 14 headers", "wsgi", environs("GET", *REQUEST)),
    ):
        given = inputs(1)[0]
        row = Row(name, inputs, getattr(least, method), getattr(policy, method))
        expect(name, row.floor(*given), getattr(policy, method)(*given))
        yield row
    yield from subdomain_rows(floor, policy)
    yield from tenant_rows(floor)
    yield from list_rows(floor)


def subdomain_rows(floor: ModuleType, policy: _native.Policy) -> Iterator[Row]:
    """An origin that a wildcard allows: the prototype reads it, and has no memo to look into."""
    least = make_floor(floor, policy, strangers=())
    name = "actual: subdomain"
    expect_echo(name, least.actual(SUBDOMAIN), policy.actual(SUBDOMAIN), SUBDOMAIN)
    for refused in ("https://a..example.org", "https://example.org", "https://A.example.org"):
        expect(name, least.actual(refused).allowed, policy.actual(refused).allowed)
    yield Row(name, texts(SUBDOMAIN), least.actual, policy.actual)


def tenant_rows(floor: ModuleType) -> Iterator[Row]:
    """One of many exact origins, another one in each call."""
    for count, written in ((100, "100"), (10_000, "10 000")):
        name = f"actual: exact, of {written}"
        policy = _native.Policy(**tenants(count))
        origins = tuple(TENANT.format(i) for i in range(count))
        least = prototype.make(floor, prototype.answers_of(policy, origins[0]), origins)
        for origin in origins:
            expect_echo(name, least.actual(origin), policy.actual(origin), origin)
        for stranger in (TENANT.format(count), REFUSED, "null", ""):
            expect(name, least.actual(stranger).allowed, policy.actual(stranger).allowed)
        yield Row(name, picked(TENANT, count), least.actual, policy.actual)


def list_rows(floor: ModuleType) -> Iterator[Row]:
    """Preflights whose lists of header names were never seen: they have to be read."""
    policy = _native.Policy(**WIDE)
    least = prototype.make(
        floor,
        prototype.answers_of(policy, APP),
        (APP,),
        suffixes=(SUFFIX,),
        names=tuple(WIDE["allow_headers"]),
    )
    for count in (3, 10):
        name = f"preflight: {count} headers, a new list"
        inputs = lists(count)
        given = [*inputs(50), *((APP, "PUT", text) for text in odd_lists(inputs(1)[0][2]))]
        for each in given:
            expect(f"{name}: {each[2]!r}", least.preflight(*each), like(policy, each))
        yield Row(name, inputs, least.preflight, policy.preflight)


def odd_lists(text: str) -> Iterator[str]:
    """Lists that no browser sends: the prototype has to read them, too."""
    yield from (text.upper(), text.replace(",", " , "), text + ",x-other", "x-evil," + text)
    yield from (text + ",,", "," * 16, "," * 15, "x-field-001;", "x-field-001 x-token", UNREAD)
    yield from (" " * 16 + text, " " * 17 + text, "a" * 129, "", "x-token" * 2000)


def like(policy: _native.Policy, given: tuple[Any, ...]) -> Any:
    """What the prototype should say: it tells one refusal from no other."""
    decision = policy.preflight(*given)
    return decision if decision.allowed else policy.preflight(REFUSED, *given[1:])


def asgi_rows(floor: ModuleType, least: Any, policy: _native.Policy) -> Iterator[Row]:
    def driven(app: Call, send: Call = send) -> Call:
        made: Call = floor.AsgiDriver(app, receive, send)
        return made

    ours, least_app, peer = Asgi(stub, policy), floor.Asgi(stub, least), starlette_app()
    for name, inputs, whole in (
        ("ASGI middleware: no origin", scopes("GET", *PLAIN), False),
        ("ASGI middleware: allowed", scopes("GET", *REQUEST), False),
        ("ASGI middleware: preflight, total", scopes("OPTIONS", *ASK), True),
    ):
        scope = inputs(1)[0][0]
        expect(name, asgi_answer(least_app, scope), asgi_answer(ours, scope))
        if peer is not None and "no origin" not in name:
            expect_allowed(name, asgi_answer(peer, scope)[0]["headers"])
        yield Row(
            name,
            inputs,
            driven(least_app),
            driven(ours),
            bare=None if whole else driven(stub),
            peer=peer and driven(peer),
            peer_bare=None if whole else driven(stub),
        )
    # The same exchange without the two coroutines of a server's `send`, which are not ours.
    yield Row(
        "ASGI middleware: preflight, free send",
        inputs,
        driven(least_app, floor.send),
        driven(ours, floor.send),
        peer=peer and driven(peer, floor.send),
    )


def wsgi_driven(floor: ModuleType, app: Call) -> Call:
    made: Call = floor.WsgiDriver(app, start_response)
    return made


def wsgi_rows(floor: ModuleType, least: Any, policy: _native.Policy) -> Iterator[Row]:
    ours, least_app = Wsgi(wsgi_stub, policy), floor.Wsgi(wsgi_stub, least)
    for name, method, fields, whole in (
        ("WSGI middleware: no origin", "GET", PLAIN, False),
        ("WSGI middleware: allowed", "GET", REQUEST, False),
        ("WSGI middleware: preflight, total", "OPTIONS", ASK, True),
    ):
        inputs = environs(method, *fields)
        environ = inputs(1)[0][0]
        expect(name, wsgi_answer(least_app, environ), wsgi_answer(ours, environ))
        yield Row(
            name,
            inputs,
            wsgi_driven(floor, least_app),
            wsgi_driven(floor, ours),
            bare=None if whole else wsgi_driven(floor, wsgi_stub),
        )
    bare = flask_app(cors=False)
    if bare is not None:
        yield from flask_rows(floor, least, policy, bare.wsgi_app)


def flask_rows(floor: ModuleType, least: Any, policy: _native.Policy, app: Any) -> Iterator[Row]:
    """A Flask application wrapped from outside, beside one with flask-cors."""
    peer = flask_app(cors=True)
    ours, least_app = Wsgi(app, policy), floor.Wsgi(app, least)
    for name, fields in (
        ("Flask, wrapped: no origin", PLAIN),
        ("Flask, wrapped: allowed", REQUEST),
    ):
        inputs = flask_environs("GET", *fields)
        answers = [wsgi_answer(it, inputs(1)[0][0]) for it in (least_app, ours)]
        expect(name, *answers)
        if "no origin" not in name:
            expect_allowed(name, wsgi_answer(peer, inputs(1)[0][0])[0][1])
        yield Row(
            name,
            inputs,
            wsgi_driven(floor, least_app),
            wsgi_driven(floor, ours),
            bare=wsgi_driven(floor, app),
            peer=wsgi_driven(floor, peer),
            peer_bare=wsgi_driven(floor, app),
            by_turns=True,
            wanted=WANTED_FLASK,
        )


def every_row() -> list[Row]:
    """All rows, in the order of the table; no answer is left that was not compared.

    Raises:
        AssertionError: for one that differs.
        subprocess.CalledProcessError, OSError: there is no C compiler, or it refuses.
    """
    floor = prototype.load()
    policy = _native.Policy(**OPTIONS)
    least = make_floor(floor, policy)
    return [
        *call_rows(floor, least, policy),
        *asgi_rows(floor, least, policy),
        *wsgi_rows(floor, least, policy),
        *stand_rows(floor),
    ]


def stand_rows(floor: ModuleType) -> Iterator[Row]:
    """The drop-ins, where the frameworks' own middlewares stand."""
    for framework, put in (("Starlette", put_starlette), ("Litestar", put_litestar)):
        try:
            bare, own, ours = put()
        except ModuleNotFoundError:
            continue
        yield from rows_around(floor, framework, bare, own, ours)


def rows_around(
    floor: ModuleType,
    framework: str,
    put: Callable[[Callable[[Call], Call] | None], Call],
    own: Call,
    ours: Call,
) -> Iterator[Row]:
    """Rows of one application: ``put(None)`` is it bare, ``put(f)`` with f's middleware."""
    asks = {
        "no origin": lambda n: [(whole_scope("GET", PLAIN),) for _ in range(n)],
        "allowed": lambda n: [(whole_scope("GET", REQUEST),) for _ in range(n)],
        "preflight, total": lambda n: [(whole_scope("OPTIONS", ASK),) for _ in range(n)],
    }
    bare = put(None)
    said = {name: asgi_answer(ours, inputs(1)[0][0]) for name, inputs in asks.items()}
    plain = asgi_answer(bare, asks["no origin"](1)[0][0])[0]["headers"]
    added = {
        name: tuple(pair for pair in start["headers"] if pair not in plain)
        for name, (start, _) in said.items()
    }
    start, end = said["preflight, total"]
    no_origin = prototype.Answer(added["no origin"], (), None)
    allowed = prototype.Answer(added["allowed"], (), None)
    preflight = prototype.Answer(tuple(start["headers"]), (), start["status"])
    least = prototype.make(
        floor,
        prototype.Answers(no_origin, allowed, no_origin, preflight, preflight),
        (APP,),
        lists=(ASK_HEADERS[1],),
        body=end["body"],
    )
    around = put(lambda app: floor.Asgi(app, least))  # type: ignore[no-any-return]

    def driven(app: Call) -> Call:
        made: Call = floor.AsgiDriver(app, receive, send)
        return made

    for name, inputs in asks.items():
        title = f"{framework} drop-in: {name}"
        scope = inputs(1)[0][0]
        expect(title, asgi_answer(around, scope), said[name])
        if name != "no origin":
            expect_allowed(title, asgi_answer(own, inputs(1)[0][0])[0]["headers"])
        whole = name == "preflight, total"
        yield Row(
            title,
            inputs,
            driven(around),
            driven(ours),
            bare=None if whole else driven(bare),
            peer=driven(own),
            peer_bare=None if whole else driven(bare),
            by_turns=not whole,
        )


ONE = {**POLICY, "allow_origins": [APP]}


def put_starlette() -> tuple[Any, Any, Any]:
    """Starlette's middleware goes around the application; here, as in its bench, its parts."""
    from starlette.applications import Starlette
    from starlette.middleware.cors import CORSMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from corsfast.middleware import starlette as drop_in

    async def index(_request: Any) -> Any:
        return PlainTextResponse("ok")

    app: Any = Starlette(routes=[Route("/", index)])
    own: Any = CORSMiddleware(app, **ONE)
    return lambda put: put(app) if put else app, own, drop_in.CORSMiddleware(app, **ONE)


def put_litestar() -> tuple[Any, Any, Any]:
    """Litestar's stands inside of the application, around the router and its error handler."""
    from litestar.config.cors import CORSConfig

    from corsfast.bench.peers.litestar import build
    from corsfast.middleware import litestar as drop_in

    def with_put(put: Any) -> Any:
        app = build()
        if put:
            app.asgi_handler = put(app.asgi_handler)
        return app

    own = build(cors_config=CORSConfig(**ONE))
    return with_put, own, drop_in.install(build(), drop_in.CORSConfig(**ONE))


def starlette_app() -> Any:
    """Starlette's middleware around the stub, with the same policy but for the wildcards."""
    try:
        from starlette.middleware.cors import CORSMiddleware
    except ModuleNotFoundError:
        return None
    return CORSMiddleware(
        stub,
        allow_origins=[APP],
        allow_methods=OPTIONS["allow_methods"],
        allow_headers=OPTIONS["allow_headers"],
        expose_headers=OPTIONS["expose_headers"],
        allow_credentials=True,
    )


def flask_app(*, cors: bool) -> Any:
    """A Flask application with one view, with or without flask-cors."""
    try:
        from flask import Flask
        from flask_cors import CORS
    except ModuleNotFoundError:
        return None
    app = Flask("floor")

    @app.route("/", methods=["GET", "PUT"])
    def view() -> tuple[bytes, dict[str, str]]:
        return b"{}", {"Content-Type": "application/json"}

    if cors:
        CORS(
            app,
            origins=[APP],
            methods=OPTIONS["allow_methods"],
            allow_headers=OPTIONS["allow_headers"],
            expose_headers=OPTIONS["expose_headers"],
            supports_credentials=True,
        )
    return app


# -- measuring and showing -----------------------------------------------------------------

HEADS = (
    "row",
    "bare",
    "floor",
    "corsfast",
    "theirs",
    "ours/floor",
    "theirs/ours",
    "theirs/floor",
    "floor/F",
    "ours/F",
)


class Parts(NamedTuple):
    """Nanoseconds per call of one row in one round, the bare ones not yet subtracted."""

    f: float
    bare: float
    floor: float
    ours: float | None
    peer: float | None
    peer_bare: float


def time_row(row: Row) -> Parts:
    """One round of one row."""
    gc.collect()
    gc.disable()
    try:
        return time_by_turns(row) if row.by_turns else time_blocks(row)
    finally:
        gc.enable()


def time_by_turns(row: Row) -> Parts:
    """Each of the three takes turns with what is bare."""
    whole = {
        "floor": (row.floor, row.bare),
        "ours": (row.ours, row.bare),
        "peer": (row.peer, row.peer_bare),
    }
    took: dict[str, tuple[float, ...]] = {}
    for name in random.sample(list(whole), len(whole)):
        pair = [(Subject(it, row.inputs), row.calls) for it in whole[name] if it is not None]
        took[name] = turns(pair)
    (floor, bare), (peer, peer_bare) = took["floor"], took["peer"]
    ours, beside = took["ours"]
    return Parts(0.0, bare, floor, ours - beside + bare, peer, peer_bare)


def time_blocks(row: Row) -> Parts:
    """All of them in a random order."""
    parts: dict[str, Call | None] = {
        "f": len if row.beside_f else None,
        "bare": row.bare,
        "floor": row.floor,
        "ours": row.ours,
        "peer": row.peer,
        "peer_bare": row.peer_bare,
    }
    times: dict[str, float] = {}
    order = list(parts)
    random.shuffle(order)
    for name in order:
        call = parts[name]
        if call is not None:
            inputs, calls = (texts(APP), CALLS) if name == "f" else (row.inputs, row.calls)
            times[name] = sample(Subject(call, inputs), calls)
    return Parts(
        times.get("f", 0.0),
        times.get("bare", 0.0),
        times["floor"],
        times.get("ours"),
        times.get("peer"),
        times.get("peer_bare", 0.0),
    )


def line(row: Row, rounds: list[Parts]) -> str:
    """One line of the table. Differences and ratios are taken round by round: a machine that is
    slow for a while is slow for all that one round compares."""
    bare = [it.bare for it in rounds] if row.bare is not None else []
    floor = [it.floor - it.bare for it in rounds]
    ours = [it.ours - it.bare for it in rounds if it.ours is not None]
    peer = [it.peer - it.peer_bare for it in rounds if it.peer is not None]
    f = [it.f for it in rounds] if row.beside_f else []
    cells = [cell(times) for times in (bare, floor, ours, peer)]
    for above, below, misses in (
        (ours, floor, lambda ratio: ratio > WANTED_FLOOR),
        (peer, ours, lambda ratio: ratio < row.wanted),
        (peer, floor, lambda ratio: ratio < row.wanted),
        (floor, f, lambda _: False),
        (ours, f, lambda _: False),
    ):
        # What took no time in a round is beyond every ratio in it.
        ratios = [
            one / other if other > 0 else math.inf for one, other in zip(above, below, strict=False)
        ]
        if not ratios:
            cells.append("")
        else:
            ratio = statistics.median(ratios)
            cells.append(f"{ratio:.2f}{'!' if misses(ratio) else ''}")
    return f"| {' | '.join((row.name, *cells))} |"


def cell(times: list[float]) -> str:
    if not times:
        return ""
    figure = summarise(times)
    spread = (figure.high - figure.low) / 2
    return f"{figure.median:.1f} ±{spread:.1f}{'~' if figure.noisy else ''}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="How far from the floor, in one run.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, rougher figures")
    parser.add_argument("--cases", metavar="WORD", default="", help="only rows with this word")
    given = parser.parse_args(argv)
    rounds = 101 if given.quick else 501

    if (why := prototype.lacking()) is not None:
        parser.error(f"no prototype: {why}; CC=... names one")
    every = every_row()
    chosen = [row for row in every if given.cases in row.name]
    if not chosen:
        parser.error(f"no row holds {given.cases!r}")
    found: dict[str, list[Parts]] = {row.name: [] for row in chosen}
    for done in range(rounds):
        progress(f"round {done + 1} of {rounds}")
        for row in chosen:
            found[row.name].append(time_row(row))
    progress("")

    print(f"{machine()}; {rounds} interleaved rounds.\n")
    print(f"| {' | '.join(HEADS)} |\n|---|{'---:|' * (len(HEADS) - 1)}")
    for row in chosen:
        print(line(row, found[row.name]))
    print(
        "\nNanoseconds per call, net of the loop and of the bare application, median ± half of the"
        f" middle half's spread; `~` marks a noisy figure. `!` misses what is wanted: ours/floor at"
        f" most {WANTED_FLOOR}, the other two of theirs at least {WANTED_PEER} ({WANTED_FLASK} for"
        " Flask).\n\n"
        "theirs: Starlette's CORSMiddleware around the same stub; flask-cors in the same Flask"
        " application; Starlette's and Litestar's own where our drop-ins stand. F is len(x), timed"
        " beside each call."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
