"""Objects that are made in other ways than documented: an error or a right answer, never a crash.

Each group runs in a process of its own, because a fault of the native engine ends the process.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import pickle
import pickletools
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.engines import ENGINES, PURE_ONLY
from support.processes import run_file

ORIGIN = "https://a.example"
OPTIONS: dict[str, Any] = {
    "allow_origins": [ORIGIN, "https://*.b.example", "https://pr-*.c.example"],
    "allow_methods": ["PUT"],
    "allow_headers": "*",
}
SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": [(b"origin", ORIGIN.encode())]}
ENVIRON = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": ORIGIN}


def app(*given: object) -> Any:
    return given


# -- objects without __init__ ----------------------------------------------------------------


def native_classes() -> list[type]:
    from corsfast._engine import native

    return [t for t in object.__subclasses__() if t.__module__ == native.__name__]


def uses(thing: Any) -> Iterator[Callable[[], object]]:
    """Yield everything that Python code can do with an object."""
    arguments: list[tuple[Any, ...]] = [(), (None,), (thing,), (SCOPE, None, app), (ENVIRON, app)]
    for name in sorted({*dir(type(thing)), *dir(thing)}):
        if name in ("__class__", "__new__", "__init_subclass__", "__subclasshook__", "__dir__"):
            continue
        yield lambda name=name: getattr(thing, name)
        for given in arguments:
            yield lambda name=name, given=given: getattr(thing, name)(*given)
        yield lambda name=name: setattr(thing, name, thing)
        yield lambda name=name: delattr(thing, name)
    for given in arguments:
        yield lambda given=given: thing(*given)
    yield from (lambda: copy.copy(thing), lambda: copy.deepcopy(thing), lambda: pickle.dumps(thing))
    yield from (
        lambda: list(thing),
        lambda: next(thing),
        lambda: len(thing),
        lambda: thing == 5,
    )


def bare() -> None:
    import corsfast

    policy = corsfast.Policy(**OPTIONS)
    classes = native_classes()
    assert len(classes) >= 8
    for kind in classes:
        for given in ((), (None,), ("x",), (policy,)):
            with contextlib.suppress(TypeError):
                thing = kind.__new__(kind, *given)
                assert kind not in (corsfast.Policy, type(policy.actual(None)))
                with contextlib.suppress(Exception):
                    kind_of_policy: Any = corsfast.Policy
                    kind_of_policy(thing)
                for use in uses(thing):
                    with contextlib.suppress(Exception):
                        use()
                gc.collect()
                del thing
        gc.collect()
    assert policy.actual(ORIGIN).allowed


def again() -> None:
    """Call `__init__` again with other arguments, in any state."""
    from corsfast._engine import native

    policy = native.Policy(**OPTIONS)
    other = native.Policy(allow_origins=())
    for kind in (native.ASGICall, native.WSGICall):
        call = kind(app, policy)
        for given in ((), (app,), (app, None), (app, 5), (None, other), (app, policy, 5)):
            with contextlib.suppress(Exception):
                kind.__init__(call, *given)
            for use in uses(call):
                with contextlib.suppress(Exception):
                    use()
        fresh = kind(app, policy)
        with pytest.raises(TypeError, match="already made"):
            kind.__init__(fresh, app, other)
        assert fresh.policy is policy
    for value in (policy, policy.actual(ORIGIN)):
        for given in ((), (1,), (value,)):
            with contextlib.suppress(TypeError):
                value.__init__(*given)
    assert policy.actual(ORIGIN).allowed
    assert not policy.actual("https://evil.example").allowed


# -- pickles ---------------------------------------------------------------------------------


def restored(data: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pickle.loads(data)


def altered_pickles() -> None:
    """Alter each option of a pickle, then its bytes: the result is proven like any other policy."""
    import corsfast

    restore, (options,) = corsfast.Policy(**OPTIONS).__reduce__()
    wrong: list[Any] = [None, 5, "x", b"x", [5], {}, "*", ["*"], [b"x"], object(), [[]], -1, 1e300]
    wrong += [True, ["https://*"], ["null"], ["https://*.com"], "https://a.example", [print], print]
    proven = refused = 0
    for name in (*options, "unknown", 5):
        for value in wrong:
            payload = _Payload(restore, ({**options, name: value},))
            with contextlib.suppress(AttributeError, pickle.PicklingError):
                try:
                    policy = restored(pickle.dumps(payload))
                except (TypeError, corsfast.PolicyError):
                    refused += 1
                else:
                    proven += 1
                    assert policy == corsfast.Policy(**policy.options())
    for given in ((), (None,), (5,), ("x",), ({},), ([],), (options, options)):
        with pytest.raises((TypeError, corsfast.PolicyError)):
            restored(pickle.dumps(_Payload(restore, given)))
    assert proven > 5
    assert refused > 100


class _Payload:
    """An object whose pickle is an altered one of another object."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


class _OnlyOurs(pickle._Unpickler):  # type: ignore[name-defined]
    """An unpickler that finds nothing but this package, as a hostile pickle may call anything."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] in ("corsfast", "re", "copyreg"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(name)


def forged_state() -> None:
    """Make each class by the forms of a pickle that skip its arguments, or set its state."""
    import corsfast
    from corsfast.middleware.asgi import CORSMiddleware as Asgi
    from corsfast.middleware.wsgi import CORSMiddleware as Wsgi

    policy = corsfast.Policy(**OPTIONS)
    things = [policy, policy.actual(ORIGIN), Asgi(app, policy), Wsgi(app, policy)]
    things.append(corsfast.PolicyHolder(policy))
    classes = [*map(type, things)] + ([] if PURE_ONLY else native_classes())
    state: Any
    forms: list[tuple[Any, ...]]
    for kind in classes:
        forms: list[tuple[Any, ...]] = [
            (object.__new__, (kind,)),
            (kind.__new__, (kind,)),
            (kind, ()),
        ]
        for state in (None, {}, {"policy": 5}, {"_policy": 5, "_tables": 5}, (None, {"app": 5})):
            for form in forms:
                try:
                    made = copy._reconstruct(policy, None, *form, state)  # type: ignore[attr-defined]
                except Exception:  # each class refuses in its own way
                    continue
                if isinstance(made, (type(policy), type(things[1]))):
                    # Python lets anyone make the bare object of a class in Python.
                    assert PURE_ONLY
                    with pytest.raises(AttributeError):
                        print(made.allowed if made == things[1] else made.actual(ORIGIN))
                for use in uses(made):
                    with contextlib.suppress(Exception):
                        use()
    for thing in things[:4]:
        for value in ({"_tables": None}, (None, {"_tables": None})):
            with contextlib.suppress(Exception):
                thing.__setstate__(value)
    for value in (5, None, OPTIONS, policy.actual(ORIGIN)):
        for kind in (Asgi, Wsgi, corsfast.PolicyHolder):
            arguments = (value,) if kind is corsfast.PolicyHolder else (app, value)
            with pytest.raises(TypeError):
                copy._reconstruct(policy, None, kind, arguments)  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        pickle.dumps(things[1])
    assert policy.actual(ORIGIN).allowed
    assert not policy.actual("https://evil.example").allowed


def damaged_bytes() -> None:
    """Change bytes of a pickle at random."""
    import corsfast

    chosen = random.Random(19)
    policy = corsfast.Policy(**OPTIONS)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(policy, protocol)
        pickletools.dis(data, io.StringIO())
        for _ in range(50):
            altered = bytearray(data)
            for _ in range(chosen.choice([1, 1, 2, 5])):
                altered[chosen.randrange(len(data))] = chosen.randrange(256)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    made = _OnlyOurs(io.BytesIO(altered)).load()
            except Exception:  # the unpickler raises many kinds
                continue
            if isinstance(made, corsfast.Policy):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    assert made == corsfast.Policy(**made.options())


GROUPS = {run.__name__: run for run in (bare, again, altered_pickles, forged_state, damaged_bytes)}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("group", GROUPS)
def test_no_object_crashes_or_escapes_the_proofs(
    group: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine == "pure" and group in ("bare", "again"):
        return  # these are about the classes of the native engine
    monkeypatch.setenv("CORSFAST_IMPLEMENTATION", engine)
    run_file(__file__, group, flags=("-W", "ignore"))


if __name__ == "__main__":
    GROUPS[sys.argv[1]]()
