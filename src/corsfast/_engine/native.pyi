# The types of native.pyx, which equal those of pure.py. stubtest checks them.

import re
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Final, Literal, Never, NoReturn, final

from typing_extensions import disjoint_base

from .._explain.explanation import Explanation
from .._options.patterns import Within
from .._options.spec import PolicyOptions
from .._proofs.changes import PolicyDiff
from ..decision import Outcome, Stats
from .tables import Tables

IMPLEMENTATION: Final = "native"

def is_origin(text: str, /) -> bool: ...

@final
class Decision:
    @property
    def allowed(self) -> bool: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def is_preflight(self) -> bool: ...
    @property
    def status(self) -> int | None: ...
    @property
    def headers(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]: ...
    @property
    def vary(self) -> tuple[str, ...]: ...
    def __new__(cls) -> NoReturn: ...
    def __setattr__(self, name: str, value: object, /) -> NoReturn: ...
    def __delattr__(self, name: str, /) -> NoReturn: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Decision: ...
    def __deepcopy__(self, memo: object, /) -> Decision: ...
    def __reduce__(self) -> NoReturn: ...

@final
class Policy:
    def __new__(
        cls,
        *positional: Never,
        allow_origins: Iterable[str | re.Pattern[str] | Within],
        allow_methods: Iterable[str] = (),
        allow_headers: Iterable[str] = (),
        expose_headers: Iterable[str] = (),
        allow_credentials: bool = False,
        max_age: int | None = 600,
        preflight_status: int = 204,
        existing: Literal["replace", "keep"] = "replace",
        timing_allow_origin: bool = False,
        dangerously_tolerate: Iterable[str] = (),
        **unknown: Never,
    ) -> Policy: ...
    @classmethod
    def _from_tables(cls, tables: Tables, /) -> Policy: ...
    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> Policy: ...
    @classmethod
    def from_toml(
        cls, path: str | PathLike[str], table: str | None = "tool.corsfast"
    ) -> Policy: ...
    @classmethod
    def from_env(
        cls, prefix: str = "CORS_", environ: Mapping[str, str] | None = None
    ) -> Policy: ...
    def actual(self, origin: str | bytes | None, /) -> Decision: ...
    def preflight(
        self,
        origin: str | bytes | None,
        request_method: str | bytes,
        request_headers: str | bytes | Sequence[str | bytes] | None = None,
        /,
    ) -> Decision: ...
    def decide(
        self,
        method: str | bytes,
        origin: str | bytes | None,
        request_method: str | bytes | None = None,
        request_headers: str | bytes | Sequence[str | bytes] | None = None,
        /,
    ) -> Decision: ...
    def asgi(self, scope: Mapping[str, Any], /) -> Decision: ...
    def wsgi(self, environ: dict[str, Any], /) -> Decision: ...
    def allows_origin(self, origin: str | bytes | None, /) -> bool: ...
    def protects(
        self,
        method: str | bytes,
        origin: str | bytes | None,
        sec_fetch_site: str | bytes | None,
        host: str | bytes | None,
        /,
    ) -> bool: ...
    def explain(
        self,
        method: str | bytes,
        origin: str | bytes | None,
        request_method: str | bytes | None = None,
        request_headers: str | bytes | Sequence[str | bytes] | None = None,
        credentials: bool | None = None,
        *,
        sec_fetch_site: str | bytes | None = None,
        host: str | bytes | None = None,
    ) -> Explanation: ...
    def apply_asgi(
        self, decision: Decision, headers: Iterable[Sequence[bytes]], /
    ) -> list[Sequence[bytes]]: ...
    def apply_wsgi(
        self, decision: Decision, headers: Iterable[tuple[str, str]], /
    ) -> list[tuple[str, str]]: ...
    @property
    def _tables(self) -> Tables: ...
    def stats(self, *, reset: bool = False) -> Stats: ...
    def options(self) -> PolicyOptions: ...
    def diff(self, new: Policy, /) -> PolicyDiff: ...
    def describe(self) -> str: ...
    def __setattr__(self, name: str, value: object, /) -> NoReturn: ...
    def __delattr__(self, name: str, /) -> NoReturn: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Policy: ...
    def __deepcopy__(self, memo: object, /) -> Policy: ...
    def __reduce__(self) -> tuple[object, ...]: ...

@disjoint_base
class ASGICall:
    __signature__: Any  # of instances; the class has none
    app: Any
    @property
    def policy(self) -> Any: ...
    def __init__(
        self,
        app: Any,
        policy: Any,
        /,
        *,
        body: bytes = b"",
        on_all: Any = None,
        on_handshake: Any = None,
        on_allowed_preflight: Any = None,
        on_private_network: Any = None,
        on_refused_preflight: Any = None,
        on_refused: Any = None,
        on_forged: Any = None,
    ) -> None: ...
    def __call__(self, scope: Any, receive: Any, send: Any) -> Any: ...

@disjoint_base
class WSGICall:
    __signature__: Any  # of instances; the class has none
    app: Any
    @property
    def policy(self) -> Any: ...
    def __init__(
        self,
        app: Any,
        policy: Any,
        /,
        *,
        body: bytes = b"",
        on_all: Any = None,
        on_refused_preflight: Any = None,
        on_refused: Any = None,
        on_forged: Any = None,
    ) -> None: ...
    def __call__(self, environ: Any, start_response: Any) -> Any: ...
