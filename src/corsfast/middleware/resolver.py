"""Look up origins that are stored elsewhere: in a database, or in another service.

    resolver = OriginResolver(is_customer)      # is_customer(origin) -> bool
    app = CORSMiddleware(app, allow_origins=["https://app.example.com"], resolver=resolver)

The policy decides first. Only a valid web origin that it does not list is looked up:

    not allowed --cached-----> verdict --------------------------------> template's answer
                \\--unknown---> resolve(origin) --ttl, max_entries--> verdict

An allowed origin gets the answer that it would get if the policy listed it. So the policy is the
template of the answer: it decides about methods, header names, credentials and the rest.

A failed look-up rejects the origin and is not cached.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from functools import partial
from time import monotonic
from weakref import WeakKeyDictionary

from .._engine.headers import joined_lines
from .._engine.locks import new_lock
from .._engine.select import Policy
from .._engine.tables import Tables, build_tables
from .._options import fetch, limits
from .._options.origin import is_origin
from .._options.spec import read_options
from ..decision import Outcome
from ..errors import PolicyError, Problem
from ._generic.limited_log import LimitedLog, shown
from ._generic.policy_source import PerPolicy, is_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Awaitable, Callable, Hashable, Iterable
    from concurrent.futures import ThreadPoolExecutor
    from typing import Any

    from .._engine.select import Decision

    Verdict = bool | Policy
    Resolve = Callable[..., Verdict | Awaitable[Verdict | None] | None]

__all__ = ["OriginResolver"]

_SCHEMES = tuple(f"{scheme}://" for scheme in sorted(fetch.WEB_SCHEMES))

# Characters of a request that a cache key stores as they are. A longer key stores their digest,
# so that the memory of a resolver is bounded by its number of entries.
MAX_KEY = 512

# Policies of verdicts whose answers are kept. Making those of one takes as long as a small policy.
MAX_VERDICT_POLICIES = 256

# The names that both engines can merge into Vary.
_USUAL_VARY = ("Origin", fetch.REQUEST_METHOD, fetch.REQUEST_HEADERS)


class OriginResolver:
    """A cache of look-ups of origins that a policy does not list.

    Args:
        resolve: a function `resolve(origin)` or `resolve(origin, request)`. The origin is a
            ``str``, and a valid serialized http(s) origin. The request is the ASGI scope or the
            WSGI environ, and must not be changed. The function returns ``True`` to allow the
            origin; ``False`` or ``None`` to reject it; or a :class:`corsfast.Policy` that decides
            and answers instead of the middleware's. For ASGI it may be a coroutine function; a
            plain function runs in one of a few threads there, which belong to the resolver, so
            that it blocks neither the event loop nor the application's own threads. If it
            raises, the origin is rejected for this request; the exception is logged
            ("corsfast.resolver") and not cached.
        ttl: how many seconds a verdict is cached, also a rejection. 0 disables the cache.
        max_entries: how many allowed and how many rejected origins are cached. Each cache evicts
            its least recently used entry. They are separate, so that an attacker who tries many
            origins cannot evict an allowed one.
        vary: names of the request headers that the answer depends on. They are sent in Vary
            (Origin always is), and their values are part of the cache key.
        key: a function `key(request)` that returns what else the answer depends on, as a small
            hashable object. By default this is nothing for `resolve(origin)`, and Host and the
            path for `resolve(origin, request)`. A function that reads anything else of the
            request needs `key` or `vary`.

    Raises:
        TypeError: for arguments of the wrong types.
        PolicyError: for values out of range, and for names that are not valid header names.

    ASGI requires asyncio's event loop. Concurrent requests with the same key share one look-up,
    in ASGI those of one event loop.
    Give your look-up its own time limit.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        ttl: float = 60.0,
        max_entries: int = 10_000,
        vary: Iterable[str] = ("Origin",),
        key: Callable[[Any], Hashable] | None = None,
    ) -> None:
        self._resolve = resolve
        self.is_async: bool
        self.ttl: float
        self.max_entries: int
        self.vary: tuple[str, ...]
        self.is_async, self._takes_request = _read_function(resolve)
        if key is not None and not callable(key):
            raise TypeError(f"key must be a function of the request, not {type(key).__name__}")
        self.ttl, self.max_entries, self.vary = _read_numbers(ttl, max_entries, vary)
        self._given_key = key
        self._key_headers = tuple(name.lower() for name in self.vary if name != "Origin")
        self._keys_are_origins = not (key or self._takes_request or self._key_headers)
        self._log = LimitedLog("corsfast.resolver")
        self._lock = new_lock()
        self._generation = 0
        self._allowed: OrderedDict[Any, tuple[float, Verdict]] = OrderedDict()
        self._refused: OrderedDict[Any, tuple[float, Verdict]] = OrderedDict()
        # The keys of an origin in both caches, unless the origin is the only one.
        self._keys: dict[str, set[Any]] = {}
        # The look-ups in progress, by event loop.
        self._pending: WeakKeyDictionary[AbstractEventLoop, dict[Hashable, Task[Verdict]]]
        self._pending = WeakKeyDictionary()
        self._threads: WeakKeyDictionary[AbstractEventLoop, ThreadPoolExecutor]
        self._threads = WeakKeyDictionary()
        # The same of `look_up`, in all threads.
        self._flights: dict[Hashable, concurrent.futures.Future[Verdict]] = {}
        self._twins = PerPolicy(self._make_twins)
        self._twins_of_verdicts = PerPolicy(self._make_twins, MAX_VERDICT_POLICIES)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy without the cached verdicts."""
        numbers: dict[str, Any] = {"ttl": self.ttl, "max_entries": self.max_entries}
        make = partial(type(self), vary=self.vary, key=self._given_key, **numbers)
        return make, (self._resolve,)

    # -- for applications --------------------------------------------------------------------

    def forget(self, origin: str | None = None) -> None:
        """Forget one origin, or all of them: the next request looks it up again.

        A look-up in progress still answers the requests that already wait for it, but no others.
        """
        with self._lock:
            self._generation += 1
            if origin is None:
                # New ones, because freeing the entries would take long with the lock held.
                self._allowed, self._refused = OrderedDict(), OrderedDict()
                self._keys = {}
                return
            keys = (origin,) if self._keys_are_origins else self._keys.pop(origin, ())
            for key in keys:
                self._allowed.pop(key, None)
                self._refused.pop(key, None)

    # -- for the middlewares -----------------------------------------------------------------

    def concerns(self, decision: Decision, request: Any) -> bool:
        """Return whether a look-up may change this decision."""
        if decision.outcome is not Outcome.ORIGIN_NOT_ALLOWED:
            return False
        return (_header(request, "origin") or "").startswith(_SCHEMES)

    def recall(self, origin: str, request: Any) -> Verdict | None:
        """Return the cached verdict, or ``None``."""
        try:
            key = self._key(origin, request)
            with self._lock:
                for memory in (self._allowed, self._refused):
                    entry = memory.get(key)
                    if entry is not None and monotonic() < entry[0]:
                        memory.move_to_end(key)
                        return entry[1]
        except Exception:
            # The application's `key` may raise. Then `look_up` fails, too, and logs it.
            return None
        return None

    def look_up(self, origin: str, request: Any) -> Verdict:
        """Call `resolve` in this thread and cache its verdict, or wait for another thread's."""
        try:
            key, generation = self._key(origin, request), self._generation
        except Exception:
            return self._fail(origin)
        from concurrent.futures import Future

        # A look-up that another process began before it forked does not end in this one.
        mark = os.getpid(), generation, key
        own: Future[Verdict] = Future()
        verdict: Verdict = False
        other = None
        try:
            with self._lock:
                other = self._flights.setdefault(mark, own)
            if other is not own:
                return other.result()
            verdict = self._read_verdict(self._call(origin, request), origin)
            self._remember(key, verdict, generation)
        except Exception:
            self._fail(origin)
        finally:
            # A signal's handler may raise anywhere above, and others must not wait forever.
            if other is own or other is None:
                with self._lock:
                    if self._flights.get(mark) is own:
                        del self._flights[mark]
                own.set_result(verdict)
        return verdict

    async def look_up_async(self, origin: str, request: Any) -> Verdict:
        """Look up an origin without blocking the event loop; requests share one look-up."""
        import asyncio

        try:
            key = self._key(origin, request)
            loop = asyncio.get_running_loop()
            with self._lock:
                pending = self._pending.setdefault(loop, {})
            task = pending.get((self._generation, key))
            if task is None:
                # A separate task, because the first request may be canceled while others wait.
                task = loop.create_task(self._ask(key, origin, request))
                mark = self._generation, key
                pending[mark] = task
                task.add_done_callback(lambda _: pending.pop(mark, None))
        except Exception:
            return self._fail(origin)
        return await asyncio.shield(task)

    async def _ask(self, key: Hashable, origin: str, request: Any) -> Verdict:
        import asyncio
        from inspect import isawaitable

        generation = self._generation
        try:
            if self.is_async:
                answer = self._call(origin, request)
            else:
                answer = await self._run_in_thread(origin, request)
            if isawaitable(answer):
                answer = await answer
            verdict = self._read_verdict(answer, origin)
        except asyncio.CancelledError:
            # Either this task was canceled, or something that `resolve` awaited.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return self._fail(origin)
        except Exception:
            return self._fail(origin)
        self._remember(key, verdict, generation)
        return verdict

    def _run_in_thread(self, origin: str, request: Any) -> Future[Any]:
        """Call `resolve` in a thread like `asyncio.to_thread`, which uses the application's."""
        import asyncio
        from concurrent.futures import ThreadPoolExecutor
        from contextvars import copy_context

        loop = asyncio.get_running_loop()
        with self._lock:
            threads = self._threads.get(loop)
            if threads is None:
                threads = ThreadPoolExecutor(limits.MAX_RESOLVER_THREADS, "corsfast-resolver")
                self._threads[loop] = threads
        run = copy_context().run
        return loop.run_in_executor(threads, run, self._call_in_thread, origin, request)

    def _call_in_thread(self, origin: str, request: Any) -> Any:
        try:
            return self._call(origin, request)
        except StopIteration as error:
            # A future cannot hold a StopIteration, so the request would wait forever.
            raise RuntimeError("resolve raised StopIteration") from error

    def _call(self, origin: str, request: Any) -> Any:
        return self._resolve(origin, request) if self._takes_request else self._resolve(origin)

    def _read_verdict(self, answer: Any, origin: str) -> Verdict:
        if answer is None or isinstance(answer, bool):
            return bool(answer)
        if is_policy(answer):
            if not answer.allows_origin(origin):
                return False
            # Raises here, where it is logged, if it is not a template.
            self._twins_of_verdicts.of(answer)
            return answer
        if hasattr(answer, "close"):
            answer.close()  # a coroutine that will not be awaited
        raise TypeError(
            "resolve must return True, False, None or a corsfast.Policy, not"
            f" {type(answer).__name__}"
        )

    def _fail(self, origin: str) -> bool:
        self._log.write(
            logging.ERROR, "looking up %s failed; it is refused", shown(origin), exc_info=True
        )
        return False

    # -- caching -----------------------------------------------------------------------------

    def _key(self, origin: str, request: Any) -> Hashable:
        if self._keys_are_origins:
            return origin
        parts: list[str | None] = [_header(request, name) for name in self._key_headers]
        if self._given_key is not None:
            given = self._given_key(request)
            hash(given)  # raises here, where it is logged
            return origin, _bounded(parts), given
        if self._takes_request:
            parts += [_header(request, "host"), *_paths(request)]
        return origin, _bounded(parts), None

    def _remember(self, key: Any, verdict: Verdict, generation: int) -> None:
        if self.ttl == 0:
            return
        memory, other = self._allowed, self._refused
        if verdict is False:
            memory, other = other, memory
        with self._lock:
            if generation != self._generation:
                return  # `forget` was called during the look-up
            other.pop(key, None)
            memory[key] = monotonic() + self.ttl, verdict
            memory.move_to_end(key)
            evicted = memory.popitem(last=False)[0] if len(memory) > self.max_entries else None
            if not self._keys_are_origins:
                self._keys.setdefault(key[0], set()).add(key)
                if evicted is not None:
                    keys = self._keys[evicted[0]]
                    keys.remove(evicted)
                    if not keys:
                        del self._keys[evicted[0]]

    # -- answering ---------------------------------------------------------------------------

    def twins(self, policy: Policy) -> tuple[Policy, Policy]:
        """Return the policies that answer instead of this one, if allowed and if rejected.

        They answer like this one; the first allows all web origins, and the other one none.
        """
        return self._twins.of(policy)  # type: ignore[no-any-return]

    def twins_of_verdict(self, policy: Policy) -> tuple[Policy, Policy]:
        """Return the twins of a policy that `resolve` returned. There may be many of these."""
        return self._twins_of_verdicts.of(policy)  # type: ignore[no-any-return]

    def check_template(self, policy: Policy) -> None:
        """Check that a policy can be the template of an answer.

        Raises:
            TypeError: for the policy of a drop-in, and for one that allows any origin.
        """
        if _options_of(policy)["allow_origins"] == ["*"]:
            raise TypeError(
                "allow_origins='*' allows every origin, so the resolver is never called; write"
                " allow_origins=[...] with the origins that need no look-up, or []"
            )
        self.twins(policy)

    def can_follow(self, policy: Policy) -> bool:
        """Return whether a policy can be a template, and log if it cannot.

        Policies that come from a holder or a callable are not checked at start-up.
        """
        try:
            self.twins(policy)
        except TypeError:
            self._log.write(
                logging.ERROR, "no origin is looked up with this policy: %r", policy, exc_info=True
            )
            return False
        return True

    def _make_twins(self, policy: Policy) -> tuple[Policy, Policy]:
        spec, _ = read_options(is_origin=is_origin, **{**_options_of(policy), "allow_origins": []})
        tables, _ = build_tables(spec, [])
        sent = tables.responses
        sent = sent._replace(
            actual_vary=tuple(dict.fromkeys((*sent.actual_vary, *self.vary))),
            preflight_vary=tuple(dict.fromkeys((*sent.preflight_vary, *self.vary))),
        )
        tables = tables._replace(responses=sent)
        make: Callable[[Tables], Any] = Policy._from_tables
        if not set(self.vary).issubset(_USUAL_VARY):
            # The native engine can merge only these names.
            from .._engine import pure

            make = pure.Policy._from_tables
        return make(tables._replace(any_web_origin=True)), make(tables)


def _options_of(policy: Policy) -> dict[str, Any]:
    try:
        return {**policy.options()}
    except TypeError:
        raise TypeError(
            "a resolver needs a policy made from options, as the template of its answers; write"
            " corsfast.Policy(...)"
        ) from None


# -- reading requests ------------------------------------------------------------------------


def _header(request: Any, name: str) -> str | None:
    """Return a header of a scope or environ. Several lines are joined by commas."""
    if "headers" in request:
        value = joined_lines(request["headers"], name.encode("ascii"))
        return None if value is None else value.decode("latin-1")
    found = request.get("HTTP_" + name.upper().replace("-", "_"))
    return found if isinstance(found, str) else None


def _paths(request: Any) -> tuple[str | None, ...]:
    if "headers" in request:
        return request.get("root_path"), request.get("path")
    return request.get("SCRIPT_NAME"), request.get("PATH_INFO")


def _bounded(parts: list[str | None]) -> Hashable:
    """Return the parts of a key, or their digest if they are long."""
    if sum(len(part) for part in parts if part) <= MAX_KEY:
        return tuple(parts)
    from hashlib import sha256

    return sha256(repr(parts).encode("utf-8", "backslashreplace")).digest()


# -- reading arguments -----------------------------------------------------------------------


def _read_function(resolve: Any) -> tuple[bool, bool]:
    """Return whether `resolve` is asynchronous, and whether it takes the request."""
    from inspect import iscoroutinefunction, signature

    if not callable(resolve) or isinstance(resolve, type):
        raise TypeError(
            "resolve must be a function of an origin that returns True or False, not"
            f" {type(resolve).__name__}"
        )
    is_async = iscoroutinefunction(resolve) or iscoroutinefunction(
        getattr(resolve, "__call__", None)  # noqa: B004 - the method of an object
    )
    try:
        parameters = signature(resolve).parameters.values()
    except ValueError:  # written in C, without a signature
        return is_async, False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in positional if p.default is p.empty]
    others = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if others or len(needed) > 2 or not (positional or takes_any):
        raise TypeError(
            "resolve is called as resolve(origin) or resolve(origin, request); write a function"
            " of one or two arguments"
        )
    return is_async, len(needed) == 2


def _read_numbers(ttl: Any, max_entries: Any, vary: Any) -> tuple[float, int, tuple[str, ...]]:
    problems = []
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)):
        raise TypeError(f"ttl must be a number of seconds, not {type(ttl).__name__}")
    if isinstance(max_entries, bool) or not isinstance(max_entries, int):
        raise TypeError(f"max_entries must be an int, not {type(max_entries).__name__}")
    if isinstance(vary, (str, bytes)) or not hasattr(vary, "__iter__"):
        raise TypeError(f"vary must be a list of header names, not {vary!r}")
    if not 0 <= ttl <= limits.MAX_MAX_AGE:
        message = f"{ttl} is not within 0 to {limits.MAX_MAX_AGE} seconds."
        problems.append(Problem("out-of-range", "ttl", ttl, message, hint="60"))
    if max_entries < 1:
        message = f"{max_entries} is less than 1."
        problems.append(Problem("out-of-range", "max_entries", max_entries, message, hint="10000"))
    # Use the usual spelling, so that no name is in Vary twice.
    usual = {name.lower(): name for name in _USUAL_VARY}
    names = {"origin": "Origin"}
    for name in vary:
        if not isinstance(name, str):
            raise TypeError(f"vary must hold header names, not {name!r}")
        if name == "*" or not fetch.TOKEN.fullmatch(name):
            message = f"{name!r} is not the name of a header."
            problems.append(Problem("not-a-token", "vary", name, message))
        names.setdefault(name.lower(), usual.get(name.lower(), name))
    if problems:
        raise PolicyError(problems, "the arguments of OriginResolver")
    return float(ttl), max_entries, tuple(names.values())
