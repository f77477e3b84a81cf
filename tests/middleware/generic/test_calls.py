"""ASGICall and WSGICall as callables: keyword arguments, missing ones, a replaced application.

Also `inspect.signature`, and two features that only drop-ins use: responses with a body, and the
hook for private networks. Every test runs on the classes in handlers.py and on their compiled
twins, if there are any. test_asgi.py and test_wsgi.py test the handling of
requests.
"""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from support.engines import HAS_GIL

import corsfast
from corsfast._engine import headers, pure
from corsfast.middleware._generic import handlers

POLICY = corsfast.Policy(allow_origins=["https://app.example.com"])
SCOPE = {"type": "http", "method": "GET", "headers": []}
ENVIRON = {"REQUEST_METHOD": "GET"}


def halves() -> list[Any]:
    found: list[Any] = [pytest.param(handlers, id="python")]
    if corsfast.IMPLEMENTATION == "native":
        from corsfast._engine import native

        found.append(pytest.param(native, id="compiled"))
    return found


@pytest.fixture(params=halves())
def half(request: pytest.FixtureRequest) -> Any:
    return request.param


def asgi_app(scope: Any, receive: Any, send: Any) -> Any:
    """Start a response, with the message as a keyword argument, and return the result of `send`."""
    return send(message={"type": "http.response.start", "status": 200, "headers": []})


def wsgi_app(environ: Any, start_response: Any) -> Any:
    return start_response("200 OK", [], exc_info=None)


def test_asgi_arguments_may_be_given_by_name(half: Any) -> None:
    call = half.ASGICall(asgi_app, POLICY)
    in_order = call(SCOPE, None, lambda message: message)
    assert in_order["headers"] == [(b"vary", b"Origin")]
    for named in ({"scope", "receive", "send"}, {"receive", "send"}, {"send"}):
        given = {"scope": SCOPE, "receive": None, "send": lambda message: message}
        first = [value for name, value in given.items() if name not in named]
        assert call(*first, **{name: given[name] for name in named}) == in_order


def test_wsgi_arguments_may_be_given_by_name(half: Any) -> None:
    call = half.WSGICall(wsgi_app, POLICY)
    start = lambda status, headers: headers  # noqa: E731
    in_order = call(ENVIRON, start)
    assert in_order == [("Vary", "Origin")]
    assert call(ENVIRON, start_response=start) == in_order
    assert call(start_response=start, environ=ENVIRON) == in_order


@pytest.mark.parametrize("args", [(), (1,), (1, 2, 3, 4)])
@pytest.mark.parametrize("named", [{}, {"scope": 1}, {"other": 1}, {"scope": 1, "send": 2}])
def test_wrong_arguments_are_a_type_error(half: Any, args: Any, named: Any) -> None:
    for call in (half.ASGICall(asgi_app, POLICY), half.WSGICall(wsgi_app, POLICY)):
        with pytest.raises(TypeError):
            call(*args, **named)


def test_send_and_start_response_take_no_other_arguments(half: Any) -> None:
    def asgi(scope: Any, receive: Any, send: Any) -> Any:
        for args, named in (((), {}), (({}, {}), {}), ((), {"other": {}}), (({},), {"message": 1})):
            with pytest.raises(TypeError):
                send(*args, **named)

    def wsgi(environ: Any, start_response: Any) -> Any:
        for args in ((), ("200 OK",), ("200 OK", [], None, None)):
            with pytest.raises(TypeError):
                start_response(*args)

    half.ASGICall(asgi, POLICY)(SCOPE, None, None)
    half.WSGICall(wsgi, POLICY)(ENVIRON, None)


def test_the_application_may_be_replaced(half: Any) -> None:
    call = half.ASGICall(asgi_app, POLICY)
    call.app = lambda scope, receive, send: "another"
    assert call(SCOPE, None, None) == "another"
    call = half.WSGICall(wsgi_app, POLICY)
    call.app = lambda environ, start_response: "another"
    assert call(ENVIRON, None) == "another"


def test_an_application_that_is_replaced_lives_while_it_runs(half: Any) -> None:
    alive: list[bool] = []

    def replaces(call: Any, *_: Any) -> None:
        call.app = None
        alive.append(kept() is not None)

    for kind, args in (
        (half.ASGICall, (SCOPE, None, None)),
        (half.ASGICall, ({"type": "lifespan"}, None, None)),
        (half.WSGICall, (ENVIRON, None)),
    ):
        call = kind(None, POLICY)
        call.app = functools.partial(replaces, call)
        kept = weakref.ref(call.app)
        call(*args)
    assert alive == [True] * 3


def test_freeing_a_replaced_application_calls_the_new_one(half: Any) -> None:
    class Old:
        def __init__(self, *args: Any) -> None:
            self.args = args

        def __del__(self) -> None:
            results.append(call(*self.args))

    results: list[str] = []
    for kind, args in ((half.ASGICall, (SCOPE, None, None)), (half.WSGICall, (ENVIRON, None))):
        call = kind(Old(*args), POLICY)
        call.app = lambda *_: "another"
    assert results == ["another"] * 2


def test_an_application_may_be_replaced_while_threads_call(half: Any) -> None:
    def replace() -> None:
        while not done.is_set():
            call.app = lambda *_: []

    for kind, args in ((half.ASGICall, (SCOPE, None, None)), (half.WSGICall, (ENVIRON, None))):
        done = threading.Event()
        call = kind(lambda *_: [], POLICY)
        replacing = threading.Thread(target=replace)
        replacing.start()
        try:
            for _ in range(3000):
                assert call(*args) == []
        finally:
            done.set()
            replacing.join()


def test_a_scope_without_type_is_a_key_error(half: Any) -> None:
    """This holds even if nothing else of the message would be read."""

    def app(scope: Any, receive: Any, send: Any) -> None:
        for message in ({}, {"headers": []}):
            with pytest.raises(KeyError, match="type"):
                send(message)

    for options in ({}, {"on_refused": app}):
        call = half.ASGICall(app, POLICY, **options)
        call(SCOPE, None, None)
        with pytest.raises(KeyError, match="type"):
            call({"headers": []}, None, None)


# -- signatures ------------------------------------------------------------------------------


def given(module: Any) -> list[Any]:
    """Return the two callables, and the two that they pass to their applications."""
    asgi = module.ASGICall(lambda scope, receive, send: send, POLICY)
    wsgi = module.WSGICall(lambda environ, start_response: start_response, POLICY)
    return [asgi, wsgi, asgi(SCOPE, None, None), wsgi(ENVIRON, None)]


def test_parameters_are_those_of_the_reference(half: Any) -> None:
    """Frameworks read the signatures, such as Falcon's test client and Litestar's `asgi`."""
    assert [str(inspect.signature(found)) for found in given(handlers)] == [
        "(scope: 'Scope', receive: 'Receive', send: 'Send') -> 'Awaitable[None]'",
        "(environ: 'dict[str, Any]', start_response: 'StartResponse') -> 'Iterable[bytes]'",
        "(message: 'Message') -> 'Awaitable[None]'",
        "(status: 'str', headers: 'list[tuple[str, str]]', exc_info: 'Any' = None) -> 'Any'",
    ]
    for found, reference in zip(given(half), given(handlers), strict=True):
        assert inspect.signature(found) == inspect.signature(reference)
    for found, names in zip(given(half)[:2], (SCOPE_TO_SEND, ENVIRON_TO_START), strict=True):
        assert [*inspect.signature(found.__call__).parameters] == names


SCOPE_TO_SEND = ["scope", "receive", "send"]
ENVIRON_TO_START = ["environ", "start_response"]


@pytest.mark.parametrize("name", ["ASGICall", "WSGICall"])
def test_a_class_of_one_s_own_is_read_as_it_is_written(half: Any, name: str) -> None:
    base: Any = getattr(half, name)

    class Made(base):  # type: ignore[misc]
        def __init__(self, app: Any, extra: int) -> None:
            super().__init__(app, POLICY)

    class Called(Made):
        def __call__(self, one: Any, *, two: Any = None) -> Any: ...

    assert [*inspect.signature(Made).parameters] == ["app", "extra"]
    assert inspect.signature(Made(None, 1)) == inspect.signature(base(None, POLICY))
    assert [*inspect.signature(Called(None, 1)).parameters] == ["one", "two"]
    Made.__call__ = lambda self, patched: None
    assert [*inspect.signature(Made(None, 1)).parameters] == ["patched"]


def test_a_subclass_may_have_a_call_of_its_own(half: Any) -> None:
    def app(*_: Any) -> str:
        return "the application"

    scope = {"type": "lifespan"}
    kind: Any = type("Mine", (half.ASGICall,), {})
    call = kind(app, POLICY)
    own = type("Own", (half.ASGICall,), {"__call__": lambda *_: "its own"})(app, POLICY)
    assert own(scope, None, None) == "its own"
    assert call(scope, None, None) == "the application"
    # Instrumentation sets methods on classes.
    kind.__call__ = lambda *_: "patched"
    assert call(scope, None, None) == "patched"
    with pytest.raises(TypeError):
        half.ASGICall(app, POLICY)()


class Raises:
    """A key with the hash of another key that raises an error when compared."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.armed = False

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, _: object) -> bool:
        if self.armed:
            raise LookupError(self.key)
        return False


def with_odd_key(key: str, whole: dict[str, Any]) -> dict[Any, Any]:
    odd = Raises(key)
    mixed = {odd: None, **whole}
    odd.armed = True
    return mixed


@pytest.mark.parametrize("key", ["type", "headers"])
def test_an_error_of_a_look_up_comes_out(half: Any, key: str) -> None:
    def app(scope: Any, receive: Any, send: Any) -> str:
        message = {"type": "http.response.start", "headers": []}
        with pytest.raises(LookupError, match=key):
            send(with_odd_key(key, message))
        return "called"

    call = half.ASGICall(app, POLICY)
    assert call(SCOPE, None, None) == "called"
    with pytest.raises(LookupError, match=key):
        call(with_odd_key(key, SCOPE), None, None)


@pytest.mark.parametrize("key", ["type", "".join(["ty", "pe"])])
@pytest.mark.parametrize("first", [True, False])
def test_the_type_may_stand_anywhere(half: Any, key: str, first: bool) -> None:
    def with_type(kind: str, whole: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in whole.items() if name != "type"}
        if first:
            return {key: kind, **rest}
        return {"not a type": whole.get("type", "http.response.start"), **rest, key: kind}

    def app(scope: Any, receive: Any, send: Any) -> list[Any]:
        start = with_type("http.response.start", {"status": 200, "headers": []})
        return [send(start), send(with_type("http.response.body", {"headers": []}))]

    call = half.ASGICall(app, POLICY)
    sent = call(with_type("http", SCOPE), None, lambda message: message)
    assert [message["headers"] for message in sent] == [[(b"vary", b"Origin")], []]
    assert call(with_type("other", SCOPE), None, lambda message: message["headers"]) == [[], []]


def opened(half: Any, inner: Any) -> list[Any]:
    """Return the callables that applications get over each protocol, as partials that respond."""
    send = half.ASGICall(lambda scope, receive, send: send, POLICY)(SCOPE, None, inner)
    start_response = half.WSGICall(lambda environ, start: start, POLICY)(ENVIRON, inner)
    return [
        functools.partial(send, {"type": "http.response.start", "headers": []}),
        functools.partial(start_response, "200 OK", []),
    ]


def test_many_requests_may_be_open_at_once(half: Any) -> None:
    """The requests exceed the compiled free lists, and the second round reuses their memory."""

    def note(called: list[int], number: int, *_: Any) -> None:
        called.append(number)

    for _ in range(2):
        called: list[int] = []
        many = [opened(half, functools.partial(note, called, number)) for number in range(200)]
        for respond in itertools.chain(*many):
            respond()
        assert called == sorted([*range(200)] * 2)
        del many


def test_a_circle_of_an_application_is_collected(half: Any) -> None:
    class Server:
        circle: Any

        def __call__(self, *args: Any) -> None: ...

    kept = []
    for place in range(2):
        server = Server()
        server.circle = opened(half, server)[place]
        server.circle()
        kept.append(weakref.ref(server))
    del server
    gc.collect()
    assert [reference() for reference in kept] == [None, None]


@pytest.mark.skipif(not HAS_GIL, reason="this collector calls the new `__del__` too late")
def test_a_collected_object_may_still_be_called() -> None:
    """A `__del__` that is added during a collection may call what is being collected.

    Only the compiled classes are tested, because CPython 3.11 itself crashes if a closure is called
    then.
    """

    class Server:
        called = 0

        def __call__(self, *_: Any) -> None:
            type(self).called += 1

    class Late:
        respond: Any
        args: Any

    class Early:
        def __del__(self) -> None:
            Late.__del__ = lambda late: late.respond(*late.args)  # type: ignore[attr-defined]

    class Circle: ...

    def ask(half: Any, place: int) -> None:
        # The collector clears the objects in the order in which they are made here.
        respond = opened(half, Server())[place]
        circle: Any = Circle()
        circle.circle, circle.late, circle.early = circle, Late(), Early()
        circle.late.respond, circle.late.args = respond.func, respond.args
        args.append(respond.args)  # keeps them from being collected

    args: list[Any] = []
    compiled = [half.values[0] for half in halves()[1:]]
    for half, place in itertools.product(compiled, range(2)):
        ask(half, place)
        gc.collect()
        del Late.__del__  # type: ignore[attr-defined]
    assert Server.called == 2 * len(compiled)


def test_one_around_itself_is_a_recursion_error(half: Any) -> None:
    for kind, args in (
        (half.ASGICall, (SCOPE, None, None)),
        (half.ASGICall, ({"type": "lifespan"}, None, None)),
        (half.WSGICall, (ENVIRON, None)),
    ):
        call = kind(None, POLICY)
        call.app = kind(call, POLICY)
        with pytest.raises(RecursionError):
            call(*args)


@pytest.mark.parametrize("place", range(2))
def test_a_long_chain_of_wrappers_is_a_recursion_error(half: Any, place: int) -> None:
    """The compiled wrappers limit the chain itself, because freeing it needs the stack, too."""

    def chain() -> None:
        respond: Any = lambda *args: args  # noqa: E731
        try:
            for _ in range(5_000):
                respond = opened(half, respond)[place].func
            respond(*args)
        except RecursionError as error:
            raised.append(error)

    args = [({"type": "http.response.start", "headers": []},), ("200 OK", [])][place]
    raised: list[RecursionError] = []
    run_in_thread(chain, stack=0 if half is handlers else 128 * 1024)
    assert len(raised) == 1


starting = threading.Lock()


def run_in_thread(function: Callable[[], None], *, stack: int) -> None:
    """Run a function in a thread with a stack of so many bytes; 0 for the default."""
    thread = threading.Thread(target=function)
    with starting:  # the size applies to each thread that starts meanwhile
        before = threading.stack_size(stack)
        try:
            thread.start()
        finally:
            threading.stack_size(before)
    thread.join()


def test_200_middlewares_may_be_nested(half: Any) -> None:
    asgi, wsgi = asgi_app, wsgi_app
    for _ in range(200):
        asgi, wsgi = half.ASGICall(asgi, POLICY), half.WSGICall(wsgi, POLICY)
    assert asgi(SCOPE, None, lambda message: message)["headers"] == [(b"vary", b"Origin")]
    assert wsgi(ENVIRON, lambda status, headers: headers) == [("Vary", "Origin")]


def test_a_long_chain_of_applications_may_be_freed(half: Any) -> None:
    def chain() -> None:
        for kind in (half.ASGICall, half.WSGICall):
            app: Any = None
            for _ in range(20_000):
                app = kind(app, POLICY)
            del app
        freed.append(True)

    freed: list[bool] = []
    # CPython 3.13 nests 10,000 deallocations, of tuples too, whatever the size of the stack is.
    small = half is not handlers and sys.version_info[:2] != (3, 13)
    run_in_thread(chain, stack=128 * 1024 if small else 0)
    assert freed


class Runs:
    """A key with the hash of another key that runs a function when compared."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.run: Any = lambda: None

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, _: object) -> bool:
        self.run()
        return False


@pytest.mark.parametrize("key", ["type", "headers", "method"])
def test_it_cannot_be_made_twice(half: Any, key: str) -> None:
    """The call then uses the first policy. Another thread may be reading it without a lock."""
    other = pure.Policy(allow_origins="*")
    odd = Runs(key)
    fields = [(b"origin", b"https://app.example.com"), (b"access-control-request-method", b"GET")]
    scope = {odd: None, "type": "http", "method": "GET", "headers": fields}
    asgi, wsgi = half.ASGICall(asgi_app, POLICY), half.WSGICall(wsgi_app, POLICY)
    refused: list[str] = []

    def remake() -> None:
        for call in (asgi, wsgi):
            with pytest.raises(TypeError, match="already made") as caught:
                call.__init__(None, other)
            refused.append(str(caught.value))

    odd.run = remake
    sent = asgi(scope, None, lambda message: message)
    assert (b"access-control-allow-origin", b"https://app.example.com") in sent["headers"]
    assert refused
    assert (asgi.policy, asgi.app, wsgi.policy, wsgi.app) == (POLICY, asgi_app, POLICY, wsgi_app)


class Takes:
    """A method that removes the headers from its scope as soon as it is compared."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope

    def __eq__(self, _: object) -> bool:
        self.scope.pop("headers", None)
        return True

    __hash__ = None  # type: ignore[assignment]


def test_headers_may_be_taken_away_while_they_are_read(half: Any) -> None:
    """The call goes on with the headers that it read, although nothing else refers to them."""
    for _ in range(50):
        scope: dict[str, Any] = {"type": "http"}
        scope["headers"] = [
            (b"origin", Text(b"https://app.example.com")),
            (b"access-control-request-method", b"GET"),
        ]
        scope["method"] = Takes(scope)
        sent: list[Any] = []
        run(half.ASGICall(None, POLICY)(scope, None, sends_to(sent)))
        assert [message["type"] for message in sent] == MESSAGES
        assert sent[0]["status"] == 204


def test_headers_may_be_taken_away_by_an_import(half: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call goes on with the headers that it read, although another list has their place."""
    scope: dict[str, Any] = {"type": "http", "method": "GET"}
    others: list[Any] = []

    class Module(types.ModuleType):
        @property
        def joined_lines(self) -> Any:
            scope.pop("headers", None)
            others.extend([(b"x", b"y")] for _ in range(100))
            return headers.joined_lines

    call = half.ASGICall(asgi_app, POLICY)
    monkeypatch.setitem(sys.modules, headers.__name__, Module(headers.__name__))
    scope["headers"] = [(b"origin", Text(b"https://app.example.com"))]
    sent = call(scope, None, lambda message: message)
    assert (b"access-control-allow-origin", b"https://app.example.com") in sent["headers"]


# -- private networks ------------------------------------------------------------------------

PRIVATE = b"access-control-request-private-network"
ASKED = [
    (b"host", b"api.example.com"),
    (b"origin", b"https://app.example.com"),
    (b"access-control-request-method", b"GET"),
]


class Text(bytes):
    """A subclass of bytes."""


class Pairs(list[Any]):
    """A subclass of list."""


@pytest.mark.parametrize("make", [list, Pairs, tuple])
@pytest.mark.parametrize("at", [0, 2, 3])
@pytest.mark.parametrize(
    ("more", "asks"),
    [
        ([], False),
        ([(PRIVATE, b"true")], True),
        ([(PRIVATE, b"")], True),
        ([(PRIVATE, None)], True),
        ([(PRIVATE, b"true"), (PRIVATE, b"false")], True),
        ([[PRIVATE, b"true"]], True),
        ([(Text(PRIVATE), b"true")], True),
        ([[b"accept", b"*/*"], (PRIVATE, b"true")], True),
        ([(Text(b"accept"), b"*/*"), (PRIVATE, b"true")], True),
        ([(PRIVATE, b"true"), [b"accept", b"*/*"]], True),
        ([[b"accept", b"*/*"], (Text(b"accept"), b"*/*")], False),
        ([(PRIVATE.title(), b"true")], False),
        ([(PRIVATE[:-1], b"true")], False),
        ([(PRIVATE[:-1] + b"l", b"true")], False),
        ([(PRIVATE + b"s", b"true")], False),
        ([(PRIVATE.decode(), b"true")], False),
        ([(b"accept", PRIVATE)], False),
    ],
)
def test_requests_for_a_private_network(
    half: Any, make: Any, at: int, more: list[Any], asks: bool
) -> None:
    call = half.ASGICall(None, POLICY, on_private_network=lambda *args: args)
    fields = make([*ASKED[:at], *more, *ASKED[at:]])
    scope = {"type": "http", "method": "OPTIONS", "headers": fields}
    assert POLICY.asgi(scope).allowed
    sent: list[Any] = []
    answer = call(scope, None, sends_to(sent))
    assert isinstance(answer, tuple) is asks
    if asks:
        assert answer[0] == POLICY.asgi(scope)
        assert answer[1] is scope
    else:
        run(answer)
        assert [message["type"] for message in sent] == MESSAGES
    # Without the hook it is a preflight like any other.
    sent.clear()
    run(half.ASGICall(None, POLICY)(scope, None, sends_to(sent)))
    assert sent == [*handlers.messages(POLICY.asgi(scope), b"")]


def test_only_allowed_preflights_ask_for_a_private_network(half: Any) -> None:
    def detour(name: str) -> Any:
        return lambda *args: name

    call = half.ASGICall(
        lambda *args: "application",
        POLICY,
        on_private_network=detour("private network"),
        on_refused_preflight=detour("refused preflight"),
        on_refused=detour("refused"),
    )
    private, other = (PRIVATE, b"true"), (b"origin", b"https://other.example")
    for method, fields, wanted in (
        ("OPTIONS", [*ASKED, private], "private network"),
        ("OPTIONS", [other, ASKED[2], private], "refused preflight"),
        ("OPTIONS", [other, ASKED[2]], "refused preflight"),
        ("GET", [*ASKED, private], "application"),
        ("GET", [other, ASKED[2], private], "refused"),
        ("GET", [private], "application"),
    ):
        assert call({"type": "http", "method": method, "headers": fields}, None, None) == wanted


# -- responses with a body -------------------------------------------------------------------

MESSAGES = ["http.response.start", "http.response.body"]


def sends_to(sent: list[Any]) -> Any:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


def starts(started: list[Any]) -> Any:
    return lambda *start: started.append(start)


def run(coroutine: Any) -> None:
    with pytest.raises(StopIteration):
        coroutine.send(None)


NAMES = b"access-control-request-headers"
APP = ["https://app.example.com"]
# Options that echo: nothing, the origin, the method, the names, all of them.
ECHOING: list[dict[str, Any]] = [
    {"allow_origins": APP, "allow_headers": ["X-Token"]},
    {"allow_origins": "*", "allow_headers": "*"},
    {"allow_origins": ["https://*.example.com"], "allow_headers": ["X-Token"]},
    {"allow_origins": APP, "allow_credentials": True, "allow_methods": "*"},
    {"allow_origins": APP, "allow_credentials": True, "allow_headers": "*"},
    {
        "allow_origins": ["https://*.example.com"],
        "allow_credentials": True,
        "allow_methods": "*",
        "allow_headers": "*",
    },
]


@pytest.mark.parametrize("body", [b"", b"OK"])
@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("options", ECHOING)
@pytest.mark.parametrize("engine", [corsfast.Policy, pure.Policy])
def test_preflight_responses(
    half: Any, engine: Any, options: dict[str, Any], status: int, body: bytes
) -> None:
    """The answer equals the reference's, for decisions of either engine."""
    policy = engine(**options, preflight_status=status)
    asgi, wsgi = half.ASGICall(None, policy, body=body), half.WSGICall(None, policy, body=body)
    outcomes = set()
    for method, names in (
        (b"GET", None),
        (b"GET", b"x-token"),
        (b"GET", b" X-Token ,,"),
        (b"TRACE", None),
    ):
        asked = [*ASKED[:2], (b"access-control-request-method", method)]
        asked += [] if names is None else [(NAMES, names)]
        scope = {"type": "http", "method": "OPTIONS", "headers": asked}
        environ = {f"HTTP_{k.decode().upper().replace('-', '_')}": v.decode() for k, v in asked}
        environ["REQUEST_METHOD"] = "OPTIONS"
        decision = policy.asgi(scope)
        assert decision == policy.wsgi(environ)
        outcomes.add(decision.allowed)
        started: list[Any] = []
        wanted_body = handlers.answer_wsgi(decision, body, starts(started))
        for _ in range(2):
            sent: list[Any] = []
            run(asgi(scope, None, sends_to(sent)))
            assert sent == [*handlers.messages(decision, body)]
            assert wsgi(environ, starts(sent)) == wanted_body
            assert sent[2:] == started
            # The receiver may change the lists, because the next response gets new ones.
            sent[0]["headers"].append((b"x-own", b"1"))
            sent[0]["own"] = sent[1]["own"] = True
            sent[2][1].append(("X-Own", "1"))
    assert outcomes == {False, True}
