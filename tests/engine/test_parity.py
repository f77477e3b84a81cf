"""Both engines behave the same in everything: values, errors, texts, shapes.

`pure.py` defines the correct behavior, and the corpus tests it. Here the native engine must not
differ from it for any input. Inputs are nearly right (support/strategies.py), or mutated rows of
the corpus, or of wrong types.
"""

from __future__ import annotations

import functools
import inspect
import subprocess
import sys
import warnings
from types import ModuleType
from typing import Any

import pytest
from corpus import Octets, Text, build, rows
from hypothesis import example, given, settings, strategies as st
from support.browser_side import covers
from support.strategies import (
    POLICIES,
    any_header_list,
    any_method,
    any_origin,
    damaged,
    odd_values,
    option_sets,
    request_methods,
    response_headers,
)
from support.surfaces import make_policy

from corsfast._engine import pure as _pure
from corsfast._options import limits, spec

Both = tuple[ModuleType, ModuleType]


def tell(value: Any) -> Any:
    """Return everything that is visible of a result."""
    if type(value).__name__ == "Decision":
        names = ("allowed", "outcome", "is_preflight", "status", "headers", "raw_headers", "vary")
        fields = {name: tell(getattr(value, name)) for name in names}
        return {**fields, "repr": repr(value)}
    if isinstance(value, (tuple, list)):
        return type(value), [tell(item) for item in value]
    return type(value), value


def outcome(call: Any, *args: Any, **options: Any) -> Any:
    """Return the result or error of a call, with its warnings, in a form that can be compared."""
    with warnings.catch_warnings(record=True, action="always") as said:
        try:
            result = ("returns", tell(call(*args, **options)))
        except Exception as error:
            result = ("raises", type(error), str(error))
    return result, [(warning.category, str(warning.message)) for warning in said]


def agree(both: Both, options: dict[str, Any], method: str, *args: Any) -> Any:
    """Make one call on both engines, and return the result that they agree on.

    The native engine is called three times, because it may cache the second call.
    """
    pure, *native = (
        outcome(getattr(_policy(engine, POLICIES.index(options)), method), *args)
        for engine in (both[0], both[1], both[1], both[1])
    )
    assert native == [pure] * 3
    return pure


@functools.cache
def _policy(engine: Any, index: int) -> Any:
    return make_policy(engine, POLICIES[index])


# -- requests --------------------------------------------------------------------------------


@given(options=option_sets, origin=any_origin)
def test_actual(both: Both, options: dict[str, Any], origin: Any) -> None:
    agree(both, options, "actual", origin)
    agree(both, options, "allows_origin", origin)


@settings(max_examples=600)
@given(options=option_sets, origin=any_origin, acrm=any_method, acrh=any_header_list)
def test_preflight(both: Both, options: dict[str, Any], origin: Any, acrm: Any, acrh: Any) -> None:
    agree(both, options, "preflight", origin, acrm, acrh)


@settings(max_examples=600)
@given(options=option_sets, acrm=any_method, acrh=any_header_list)
def test_preflight_of_an_allowed_origin(
    both: Both, options: dict[str, Any], acrm: Any, acrh: Any
) -> None:
    for origin in ("https://example.com", b"https://a.foo.com", "http://localhost:3000"):
        agree(both, options, "preflight", origin, acrm, acrh)


@settings(max_examples=600)
@given(options=option_sets, acrm=any_method, acrh=any_header_list)
@example(POLICIES[7], "PUT", "authorization,*")
def test_no_answer_covers_a_refused_request(
    both: Both, options: dict[str, Any], acrm: Any, acrh: Any
) -> None:
    policy = _policy(both[0], POLICIES.index(options))
    lines = acrh if isinstance(acrh, (list, tuple)) else [acrh or ""]
    names = [line if isinstance(line, str) else line.decode("latin-1") for line in lines]
    method = acrm if isinstance(acrm, str) else acrm.decode("latin-1")
    for origin in ("https://example.com", "https://a.foo.com", "http://localhost:3000"):
        decision = policy.preflight(origin, acrm, acrh)
        headers = [(name.lower(), value) for name, value in decision.headers]
        assert decision.allowed or not covers(headers, method, names)


@given(
    options=option_sets,
    method=st.one_of(request_methods, odd_values),
    origin=st.one_of(any_origin, odd_values),
    acrm=st.one_of(st.none(), any_method, odd_values),
    acrh=st.one_of(any_header_list, odd_values),
)
@example(POLICIES[0], 5, "https://a.example", None, None)
@example(POLICIES[0], 5, None, "PUT", None)
@example(POLICIES[0], "OPTIONS", 5, "PUT", 5)
def test_decide(
    both: Both, options: dict[str, Any], method: Any, origin: Any, acrm: Any, acrh: Any
) -> None:
    agree(both, options, "decide", method, origin, acrm, acrh)
    agree(both, options, "preflight", origin, acrm, acrh)
    environ = {
        "REQUEST_METHOD": method,
        "HTTP_ORIGIN": origin,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": acrm,
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": acrh,
    }
    agree(both, options, "wsgi", environ)
    agree(both, options, "wsgi", {name: v for name, v in environ.items() if v is not None})


field_names = st.sampled_from(
    [
        *(b"origin", b"Origin", b"accept", b"", b"x" * 29, b"x" * 30),
        *(b"access-control-request-method", b"access-control-request-headers"),
        *(b"Access-Control-Request-Method", b"access-control-request-headerz"),
    ]
)
field_values = st.one_of(any_origin, any_method, any_header_list).filter(
    lambda value: isinstance(value, bytes)
)
fields = st.one_of(
    st.tuples(field_names, field_values),
    st.tuples(field_names, field_values).map(list),
    st.tuples(field_names, field_values).map(lambda pair: (Octets(pair[0]), Octets(pair[1]))),
)
odd_fields = st.sampled_from(
    [
        *(None, (), b"ab", "ab", {b"origin": b"x"}, (b"origin",), (b"origin", b"x", b"y")),
        *((b"origin", "x"), ("origin", b"x"), (b"accept", "x")),
        (b"access-control-request-method", None),
    ]
)


@settings(max_examples=400)
@given(
    options=option_sets,
    method=request_methods,
    headers=st.lists(fields, max_size=6),
    odd=st.lists(odd_fields, max_size=1),
    at=st.integers(0, 6),
    kind=st.sampled_from([list, tuple, iter]),
)
def test_asgi(
    both: Both, options: dict[str, Any], method: Any, headers: Any, odd: Any, at: int, kind: Any
) -> None:
    headers = headers[:at] + odd + headers[at:]
    results = [
        outcome(
            _policy(engine, POLICIES.index(options)).asgi,
            {"type": "http", "method": method, "headers": kind(headers)},
        )
        for engine in both
    ]
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "scope", [{}, {"method": 5}, {"headers": None}, {"headers": 5}, {"headers": "ab"}, None, [], 5]
)
def test_odd_scopes(both: Both, scope: Any) -> None:
    for options in POLICIES:
        agree(both, options, "asgi", scope)
        agree(both, options, "wsgi", scope)


def test_subclasses_that_lie(both: Both) -> None:
    """Only the text itself counts, not the methods of a subclass."""

    class Liar(str):
        def __str__(self) -> str:
            return "https://evil.example"

        __len__ = __hash__ = lambda self: 5

        def __eq__(self, other: object) -> bool:
            return True

        encode = lower = startswith = partition = None

    for options in POLICIES:
        for text in ("https://example.com", "https://evil.example", "\u20ac", ""):
            agree(both, options, "actual", Liar(text))
            agree(both, options, "preflight", Liar(text), Liar("PUT"), [Liar("x-token")])
            agree(both, options, "preflight", Liar(text), Text("PUT"), Text("x-token"))


def test_bytes_subclasses_that_lie(both: Both) -> None:
    class Liar(bytes):
        def __getitem__(self, key: Any) -> Any:
            return b"https://evil.example"

        def __len__(self):
            return 5

        decode = None

    for options in POLICIES:
        for text in (b"https://example.com", b"https://evil.example", b""):
            agree(both, options, "actual", Liar(text))


ATTACKS = [
    tuple(build(case["request"][name]) for name in ("method", "origin", "acrm", "acrh"))
    for case in rows("attack-corpus.jsonl")
]
short = st.sampled_from([text for row in ATTACKS for text in row if isinstance(text, str)]).filter(
    lambda text: len(text) < 500
)


@settings(max_examples=600)
@given(options=option_sets, origin=damaged(short), acrm=damaged(short), acrh=damaged(short))
def test_mutated_attacks(
    both: Both, options: dict[str, Any], origin: str, acrm: str, acrh: str
) -> None:
    agree(both, options, "preflight", origin, acrm, acrh)
    agree(both, options, "preflight", "https://example.com", acrm, acrh)
    agree(both, options, "preflight", "https://example.com", "GET", acrh)


@pytest.mark.parametrize("options", POLICIES, ids=range(len(POLICIES)))
def test_every_byte_everywhere(both: Both, options: dict[str, Any]) -> None:
    """One foreign byte is placed at the start, the middle and the end of each value."""
    for code in [*range(256), 0x131, 0x20AC, 0x1F600, 0xD800]:
        sign = chr(code)
        for text in (f"{sign}https://example.com", f"https://exa{sign}mple.com"):
            agree(both, options, "actual", text)
        agree(both, options, "actual", f"https://example.com{sign}")
        agree(both, options, "actual", f"https://[::{sign}]")
        agree(both, options, "actual", f"https://example.com:8{sign}")
        for name in (f"{sign}x-token", f"x-{sign}token", f"x-token{sign}", f"x-token,{sign}"):
            agree(both, options, "preflight", "https://example.com", "GET", name)
        for method in (f"{sign}PUT", f"P{sign}T", f"PUT{sign}"):
            agree(both, options, "preflight", "https://example.com", method, None)


# -- responses -------------------------------------------------------------------------------


@settings(max_examples=400)
@given(
    options=option_sets,
    headers=response_headers,
    odd=st.lists(
        st.sampled_from([None, ("a",), ("a", 1), (1, "a"), ("a", b"b"), "ab", ("a", "b", "c")]),
        max_size=1,
    ),
    acrm=st.sampled_from([None, "GET", "PUT", "TRACE"]),
    origin=st.sampled_from(["https://example.com", "https://evil.example", None]),
)
def test_apply(
    both: Both, options: dict[str, Any], headers: Any, odd: Any, acrm: Any, origin: Any
) -> None:
    given_lists = [
        [*headers, *odd],
        [list(pair) for pair in headers],
        [(name.encode(), value.encode("latin-1")) for name, value in headers],
        [(Text(name), Text(value)) for name, value in headers],
        [(Octets(name.encode()), Octets(value.encode("latin-1"))) for name, value in headers],
    ]
    for given_list in given_lists:
        for apply in ("apply_wsgi", "apply_asgi"):
            results = []
            for engine in both:
                policy = _policy(engine, POLICIES.index(options))
                decision = policy.decide("OPTIONS", origin, acrm)
                results.append(outcome(getattr(policy, apply), decision, given_list))
            assert results[0] == results[1]


@pytest.mark.parametrize("value", [None, 5, "x", object, ()], ids=repr)
def test_odd_decisions_and_headers(both: Both, value: Any) -> None:
    for apply in ("apply_asgi", "apply_wsgi"):
        agree(both, POLICIES[0], apply, value, [])
        results = []
        for engine in both:
            policy = _policy(engine, 0)
            results.append(outcome(getattr(policy, apply), policy.actual(None), value))
        assert results[0] == results[1]


def test_an_engine_knows_its_own_decisions_only(both: Both) -> None:
    pure, native = (_policy(engine, 0) for engine in both)
    for policy, foreign in ((pure, native), (native, pure)):
        with pytest.raises(TypeError, match="decision must be a Decision, not Decision"):
            policy.apply_wsgi(foreign.actual(None), [])


# -- construction ----------------------------------------------------------------------------


OPTION_NAMES = sorted(spec.Spec.OPTIONS)


@given(
    options=st.dictionaries(
        st.sampled_from([*OPTION_NAMES, "allow_origin", "policy"]),
        st.one_of(
            odd_values,
            st.sampled_from(["*", ["*"], ["PUT"], ["https://a.example/"], ["null"], 600, "keep"]),
        ),
    )
)
@example({})
@example({"allow_origins": [], "nonsense": 1})
def test_construction(both: Both, options: dict[str, Any]) -> None:
    def construct(engine: Any) -> Any:
        return repr(engine.Policy(**options))

    (pure, pure_said), (native, native_said) = (outcome(construct, engine) for engine in both)
    assert native == pure
    assert native_said == pure_said


@pytest.mark.parametrize("case", rows("config.jsonl"), ids=lambda case: str(case["id"]))
def test_construction_of_the_corpus(both: Both, case: dict[str, Any]) -> None:
    pure, native = (
        outcome(lambda e=engine: repr(e.Policy(**build(case["options"])))) for engine in both
    )
    assert native == pure


# -- shape -----------------------------------------------------------------------------------

CLASSES = ["Policy", "Decision"]
# Attributes that only one kind of class has, Python or Cython, regardless of its author.
OF_THE_KIND = {"__slots__", "__weakref__", "__module__", "__annotations__", "__init_subclass__"}
OF_THE_KIND |= {"__static_attributes__", "__firstlineno__", "__pyx_vtable__", "__setstate__"}
OF_THE_KIND |= {"__reduce_cython__", "__setstate_cython__", "__dict__", "__annotate__"}


def public(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]


@pytest.mark.parametrize("name", CLASSES)
def test_same_names(both: Both, name: str) -> None:
    pure, native = (getattr(engine, name) for engine in both)
    assert public(pure) == public(native)
    dunders = [
        {n for n in vars(kind) if n.startswith("__")} - OF_THE_KIND for kind in (pure, native)
    ]
    # The interpreter derives the other comparisons from __eq__ in only one of the two kinds.
    derived = {"__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
    assert dunders[0] - derived == dunders[1] - derived


@pytest.mark.parametrize("name", CLASSES)
def test_same_docs(both: Both, name: str) -> None:
    pure, native = (getattr(engine, name) for engine in both)
    assert inspect.getdoc(pure) == inspect.getdoc(native)
    for method in public(pure):
        if callable(getattr(pure, method)):
            assert inspect.getdoc(getattr(pure, method)), method
            assert inspect.getdoc(getattr(pure, method)) == inspect.getdoc(getattr(native, method))


def shape(callable_: Any) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(callable_).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize("name", CLASSES)
def test_same_signatures(both: Both, name: str) -> None:
    pure, native = (getattr(engine, name) for engine in both)
    if name == "Policy":
        assert shape(pure) == shape(native)
    for method in public(pure):
        if callable(getattr(pure, method)):
            assert shape(getattr(pure, method)) == shape(getattr(native, method)), method


@pytest.mark.parametrize("method", public(_pure.Policy))
def test_same_refusal_of_arguments(both: Both, method: str) -> None:
    """Arguments are positional only, and their number is fixed."""
    calls = [((None,) * 5, {}), ((None,), {"origin": None})]
    if method not in ("describe", "from_env", "options", "stats"):  # these need no argument
        calls.append(((), {}))
    for args, options in calls:
        for engine in both:
            with pytest.raises(TypeError):
                getattr(_policy(engine, 0), method)(*args, **options)


def test_same_constants(both: Both) -> None:
    pure, native = both
    assert (pure.IMPLEMENTATION, native.IMPLEMENTATION) == ("pure", "native")
    for engine in both:
        assert engine.Policy.__name__ == engine.Policy.__qualname__ == "Policy"
        assert engine.Decision.__name__ == engine.Decision.__qualname__ == "Decision"
        assert engine.Policy.__module__ == engine.Decision.__module__ == engine.__name__


# Builds and calls a policy in an interpreter in which comparing bytes with a str is an error
# (`python -bb`).
STRICT = """
from corsfast._engine import {engine}
policy = {engine}.Policy(allow_origins=["https://example.com"], allow_methods=["PUT"])
for text in ("\u4e2d", "\xe9", "null", "https://example.com"):
    for value in (text, text.encode()):
        policy.decide("OPTIONS", value, "PUT", value)
        policy.decide(b"OPTIONS", "https://example.com", value, [value, "a"])
for wrong in ("https://\u4e2d.example", "https://\xe9.example", b"https://example.com"):
    try:
        {engine}.Policy(allow_origins=[wrong])
    except ValueError as error:
        print(ascii(str(error)))
"""


def test_no_bytes_are_compared_with_text(both: Both) -> None:
    said = []
    for engine in both:
        code = STRICT.format(engine=engine.__name__.rpartition(".")[2])
        done = subprocess.run(
            [sys.executable, "-bb", "-c", code], capture_output=True, text=True, check=False
        )
        assert not done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
    assert said[0].count("1 problem") == 3


# -- subclasses of str and bytes -----------------------------------------------------------------


@pytest.mark.parametrize("make", [str, bytes, Text, Octets])
@pytest.mark.parametrize("over", [0, 1, 2, 300])
def test_limits_are_those_of_every_kind_of_text(both: Both, make: Any, over: int) -> None:
    """Input is cut off only beyond the limit, before it is read."""

    def text(value: str) -> Any:
        return make(value.encode()) if issubclass(make, bytes) else make(value)

    origin = text("https://".ljust(limits.MAX_ORIGIN + over, "a"))
    method = text("M" * (limits.MAX_METHOD + over))
    names = text(("accept," * limits.MAX_HEADER_LIST)[: limits.MAX_HEADER_LIST + over])
    for engine in both:
        policy = engine.Policy(
            allow_origins=["https://a.example"], allow_methods="*", allow_headers="*"
        )
        for decision, too_long in (
            (policy.actual(origin), "ORIGIN_TOO_LONG"),
            (policy.preflight("https://a.example", method), "METHOD_TOO_LONG"),
            (policy.preflight("https://a.example", "PUT", names), "HEADER_LIST_TOO_LONG"),
            (policy.preflight("https://a.example", "PUT", [names]), "HEADER_LIST_TOO_LONG"),
        ):
            assert (decision.outcome.name == too_long) is (over > 0), decision


@pytest.mark.parametrize("names", ["x-token", Text("x-token"), None, 5, bytearray(b"x-token")])
def test_a_scope_holds_nothing_but_bytes(both: Both, names: Any) -> None:
    fields = [(b"origin", b"https://a.example"), (b"access-control-request-method", b"PUT")]
    fields.append((b"access-control-request-headers", names))
    said = []
    for engine in both:
        policy = engine.Policy(allow_origins=["https://a.example"], allow_headers="*")
        scope = {"type": "http", "method": "OPTIONS", "headers": fields}
        said.append(outcome(policy.asgi, scope))
    assert said[0] == said[1]


@pytest.mark.parametrize("credentials", [False, True])
def test_timing_is_worked_into_a_response(both: Both, credentials: bool) -> None:
    """This includes an echoed origin."""
    for engine in both:
        policy = engine.Policy(
            allow_origins=["https://*.example.com"],
            allow_credentials=credentials,
            timing_allow_origin=True,
        )
        decision = policy.actual("https://a.example.com")
        assert ("Timing-Allow-Origin", "https://a.example.com") in decision.headers
        assert policy.apply_wsgi(decision, [("X", "1")]) == [("X", "1"), *decision.headers]
        raw = policy.apply_asgi(decision, [(b"x", b"1")])
        assert raw == [(b"x", b"1"), *decision.raw_headers]
