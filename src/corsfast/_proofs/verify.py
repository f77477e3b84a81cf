"""Apply the checks of risks.py to a single regex or string, also for other software."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice

from .._options.origin import is_origin, parse_origin
from .._options.patterns import ORIGINS, Within
from .._options.schemes import unmatchable_schemes
from .._options.spec import DEFAULTS, read_options
from ..errors import Problem
from .automata import intersect, shortest_words
from .intent import intent_of
from .languages import insecure_origins, language_of, regex_of
from .risks import CANDIDATES, PROBES, attacker_origins, find_risks, language_risks

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from .._options.spec import Spec
    from .languages import Entry, Language


def read_policy(options: dict[str, object]) -> tuple[Spec, list[Problem]]:
    """Read options, with the defaults of `Policy`; see `read_options`."""
    return read_options(is_origin=is_origin, **{**DEFAULTS, **options})


def problems_of(
    entries: list[object], credentials: bool, tolerated: frozenset[str] = frozenset()
) -> list[Problem]:
    """Return all problems of these ``allow_origins``, except the tolerated ones."""
    spec, problems = read_policy({"allow_origins": entries, "allow_credentials": credentials})
    languages = [language_of(entry) for entry in (*spec.globs, *spec.regexes)]
    found = [*problems, *unmatchable_schemes(spec.exact), *find_risks(spec, languages)]
    return [problem for problem in found if problem.code not in tolerated]


@lru_cache(maxsize=256)
def language(entry: Entry, how: str) -> Language:
    """Return `language_of`, cached because a correction is compared with its original."""
    return language_of(entry, how=how)


@lru_cache(maxsize=256)
def own_risks(entry: Entry, credentials: bool) -> tuple[Problem, ...]:
    """Return the risks of a glob or regex of a `Policy`, matched in full."""
    return tuple(language_risks(language(entry, "fullmatch"), credentials))


@lru_cache(maxsize=256)
def foreign_risks(regex: re.Pattern[str], how: str, credentials: bool) -> tuple[Problem, ...]:
    """Return the risks of a regex of other software, which does not validate origins.

    In addition to the risks of origins, such a regex may match ``null``.
    """
    found = language(regex, how)
    risks = language_risks(found, credentials)
    if any(risk.example == PROBES[0] for risk in risks):
        return tuple(risks)  # it matches any origin, so there is nothing to add
    if any(risk.code in ("slow-regex", "unproven") for risk in risks):
        return tuple(risks)  # it is not run, so that it cannot be slow here
    if found.unsupported is not None and how != "fullmatch":
        risks = list(_confirm(found, how, risks, credentials))
    if not getattr(regex, how)("null"):
        return tuple(risks)
    # A regex that matches only "null" is not unmatchable.
    risks = [risk for risk in risks if risk.code != "unmatchable-pattern"]
    if credentials:
        message = f"{regex.pattern!r} allows 'null', which any web site can send."
        code = "null-origin-with-credentials"
        risks.append(Problem(code, ORIGINS, regex, message, example="null"))
    return tuple(risks)


def _confirm(
    found: Language, how: str, risks: list[Problem], credentials: bool
) -> Iterator[Problem]:
    """Look for examples that the other software matches; risks.py assumes full matches."""
    regex = regex_of(found.entry)

    def first_real(words: Iterator[str]) -> str | None:
        tried = islice(words, CANDIDATES)
        return next((w for w in tried if parse_origin(w) and getattr(regex, how)(w)), None)

    for risk in risks:
        if risk.code == "foreign-origin" and risk.example is None and found.dfa is not None:
            example = first_real(attacker_origins(found.dfa, intent_of(regex)))
            if example is None:
                yield risk
            else:
                message = f"{regex.pattern!r} allows an origin that is not intended."
                yield Problem(risk.code, ORIGINS, regex, message, example=example)
        else:
            yield risk
    if credentials and found.dfa and all(risk.code != "insecure-origin" for risk in risks):
        example = first_real(shortest_words(intersect(found.dfa, insecure_origins())))
        if example is not None:
            message = f"{regex.pattern!r} allows plain http."
            yield Problem("insecure-origin", ORIGINS, regex, message, example=example)


def forget() -> None:
    """Empty the caches, so that a diagnosis does not depend on an earlier one.

    A cached result costs no steps, unlike one of `charged`, because several problems of an entry
    try the same corrections.
    """
    for cached in (language, own_risks, foreign_risks):
        cached.cache_clear()


def with_regex(entry: re.Pattern[str] | Within, regex: re.Pattern[str]) -> re.Pattern[str] | Within:
    """Return an entry with another regex and the same declaration."""
    return Within(regex, entry.domains) if isinstance(entry, Within) else regex
