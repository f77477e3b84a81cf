"""Origins that are looked up: which ones, what is cached, and the effect of failures."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import logging
import pickle
import threading
import time
from collections import OrderedDict
from typing import Any, NoReturn

import pytest
from support.client import DOORS, preflight_of

import corsfast
from corsfast import Outcome
from corsfast._options.limits import MAX_RESOLVER_THREADS
from corsfast.middleware.resolver import OriginResolver

APP = "https://app.example.com"
TENANT = "https://shop.tenant.example"
OTHER = "https://other.example"


class Database:
    """A look-up as an application has it, in both forms, which records its calls."""

    def __init__(self, *origins: str) -> None:
        self.origins = set(origins)
        self.asked: list[str] = []
        self.threads: set[int] = set()

    def __call__(self, origin: str) -> bool:
        self.asked.append(origin)
        self.threads.add(threading.get_ident())
        return origin in self.origins

    async def coroutine(self, origin: str) -> bool:
        await asyncio.sleep(0)
        return self(origin)


@pytest.fixture
def database() -> Database:
    return Database(TENANT)


@pytest.fixture
def policy(Policy: Any) -> Any:
    return Policy(
        allow_origins=[APP],
        allow_methods=["PUT"],
        allow_headers=["X-Token"],
        expose_headers=["X-Total"],
        allow_credentials=True,
        max_age=60,
        timing_allow_origin=True,
    )


# -- which origins are looked up, and the responses ---------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
def test_a_resolved_origin_is_treated_like_a_listed_one(
    Policy: Any, policy: Any, door: Any, database: Database, is_async: bool
) -> None:
    if is_async and door.name == "wsgi":
        return  # rejected at start-up; see below
    resolver = OriginResolver(database.coroutine if is_async else database)
    ask = door.around(policy, resolver=resolver, sent=[("Vary", "Accept")])
    options = policy.options()
    listed = door.around(
        Policy(**{**options, "allow_origins": [APP, TENANT]}), sent=[("Vary", "Accept")]
    )
    for origin in (TENANT, OTHER):
        for headers in (
            {"origin": origin},
            preflight_of(origin, "PUT"),
            preflight_of(origin, "DELETE"),
            {**preflight_of(origin), "access_control_request_headers": "x-token"},
            {**preflight_of(origin), "access_control_request_headers": "x-other"},
        ):
            for method in ("GET", "OPTIONS"):
                assert ask(method, **headers) == listed(method, **headers)
    assert database.asked == [TENANT, OTHER]


def test_origins_that_the_policy_decides_are_not_resolved(
    policy: Any, door: Any, database: Database
) -> None:
    ask = door.around(policy, resolver=OriginResolver(database))
    for origin in (
        APP,
        "null",
        "garbage",
        "",
        "https://Shop.tenant.example",
        f"{TENANT}/",
        f"{TENANT},{APP}",
        "chrome-extension://abc",
        "https://" + "a." * 200 + "example",
        "https://shop.tenant.example:443",
    ):
        ask("GET", origin=origin)
        ask("OPTIONS", **preflight_of(origin, "DELETE"))
    ask("GET")
    assert database.asked == []


def test_a_policy_as_verdict_answers_itself(Policy: Any, policy: Any, door: Any) -> None:
    mine = Policy(allow_origins=[TENANT], allow_methods=["DELETE"], max_age=5)
    anybody = Policy(allow_origins="*", expose_headers=["X-Own"])
    by_origin = {TENANT: mine, OTHER: mine, "https://any.example": anybody}
    ask = door.around(policy, resolver=OriginResolver(by_origin.get))
    reply = ask("OPTIONS", **preflight_of(TENANT, "DELETE"))
    assert reply.status == 204
    assert reply.all("access-control-max-age") == ["5"]
    assert reply.all("access-control-allow-credentials") == []
    reply = ask("OPTIONS", **preflight_of(TENANT, "PUT"))
    assert (reply.status, reply.first("access-control-allow-methods")) == (204, "DELETE")
    # It applies to the origins that it lists.
    assert ask("GET", origin=OTHER).origin is None
    # The field depends on the origin, so it is never "*".
    reply = ask("GET", origin="https://any.example")
    assert (reply.origin, reply.vary) == ("https://any.example", "Origin")
    assert reply.all("access-control-expose-headers") == ["X-Own"]
    assert ask("GET", origin="https://none.example").origin is None


def test_refused_origins_may_be_blocked(policy: Any, door: Any, database: Database) -> None:
    ask = door.around(policy, resolver=OriginResolver(database), cross_site="refuse_all")
    assert ask("POST", origin=TENANT).reached
    assert ask("POST", origin=OTHER).status == 403
    assert ask("POST", origin=OTHER, host="other.example").reached
    assert ask("POST", origin="garbage").status == 403
    # A preflight that asks for too much is answered and not blocked.
    for origin in (APP, TENANT):
        reply = ask("OPTIONS", **preflight_of(origin, "PATCH"))
        assert (reply.status, reply.origin) == (204, origin)
    assert ask("OPTIONS", **preflight_of(OTHER, "PATCH")).status == 403


def test_a_star_verdict_lets_no_other_site_write(Policy: Any, door: Any) -> None:
    policy, public = Policy(allow_origins=()), Policy(allow_origins="*")
    ask = door.around(policy, resolver=OriginResolver(lambda _: public), cross_site="refuse")
    assert ask("GET", origin=OTHER).reached
    for _ in range(2):  # looked up, then from the cache
        assert ask("POST", origin=OTHER).status == 403
    assert ask("POST", origin=OTHER, host="other.example").reached
    assert policy.stats().forged == 2
    listing = Policy(allow_origins=[OTHER])
    ask = door.around(policy, resolver=OriginResolver(lambda _: listing), cross_site="refuse")
    assert ask("POST", origin=OTHER).reached


def test_one_resolver_for_many_policies(Policy: Any, door: Any, database: Database) -> None:
    paths = {
        "/a/*": Policy(allow_origins=(), max_age=1),
        "/b/*": corsfast.PolicyHolder(Policy(allow_origins=(), max_age=2)),
    }
    ask = door.around(paths=paths, resolver=OriginResolver(database))
    for path, age in (("/a/x", "1"), ("/b/x", "2"), ("/a/x", "1")):
        reply = ask("OPTIONS", path, **preflight_of(TENANT))
        assert reply.all("access-control-max-age") == [age]
    assert ask("GET", "/c", origin=TENANT).origin is None
    assert database.asked == [TENANT]


# -- Vary ------------------------------------------------------------------------------------


def test_vary_names_the_inputs_of_the_resolver(policy: Any, door: Any) -> None:
    def resolve(origin: str, request: Any) -> bool:
        if "headers" in request:
            return (b"x-tenant", b"one") in request["headers"]
        return bool(request.get("HTTP_X_TENANT") == "one")

    ask = door.around(
        policy,
        resolver=OriginResolver(resolve, vary=["X-Tenant", "origin"]),
        sent=[("Vary", "Accept, x-tenant")],
    )
    for _ in range(2):
        for tenant, origin in (("one", OTHER), ("two", None)):
            reply = ask("GET", origin=OTHER, x_tenant=tenant)
            assert (reply.origin, reply.vary) == (origin, "Accept, x-tenant, Origin")
            reply = ask("OPTIONS", **preflight_of(OTHER, "PUT"), x_tenant=tenant)
            assert reply.status == (204 if origin else 403)
            assert reply.vary == (
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, X-Tenant"
            )
    # Without a look-up, the resolver's header has not been read.
    assert ask("GET", origin=APP, x_tenant="one").vary == "Accept, x-tenant, Origin"
    other = door.around(
        policy, resolver=OriginResolver(resolve, vary=["X-Tenant"]), sent=[("Vary", "Accept")]
    )
    assert other("GET", origin=OTHER, x_tenant="one").vary == "Accept, Origin, X-Tenant"
    assert other("GET", origin=OTHER, x_tenant="two").vary == "Accept, Origin, X-Tenant"
    plain = door.around(policy, resolver=OriginResolver(resolve, vary=["X-Tenant"]))
    assert plain("GET", origin=APP).vary == "Origin"
    assert plain("GET", origin=OTHER).vary == "Origin, X-Tenant"


def test_a_declared_header_is_remembered_for(policy: Any, door: Any, database: Database) -> None:
    """This includes a resolver that gets the header from elsewhere."""
    ask = door.around(policy, resolver=OriginResolver(database, vary=["X-Tenant"]))
    for tenant in ("one", "two", "one"):
        ask("GET", origin=TENANT, x_tenant=tenant)
    ask("GET", origin=TENANT)
    assert len(database.asked) == 3


# -- caching ---------------------------------------------------------------------------------


def test_verdicts_are_remembered_for_their_time(policy: Any, door: Any, database: Database) -> None:
    ask = door.around(policy, resolver=OriginResolver(database, ttl=0.05))
    for origin in (TENANT, TENANT, OTHER, OTHER):
        ask("GET", origin=origin)
    first = len(database.asked)
    time.sleep(0.1)
    for origin in (TENANT, OTHER):
        ask("GET", origin=origin)
    assert database.asked[-2:] == [TENANT, OTHER]
    assert len(database.asked) == first + 2


def test_a_ttl_of_nothing_remembers_nothing(policy: Any, door: Any, database: Database) -> None:
    ask = door.around(policy, resolver=OriginResolver(database, ttl=0))
    for _ in range(3):
        assert ask("GET", origin=TENANT).origin == TENANT
    assert len(database.asked) == 3


def test_rejected_origins_do_not_evict_an_allowed_one(
    policy: Any, door: Any, database: Database
) -> None:
    resolver = OriginResolver(database, max_entries=5)
    ask = door.around(policy, resolver=resolver)
    ask("GET", origin=TENANT)
    for i in range(50):
        ask("GET", origin=f"https://other{i}.example")
    assert len(resolver._refused) == 5
    database.asked.clear()
    ask("GET", origin=TENANT)
    ask("GET", origin="https://other49.example")
    assert database.asked == []
    ask("GET", origin="https://other0.example")
    assert database.asked == ["https://other0.example"]


def test_the_least_recently_used_goes_first(policy: Any, door: Any) -> None:
    database = Database(*(f"https://t{i}.example" for i in range(4)))
    resolver = OriginResolver(database, max_entries=3)
    ask = door.around(policy, resolver=resolver)
    for i in (0, 1, 2, 0, 3):
        ask("GET", origin=f"https://t{i}.example")
    database.asked.clear()
    for i in (0, 2, 3, 1):
        ask("GET", origin=f"https://t{i}.example")
    assert database.asked == ["https://t1.example"]
    assert len(resolver._allowed) == 3


def test_forgetting(policy: Any, door: Any, database: Database) -> None:
    resolver = OriginResolver(database)
    ask = door.around(policy, resolver=resolver)
    ask("GET", origin=TENANT)
    ask("GET", origin=OTHER)
    database.origins = {OTHER}
    assert ask("GET", origin=TENANT).origin == TENANT
    resolver.forget(TENANT)
    assert ask("GET", origin=TENANT).origin is None
    assert ask("GET", origin=OTHER).origin is None
    resolver.forget()
    assert ask("GET", origin=OTHER).origin == OTHER


def test_forget_during_a_lookup_discards_the_result(policy: Any, door: Any) -> None:
    answers = [True, False]

    def resolve(origin: str) -> bool:
        resolver.forget(origin)
        return answers.pop(0)

    resolver = OriginResolver(resolve)
    ask = door.around(policy, resolver=resolver)
    assert ask("GET", origin=TENANT).origin == TENANT
    assert ask("GET", origin=TENANT).origin is None


def test_the_last_word_counts(database: Database) -> None:
    resolver = OriginResolver(database)
    for origins in (set(), {TENANT}, set()):
        database.origins = origins
        expected = TENANT in origins
        assert resolver.look_up(TENANT, {}) is expected
        assert resolver.recall(TENANT, {}) is expected


def test_a_result_for_one_tenant_is_not_used_for_another(policy: Any, door: Any) -> None:
    """A resolver that sees the request: a verdict for one tenant is not used for another."""
    asked = []

    def resolve(origin: str, request: Any) -> bool:
        asked.append(request)
        return len(asked) == 1

    ask = door.around(policy, resolver=OriginResolver(resolve))
    for host, path, origin in [
        ("a.example", "/x", OTHER),
        ("a.example", "/x", OTHER),
        ("b.example", "/x", None),
        ("a.example", "/y", None),
    ]:
        assert ask("GET", path, origin=OTHER, host=host).origin == origin
    assert len(asked) == 3
    own = OriginResolver(resolve, key=lambda request: "always the same")
    ask = door.around(policy, resolver=own)
    asked.clear()
    for host, path in [("a.example", "/x"), ("b.example", "/y")]:
        assert ask("GET", path, origin=OTHER, host=host).origin == OTHER
    assert len(asked) == 1
    own.forget(OTHER)
    assert ask("GET", origin=OTHER).origin is None


def test_long_requests_make_no_long_keys(policy: Any, door: Any) -> None:
    resolver = OriginResolver(lambda origin, request: False, vary=["Cookie"])
    ask = door.around(policy, resolver=resolver)
    for i in range(3):
        ask("GET", "/x" * 2000, origin=OTHER, cookie=f"{i}" + "x" * 4000)
    assert len(resolver._refused) == 3
    assert all(len(repr(key)) < 300 for key in resolver._refused)


# -- failures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        lambda origin: 1 / 0,
        lambda origin: "yes",
        lambda origin: 1,
        lambda origin: asyncio.sleep(0) and object(),
        lambda origin: [origin],
        lambda origin: next(iter(())),  # a future cannot hold the StopIteration
    ],
    ids=range(6),
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_failure_refuses_and_is_not_remembered(
    policy: Any, door: Any, broken: Any, caplog: Any
) -> None:
    answers = [broken, lambda origin: True]
    ask = door.around(policy, resolver=OriginResolver(lambda origin: answers.pop(0)(origin)))
    with caplog.at_level(logging.ERROR, "corsfast.resolver"):
        reply = ask("GET", origin=OTHER)
    assert (reply.reached, reply.has_cors, reply.vary) == (True, False, "Origin")
    (record,) = caplog.records
    assert record.getMessage() == f"looking up {OTHER!r} failed; it is refused"
    assert record.exc_info
    assert ask("GET", origin=OTHER).origin == OTHER


def test_a_key_that_fails_refuses(policy: Any, door: Any, caplog: Any) -> None:
    for key in (lambda request: 1 / 0, lambda request: []):
        ask = door.around(policy, resolver=OriginResolver(lambda origin: True, key=key))
        assert ask("GET", origin=OTHER).origin is None
    assert len(caplog.records) == 2


def test_a_flood_of_failures_is_not_a_flood_of_lines(policy: Any, door: Any, caplog: Any) -> None:
    ask = door.around(policy, resolver=OriginResolver(lambda origin: 1 / 0))
    for i in range(100):
        ask("GET", origin=f"https://a{i}.example")
    assert len(caplog.records) == 10


# -- the event loop --------------------------------------------------------------------------


def gather(middleware: Any, origins: list[str]) -> list[Any]:
    door = DOORS["asgi"]

    async def serve() -> list[Any]:
        requests = [door.request("GET", origin=origin) for origin in origins]
        return await asyncio.gather(*(door.ask(middleware, request) for request in requests))

    return asyncio.run(serve())


@pytest.mark.parametrize("is_async", [False, True])
def test_concurrent_requests_share_one_look_up(
    policy: Any, database: Database, is_async: bool
) -> None:
    resolver = OriginResolver(database.coroutine if is_async else database, ttl=0)
    middleware = DOORS["asgi"].around(policy, resolver=resolver).middleware
    replies = gather(middleware, [TENANT, OTHER] * 20)
    assert [reply.origin for reply in replies] == [TENANT, None] * 20
    assert sorted(database.asked) == sorted([TENANT, OTHER])
    gather(middleware, [TENANT])
    assert len(database.asked) == 3


def test_a_plain_function_does_not_hold_up_the_event_loop(policy: Any) -> None:
    """The function waits here for something that only the event loop can do."""
    started, released = threading.Event(), threading.Event()

    def resolve(origin: str) -> bool:
        started.set()
        return released.wait(10)

    door = DOORS["asgi"]
    middleware = door.around(policy, resolver=OriginResolver(resolve)).middleware

    async def serve() -> Any:
        waiting = asyncio.ensure_future(door.ask(middleware, door.request("GET", origin=TENANT)))
        while not started.is_set():
            await asyncio.sleep(0.001)
        other = await door.ask(middleware, door.request("GET", origin=APP))
        assert other.origin == APP
        released.set()
        return await waiting

    assert asyncio.run(serve()).origin == TENANT


def test_a_flood_of_origins_leaves_the_application_its_threads(policy: Any) -> None:
    released = threading.Event()
    busy: set[int] = set()

    def resolve(origin: str) -> bool:
        busy.add(threading.get_ident())
        return released.wait(60)

    middleware = DOORS["asgi"].around(policy, resolver=OriginResolver(resolve, ttl=0)).middleware
    origins = [f"https://shop-{i}.tenant.example" for i in range(100)]

    async def serve() -> Any:
        door = DOORS["asgi"]
        waiting = asyncio.gather(
            *(door.ask(middleware, door.request("GET", origin=origin)) for origin in origins)
        )
        await asyncio.sleep(0)  # every look-up is queued
        try:
            await asyncio.wait_for(asyncio.to_thread(int), 30)
        finally:
            released.set()
        return await waiting

    assert [reply.origin for reply in asyncio.run(serve())] == origins
    assert len(busy) <= MAX_RESOLVER_THREADS


def test_a_plain_function_sees_the_context_of_the_request(policy: Any) -> None:
    tenant = contextvars.ContextVar("tenant", default="")

    async def serve() -> Any:
        tenant.set(TENANT)
        return await OriginResolver(lambda origin: tenant.get() == origin).look_up_async(TENANT, {})

    assert asyncio.run(serve()) is True


def test_threads_share_one_look_up_in_wsgi(policy: Any) -> None:
    asked: list[str] = []
    waiting = threading.Barrier(4, timeout=30)

    def resolve(origin: str) -> bool:
        asked.append(origin)
        waiting.wait()
        for _ in range(20_000):
            if passed == 3:  # the other threads have found this look-up
                break
            time.sleep(0.001)
        return True

    passed = 0
    resolver = OriginResolver(resolve, ttl=0)

    class Flights(dict[Any, Any]):
        def setdefault(self, mark: Any, flight: Any) -> Any:
            nonlocal passed
            found = super().setdefault(mark, flight)
            passed += found is not flight
            return found

    resolver._flights = Flights()
    found: list[Any] = []

    def ask(first: bool) -> None:
        if not first:
            waiting.wait()
        found.append(resolver.look_up(TENANT, {}))

    threads = [threading.Thread(target=ask, args=(i == 0,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, asked, resolver._flights) == ([True] * 4, [TENANT], {})


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_failed_look_up_leaves_no_thread_waiting(error: type[BaseException]) -> None:
    def resolve(origin: str) -> bool:
        raise error

    resolver = OriginResolver(resolve)
    with contextlib.suppress(SystemExit):
        assert resolver.look_up(TENANT, {}) is False
    assert resolver._flights == {}


@pytest.mark.parametrize("vary", [(), ("X-Tenant",)])
def test_forgetting_one_origin_visits_no_other(database: Database, vary: tuple[str, ...]) -> None:
    resolver = OriginResolver(database, vary=vary, max_entries=50)
    others = [f"https://shop-{i}.tenant.example" for i in range(100)]
    for origin in (*others, TENANT, OTHER):
        resolver.look_up(origin, {})

    class Unvisited(OrderedDict[Any, Any]):
        def __iter__(self) -> NoReturn:
            raise AssertionError

        keys = items = __iter__

    resolver._allowed = Unvisited(resolver._allowed)
    resolver._refused = Unvisited(resolver._refused)
    resolver.forget(OTHER)
    assert resolver.recall(OTHER, {}) is None
    assert resolver.recall(TENANT, {}) is True
    assert resolver.recall(others[-1], {}) is False
    assert len(resolver._keys) == (50 if vary else 0)  # 49 refused origins, and TENANT


def test_the_first_waiting_request_may_be_cancelled(policy: Any) -> None:
    asked = []

    async def resolve(origin: str) -> bool:
        asked.append(origin)
        await asyncio.sleep(0.05)
        return True

    middleware = DOORS["asgi"].around(policy, resolver=OriginResolver(resolve)).middleware
    door = DOORS["asgi"]

    async def serve() -> Any:
        first, second = (
            asyncio.ensure_future(door.ask(middleware, door.request("GET", origin=TENANT)))
            for _ in range(2)
        )
        await asyncio.sleep(0.01)
        first.cancel()
        reply = await second
        assert first.cancelled()
        return reply

    assert asyncio.run(serve()).origin == TENANT
    assert asked == [TENANT]


def test_a_look_up_that_waits_for_a_cancelled_one_refuses(policy: Any, caplog: Any) -> None:
    async def resolve(origin: str) -> bool:
        waiting = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await waiting
        return True

    middleware = DOORS["asgi"].around(policy, resolver=OriginResolver(resolve)).middleware
    replies = gather(middleware, [TENANT, TENANT])
    assert [(reply.reached, reply.origin) for reply in replies] == [(True, None)] * 2
    assert len(caplog.records) == 1


def test_a_look_up_ends_with_its_loop(policy: Any, caplog: Any) -> None:
    async def resolve(origin: str) -> bool:
        await asyncio.sleep(60)
        return True

    door = DOORS["asgi"]
    resolver = OriginResolver(resolve)
    middleware = door.around(policy, resolver=resolver).middleware

    async def serve() -> None:
        asked = asyncio.ensure_future(door.ask(middleware, door.request("GET", origin=TENANT)))
        await asyncio.sleep(0.01)
        asked.cancel()

    asyncio.run(serve())
    assert caplog.records == []
    assert not any(resolver._pending.values())


def test_one_loop_after_another(policy: Any, database: Database) -> None:
    resolver = OriginResolver(database.coroutine, ttl=0)
    middleware = DOORS["asgi"].around(policy, resolver=resolver).middleware
    for _ in range(3):
        assert gather(middleware, [TENANT, TENANT])[1].origin == TENANT
    assert len(resolver._pending) <= 1  # the last loop may not be collected yet


def test_loops_in_several_threads(policy: Any) -> None:
    database = Database(TENANT)
    resolver = OriginResolver(database.coroutine)
    middleware = DOORS["asgi"].around(policy, resolver=resolver).middleware
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.extend(gather(middleware, [TENANT, OTHER] * 10)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.origin for reply in found] == [TENANT, None] * 40


def test_a_remembered_verdict_starts_no_coroutine(policy: Any, database: Database) -> None:
    inner = object()
    middleware: Any = DOORS["asgi"].CORSMiddleware(
        lambda scope, receive, send: inner, policy, resolver=OriginResolver(database)
    )
    scope = DOORS["asgi"].request("GET", origin=TENANT)
    scope.pop("reached")

    async def first() -> None:
        with pytest.raises(TypeError):  # the inner one cannot be awaited
            await middleware(scope, None, None)

    asyncio.run(first())
    assert middleware(scope, None, None) is inner


def test_wsgi_cannot_wait(Policy: Any, database: Database) -> None:
    with pytest.raises(TypeError, match="give OriginResolver a plain function"):
        DOORS["wsgi"].around(Policy(allow_origins=()), resolver=OriginResolver(database.coroutine))


# -- mistakes --------------------------------------------------------------------------------


async def of_three(a: str, b: Any, c: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"resolve": True}, "resolve must be a function of an origin"),
        ({"resolve": Database}, "resolve must be a function of an origin"),
        ({"resolve": lambda: True}, r"called as resolve\(origin\) or resolve\(origin, request\)"),
        ({"resolve": of_three}, r"called as resolve\(origin\) or resolve\(origin, request\)"),
        ({"resolve": lambda *, origin: True}, r"called as resolve\(origin\)"),
        ({"ttl": "60"}, "ttl must be a number of seconds, not str"),
        ({"ttl": True}, "ttl must be a number of seconds, not bool"),
        ({"ttl": None}, "ttl must be a number of seconds, not NoneType"),
        ({"max_entries": 1.5}, "max_entries must be an int, not float"),
        ({"vary": "Origin"}, "vary must be a list of header names, not 'Origin'"),
        ({"vary": [b"Origin"]}, "vary must hold header names"),
        ({"key": "host"}, "key must be a function of the request, not str"),
    ],
)
def test_arguments_of_wrong_types(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        OriginResolver(**{"resolve": lambda origin: True, **arguments})


@pytest.mark.parametrize(
    ("arguments", "code", "option"),
    [
        ({"ttl": -1}, "out-of-range", "ttl"),
        ({"ttl": float("nan")}, "out-of-range", "ttl"),
        ({"ttl": float("inf")}, "out-of-range", "ttl"),
        ({"ttl": 86_401}, "out-of-range", "ttl"),
        ({"max_entries": 0}, "out-of-range", "max_entries"),
        ({"vary": ["*"]}, "not-a-token", "vary"),
        ({"vary": ["X Y"]}, "not-a-token", "vary"),
        ({"vary": [""]}, "not-a-token", "vary"),
        ({"vary": ["X\r\nY: Z"]}, "not-a-token", "vary"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], code: str, option: str) -> None:
    with pytest.raises(corsfast.PolicyError) as caught:
        OriginResolver(lambda origin: True, **arguments)
    (problem,) = caught.value.problems
    assert (problem.code, problem.option) == (code, option)
    said = "1 problem in the arguments of OriginResolver:\n"
    assert str(caught.value).startswith(said)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("wrong", [True, lambda origin: True, OriginResolver])
def test_invalid_resolvers_are_rejected(Policy: Any, door: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"write resolver=OriginResolver\(resolve\)"):
        door.around(Policy(allow_origins=()), resolver=wrong)


def test_a_resolver_that_would_never_be_asked(Policy: Any, door: Any) -> None:
    resolver = OriginResolver(lambda origin: True)
    for options in (
        {"policy": Policy(allow_origins="*")},
        {"paths": {"/*": Policy(allow_origins="*")}},
    ):
        with pytest.raises(TypeError, match="allows every origin, so the resolver is never called"):
            door.around(**options, resolver=resolver)


def test_the_policy_of_a_drop_in_is_no_template(door: Any) -> None:
    from corsfast.middleware._dropin.policy import lenient_tables

    policy = corsfast.Policy._from_tables(
        lenient_tables("x", {"origins": [APP]}, credentials=False)
    )
    with pytest.raises(TypeError, match=r"needs a policy made from options.*corsfast\.Policy"):
        door.around(policy, resolver=OriginResolver(lambda origin: True))


def test_a_policy_of_a_drop_in_that_is_swapped_in(policy: Any, door: Any, caplog: Any) -> None:
    from corsfast.middleware._dropin.policy import lenient_tables

    holder = corsfast.PolicyHolder(policy)
    ask = door.around(holder, resolver=OriginResolver(lambda origin: True), report_only=policy)
    assert ask("GET", origin=TENANT).origin == TENANT
    holder.policy = corsfast.Policy._from_tables(
        lenient_tables("x", {"origins": [APP]}, credentials=False)
    )
    assert ask("GET", origin=APP).origin == APP
    assert ask("GET", origin=TENANT).origin is None
    assert ask("OPTIONS", **preflight_of(TENANT)).status == 403
    assert sum(ask.middleware.report.counts.values()) == 4
    assert "no origin is looked up with this policy" in caplog.text
    holder.policy = corsfast.Policy(allow_origins="*")
    assert ask("GET", origin=TENANT).origin == "*"


def known(origin: str) -> bool:
    return origin == TENANT


def test_copies_remember_nothing() -> None:
    resolver = OriginResolver(known, ttl=5, max_entries=7, vary=["X-Tenant"])
    assert resolver.look_up(TENANT, {}) is True
    for other in (copy.copy(resolver), pickle.loads(pickle.dumps(resolver))):
        assert (other.ttl, other.max_entries, other.vary) == (5.0, 7, ("Origin", "X-Tenant"))
        assert other.recall(TENANT, {}) is None
        assert other.look_up(TENANT, {}) is True
    assert resolver.recall(TENANT, {}) is True


def test_outcomes(policy: Any) -> None:
    resolver = OriginResolver(known)
    for outcome in ("garbage", "null", APP):
        decision = policy.actual(outcome)
        assert not resolver.concerns(decision, {"HTTP_ORIGIN": outcome})
    decision = policy.actual(TENANT)
    assert decision.outcome is Outcome.ORIGIN_NOT_ALLOWED
    assert resolver.concerns(decision, {"HTTP_ORIGIN": TENANT})
