"""The options of an origin, and mappings of origins to options; used at start-up only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import NamedTuple

from ..._options.spec import wrong_header, wrong_method
from ..._options.suggestions import suggestions_for
from ..._proofs.ineffective import never_compared, wrong_exposed_with, wrong_names, wrong_seconds
from .._dropin.messages import say
from .._dropin.non_web_origins import FILE
from .._dropin.policy import lenient_tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from ...errors import Problem

NAME = "corsfast.middleware.aiohttp"


class _Fields(NamedTuple):
    allow_credentials: bool
    expose_headers: frozenset[str] | Literal["*"]
    allow_headers: frozenset[str] | Literal["*"]
    max_age: int | None
    allow_methods: frozenset[str] | Literal["*"] | None


class ResourceOptions(_Fields):
    """The permissions of an origin for a resource. A named tuple of its arguments, normalized.

    Args:
        allow_credentials: whether cookies may be used.
        expose_headers: names of response headers that pages may read, or ``"*"`` for all that
            are in the response.
        allow_headers: names of request headers, or ``"*"``.
        max_age: seconds that browsers may cache a preflight; ``None`` sends no header.
        allow_methods: methods, or ``"*"``, that are allowed in addition to those of the added
            routes. For resources and defaults.

    Raises:
        ValueError: for anything else, including a bare str.
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        allow_credentials: bool = False,
        expose_headers: Sequence[str] = (),
        allow_headers: Sequence[str] = (),
        max_age: int | None = None,
        allow_methods: Sequence[str] | None = None,
    ) -> ResourceOptions:
        if not isinstance(allow_credentials, bool):
            raise ValueError(f"'allow_credentials' must be boolean, got {allow_credentials!r}")
        # Integers of numpy or of a settings library are accepted too.
        if max_age is not None and not (_is_integral(max_age) and max_age >= 0):
            raise ValueError(f"'max_age' must be non-negative integer, got {max_age!r}")
        names = _all_or_some("expose_headers", expose_headers)
        wanted = _all_or_some("allow_headers", allow_headers)
        methods = None if allow_methods is None else _all_or_some("allow_methods", allow_methods)
        return super().__new__(
            cls,
            allow_credentials,
            names,
            wanted if wanted == "*" else frozenset(name.upper() for name in wanted),
            max_age,
            methods if methods is None or methods == "*" else frozenset(m.upper() for m in methods),
        )

    def is_method_allowed(self, method: str) -> bool:
        """Return whether `allow_methods` allows a method, compared case-insensitively."""
        methods = self.allow_methods
        return methods is not None and (methods == "*" or method.upper() in methods)


def _is_integral(value: object) -> bool:
    return isinstance(value, Integral)


def _all_or_some(option: str, value: object) -> frozenset[str] | Literal["*"]:
    if value == "*":
        return "*"
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{option!r} must be either '*', or sequence of strings, got {value!r}")
    if not all(isinstance(name, str) for name in value):
        raise ValueError(f"{option!r} must hold strings, got {value!r}")
    return frozenset(value)


Config = Mapping[str, ResourceOptions]
Written = Mapping[str, ResourceOptions | Mapping[str, "Any"]]


def parse_config(config: object) -> Config:
    """Parse a mapping of origins to options, which has the type `Written`, or ``None``.

    Raises:
        ValueError: for anything that is not such a mapping.
    """
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise ValueError(f"Config must be mapping, got {config!r}")
    parsed = {}
    for origin, options in config.items():
        if not isinstance(origin, str):
            meant = " or ".join(map(repr, suggestions_for(origin)))
            advice = f"; write {meant}" if meant else ""
            raise ValueError(f"Origin must be string, got {origin!r}{advice}")
        parsed[origin] = options if isinstance(options, ResourceOptions) else _read(options)
    return parsed


class Judge:
    """A check of the origins of one application's options, which reports each problem once."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._judged: set[object] = set()

    def judge(self, config: Config) -> None:
        """Report the problems of a parsed mapping that were not reported before."""
        also = []
        for options in dict.fromkeys(config.values()):
            if options not in self._judged:
                self._judged.add(options)
                also += _wrong_options(options)
        say(NAME, dict.fromkeys(also), strict=self._strict)
        for origins, credentials in _to_judge(config):
            if (origins, credentials) not in self._judged:
                listed = {"origins": origins}
                lenient_tables(NAME, listed, credentials=credentials, strict=self._strict)
                self._judged.add((origins, credentials))


_LITERAL = "'*' in a list is an ordinary name, which no browser sends."
_STAR = "the str '*' alone"


def _wrong_options(options: ResourceOptions) -> list[Problem]:
    exposed = wrong_exposed_with(False)
    problems = []
    for option, wrong in (
        ("expose_headers", never_compared(exposed, _LITERAL, _STAR)),
        ("allow_headers", never_compared(wrong_header, _LITERAL, _STAR)),
        ("allow_methods", never_compared(wrong_method, _LITERAL, _STAR)),
    ):
        names: frozenset[str] | str | None = getattr(options, option)
        if names is not None and names != "*":
            problems += wrong_names(option, sorted(names), wrong)
    age = options.max_age
    return problems + ([] if age is None else wrong_seconds("max_age", age, str(age)))


def _read(written: object) -> ResourceOptions:
    if not isinstance(written, Mapping):
        raise ValueError(
            f"Origin options must be either ResourceOptions or mapping, got {written!r}"
        )
    unknown = ", ".join(sorted({str(name) for name in written} - set(ResourceOptions._fields)))
    if unknown:
        raise ValueError(f"Unexpected keywords in resource options: {unknown}")
    return ResourceOptions(**written)


def _to_judge(config: Config) -> list[tuple[tuple[str, ...], bool]]:
    """Group origins by their credentials; `"*"` is a group alone, as it affects no other origin."""
    found: dict[tuple[bool, bool], list[str]] = {}
    for origin, options in config.items():
        if origin != FILE:
            found.setdefault((origin == "*", options.allow_credentials), []).append(origin)
    return [(tuple(origins), credentials) for (_, credentials), origins in found.items()]
