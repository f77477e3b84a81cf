"""Compile the origins of a drop-in, with options that mean what they mean in the original library.

A drop-in must accept the options that work with the original. So an insecure setting is a
`CorsfastSecurityWarning`, with an origin that is allowed and a proposal. An entry that matches
nothing is a `CorsfastUnmatchableWarning`. With ``strict=True`` all of them are one `PolicyError`.

    origins --_read_origins--> kept, wrong
    kept --_read_options--> Spec --build_tables--> Tables
    kept, wrong, Spec --_diagnose--> warnings | PolicyError

A drop-in derives its own tables from these, with its methods, header names and responses. It makes
a policy from them by ``Policy._from_tables``.

Never read a string as a pattern that the original library takes literally, because the pattern
would allow more origins.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..._engine.tables import (
    build_tables,
    empty_list,
    globs_as_regexes,
    unmatchable_alternatives,
    warn,
)
from ..._options.fetch import NON_WILDCARD_REQUEST_HEADER, OWS, TOKEN
from ..._options.limits import MAX_POLICY_STEPS
from ..._options.origin import is_origin
from ..._options.schemes import unmatchable_schemes
from ..._options.spec import Spec, read_options
from ..._proofs.automata import TooManyStatesError, limited
from ..._proofs.dialect import Diagnosis, MatchContext
from ..._proofs.ineffective import bare_string, beside_any_origin, listed, wrong_names
from ..._proofs.languages import language_of
from ..._proofs.risks import find_risks, too_many_steps_together
from ...errors import CorsfastPerformanceWarning, Problem
from .messages import NO_REGEXES, Unreadable, as_written, in_option, say, wrong_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NoReturn

    from ..._engine.tables import Tables
    from ..._proofs.dialect import Dialect
    from ..._proofs.ineffective import Wrong
    from ..._proofs.languages import Language

    # The entries that a browser may send, and the others, each with its option.
    Kept = dict[str | re.Pattern[str], str]
    WrongEntries = list[tuple[object, str]]


class _DropInSpec(Spec):
    """The spec of a drop-in's policy, which no options of Policy can express."""

    unmatchable: tuple[str, ...]  # entries that match nothing
    name: str
    option: str  # the option for origins
    wrong: list[Problem]  # entries that `read_options` rejected

    def key(self) -> tuple[object, ...]:
        return (self.name, *super().key())

    def show(self) -> str:
        return f"<the policy of {self.name}>"

    def options(self) -> NoReturn:
        raise TypeError(
            f"the policy of {self.name} is not made from options of corsfast.Policy, so it"
            " cannot be pickled; pickle its options"
        )


def lenient_tables(
    name: str,
    origins: Mapping[str, Iterable[str | re.Pattern[str]]],
    *,
    credentials: bool,
    strict: bool = False,
    star: bool = True,
    also: Iterable[Problem] = (),
    dialect: Dialect = NO_REGEXES,
    given: object = (),
    tell: Callable[[str, type[Warning]], None] = warn,
) -> Tables:
    """Return tables for the origins of a drop-in. All else is as in a policy with only origins.

    Args:
        name: the drop-in, for messages and ``repr``: ``"corsfast.middleware.starlette"``.
        origins: the entries of each option that holds origins: serialized origins, ``"null"``,
            ``"*"``, and ``re.Pattern`` objects of str, which must match the whole origin. Other
            entries match nothing and cause a warning. With ``"*"`` and credentials, every
            serialized origin and ``null`` is allowed and echoed.
        credentials: whether credentials are allowed with these origins.
        strict: whether problems are a PolicyError and not warnings.
        star: whether ``"*"`` allows any origin; otherwise it is a str that matches nothing.
        also: problems that `read_list` and `read_names` have found.
        dialect: the forms of the drop-in's options in suggestions; messages quote the string that
            a regex was made of.
        given: the original value of the first option. If no option has an origin, an empty list
            causes a warning.
        tell: called with each warning; a caller that caches the tables may emit them again.

    Raises:
        PolicyError: with ``strict``, with all problems together.
        Exception: the one of an entry that is `Unreadable`.

    Warns:
        CorsfastSecurityWarning: without ``strict``, once per risk.
        CorsfastUnmatchableWarning: without ``strict``, once per entry that matches nothing, and
            once per alternative of a regex that matches nothing.
        CorsfastPerformanceWarning: once per regex that no automaton can express.
    """
    dialect = replace(
        dialect,
        match=MatchContext(credentials=credentials),
        option=next(iter(origins), "origins"),
    )
    kept, wrong = _read_origins(origins, star)
    any_origin = "*" in kept
    spec = _read_options(["*"] if any_origin else [*kept], credentials)
    problems = [*also]
    try:
        with limited(MAX_POLICY_STEPS):
            languages = [language_of(entry) for entry in spec.regexes]
            problems += _diagnose(kept, wrong, spec, languages, dialect)
            tables, slow = build_tables(spec, languages)
    except TooManyStatesError:
        problems.append(in_option(too_many_steps_together(), dialect.option))
        spec.regexes = ()
        tables, slow = build_tables(spec, [])
    if not problems and not kept:
        problems += empty_list(dialect.option, given)
    say(name, problems, strict=strict, tell=tell)
    spec.name, spec.option = name, dialect.option
    spec.unmatchable = tuple(entry for entry, _ in wrong if isinstance(entry, str))
    for message in slow:
        tell(f"{name}: {message}", CorsfastPerformanceWarning)
    # The originals give other answers to the preflights that they refuse.
    responses = tables.responses._replace(show_permissions=False)
    tables = tables._replace(responses=responses)
    return echoing_any_origin(tables) if any_origin and credentials else tables


def _read_origins(origins: Mapping[str, Iterable[object]], star: bool) -> tuple[Kept, WrongEntries]:
    kept: Kept = {}
    wrong: WrongEntries = []
    for option, entries in origins.items():
        for entry in entries:
            if isinstance(entry, re.Pattern) or (
                isinstance(entry, str) and ((star and entry == "*") or is_origin(entry))
            ):
                kept.setdefault(entry, option)
            else:
                wrong.append((entry, option))
    return kept, wrong


def _diagnose(
    kept: Mapping[Any, str],
    wrong: WrongEntries,
    spec: _DropInSpec,
    languages: list[Language],
    dialect: Dialect,
) -> list[Problem]:
    """Return everything that is wrong with the origins, with suggestions."""
    problems = []
    for entry, option in wrong:
        if isinstance(entry, Unreadable):
            entry.fail(dialect)
        problems.append(wrong_entry(option, entry, dialect))
    own = [regex for regex in spec.regexes if regex not in dialect.written]
    unmatchable = [*unmatchable_schemes(spec.exact), *unmatchable_alternatives(own)]
    diagnosis = Diagnosis(dialect)
    judged = [*spec.wrong, *unmatchable, *find_risks(spec, languages, diagnosis.steps)]
    for problem in [*judged, *globs_as_regexes(own, judged)]:
        option = kept.get(problem.value, dialect.option)
        problems.append(in_option(problem, option))
    if problems:
        from ..._proofs.suggest import with_suggestions

        problems = with_suggestions(problems, diagnosis)
    others = [entry for entry in kept if entry != "*"]
    if "*" in kept and others and not spec.credentials:  # with credentials it is a risk
        problems.append(beside_any_origin(kept["*"], others))
    return [as_written(problem, dialect) for problem in problems]


def echoing_any_origin(tables: Tables) -> Tables:
    """Allow every serialized origin and ``null``, and echo the origin instead of ``*``."""
    responses = tables.responses._replace(
        actual_vary=("Origin",),
        preflight_vary=tuple(dict.fromkeys(("Origin", *tables.responses.preflight_vary))),
        default_origin=None,
    )
    return tables._replace(star=False, any_origin=True, exact=("null",), responses=responses)


def allowing(
    tables: Tables,
    methods: Iterable[str],
    names: Iterable[str],
    *,
    any_method: bool = False,
    any_header: bool = False,
) -> Tables:
    """Allow these methods and header names, and no others unless any are allowed.

    Any header name includes the one that ``*`` in a policy does not include.
    """
    more = [NON_WILDCARD_REQUEST_HEADER] if any_header else []
    return tables._replace(
        methods=tokens_of(methods),
        any_method=any_method,
        header_names=frozenset(name.lower() for name in tokens_of([*names, *more])),
        any_header=any_header,
    )


def read_list(
    option: str, value: Iterable[object], wrong: Wrong | None = None
) -> tuple[list[object], list[Problem]]:
    """Return the elements of an option that should be a list, but may be a str.

    The original library searches such a str for substrings, or splits it into letters. Here the
    str is read as one element, or as a list that is separated by commas or spaces, because that
    is what the user meant.

    Args:
        wrong: finds names that must not be proposed.

    Returns:
        the elements, and at most one problem.

    Raises:
        TypeError: for a value that is not a list.
    """
    if not isinstance(value, (str, bytes)):
        if not hasattr(value, "__iter__"):
            kind = type(value).__name__
            raise TypeError(f"{option} is a list of strings, not {kind}; write {option}=[...]")
        # Sort a set, because headers should not change from one start to the next.
        return sorted(value, key=repr) if isinstance(value, (set, frozenset)) else [*value], []
    meant: list[object] = [*listed(value)]
    if value in ("*", b"*"):
        return meant, []
    right = [name for name in meant if not (wrong and wrong_names(option, [name], wrong))]
    hint = repr(right) if right or not meant else None
    return meant, [bare_string(option, value, hint, others="look for parts of it")]


def read_names(
    option: str, entries: Iterable[object], wrong: Wrong
) -> tuple[list[str], list[Problem]]:
    """Return the methods or header names that can be sent: tokens, and lists of tokens.

    An empty name is kept, because the original sends it. Names that cannot be sent are left out:
    they would break the response, and no request can contain them.

    Args:
        wrong: finds the problem of a name, also of a name that can be sent.

    Returns:
        the names, and all problems.
    """
    kept: list[str] = []
    problems: list[Problem] = []
    for entry in entries:
        found = wrong_names(option, [entry], wrong)
        problems += found
        if isinstance(entry, str) and not any(problem.code == "too-long" for problem in found):
            names = [part.strip(OWS) for part in entry.split(",")]
            if all(not name or TOKEN.fullmatch(name) for name in names):
                kept.append(entry)
    return kept, problems


def tokens_of(names: Iterable[str]) -> frozenset[str]:
    """Return the names that are single tokens, because tables contain only these."""
    return frozenset(name for name in names if TOKEN.fullmatch(name))


def _read_options(entries: list[object], credentials: bool) -> _DropInSpec:
    plain, problems = read_options(
        is_origin=is_origin,
        allow_origins=entries,
        allow_methods=(),
        allow_headers=(),
        expose_headers=(),
        allow_credentials=credentials,
        max_age=None,
        preflight_status=204,
        existing="replace",
        dangerously_tolerate=(),
    )
    spec = _DropInSpec()
    vars(spec).update(vars(plain))
    spec.wrong = problems
    return spec
