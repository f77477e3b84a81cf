"""Suggest a replacement for an entry of ``allow_origins``, or say what to decide first.

    "HTTP://App.Example.com/", with credentials   ->   'https://app.example.com'
    re.compile("^https://app.example.com")        ->   re.compile(r"^https://app\\.example\\.com")
    "*.vercel.app"                                ->   each name that is yours, as ...

An offer is an entry that the same options accept, because the checks that rejected the original
have passed for it. If there is no such entry, the offer is advice on what only the author can
decide. No other host than the written one is ever offered.
"""

from __future__ import annotations

import re
from collections import namedtuple
from dataclasses import replace

from .._options.diagnose import REGEX_SIGNS
from .._options.patterns import (
    ORIGINS,
    Glob,
    HostRule,
    Network,
    Within,
    parse_pattern,
    write_pattern,
)
from .._options.suggestions import suggest_all, suggest_networks, texts_of
from ..errors import RISKS, Problem, changed
from .advice import advice_for, in_words, literal
from .automata import TooManyStatesError
from .languages import regex_of
from .python_source import in_source
from .regex_fixes import Way, repair, repair_string
from .regexes import RegexSyntaxError, compile_quietly
from .verify import problems_of, with_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NamedTuple

    from .._options.spec import Spec

    class Offer(NamedTuple):
        """A replacement for an entry: all of `entries`, or only `advice`."""

        entries: tuple[object, ...]
        advice: str | None

else:
    Offer = namedtuple("Offer", ("entries", "advice"))

NOTHING = Offer((), None)

# A proof takes milliseconds, a correction some tens of them. An author rarely fixes more at a time.
MAX_PROVEN = 16

# Problems of the whole option, not of an entry.
_OF_THE_LIST = ("any-origin-beside-others", "bare-string")


def mended(problems: Iterable[Problem], spec: Spec) -> list[Problem]:
    """Return the problems with hints that these options accept.

    Args:
        spec: the meaning of the options, as far as they are valid.
    """
    problems = list(problems)
    proven = 0
    found = []
    alone = _entries(problems, spec) == 1
    for problem in problems:
        if problem.option != ORIGINS or problem.hint == "()":
            found.append(problem)
            continue
        proven += needs_automata(problem)
        hint = _hint(problem, spec, alone) if proven <= MAX_PROVEN else in_words(problem)
        found.append(problem if hint == problem.hint else changed(problem, hint=hint))
    return found


def _entries(problems: list[Problem], spec: Spec) -> int:
    """Return the number of entries, valid or not."""
    known = (*RISKS, *_OF_THE_LIST, "dead-alternative", "dead-pattern", "dead-scheme")
    wrong = sum(problem.option == ORIGINS and problem.code not in known for problem in problems)
    read = len(spec.exact) + len(spec.rules) + len(spec.globs) + len(spec.regexes)
    return read + spec.any_origin + wrong


def needs_automata(problem: Problem) -> bool:
    """Return whether a suggestion needs a proof, and so counts towards `MAX_PROVEN`."""
    value = problem.value
    return (
        problem.code == "looks-like-regex"
        or "*" in (problem.hint or "")
        or not isinstance(value, str)
        or "*" in value
    )


def _hint(problem: Problem, spec: Spec, alone: bool) -> str | None:
    offer = offer_for(problem, credentials=spec.credentials, tolerated=spec.tolerated)
    if "*" in offer.entries and not alone:
        return "'*' alone, as the only entry"
    if not offer.entries and (problem.code != "bare-string" or offer.advice is not None):
        return offer.advice
    text = ", ".join(map(in_source, offer.entries))
    return f"[{text}]" if (problem.hint or "").startswith("[") else text


def offer_for(problem: Problem, *, credentials: bool, tolerated: frozenset[str]) -> Offer:
    """Return a replacement for an entry of ``allow_origins``.

    Args:
        tolerated: the risks that may remain, except the problem's own: an offer avoids that one
            even if it was accepted.
    """
    way = Way("fullmatch", credentials, own=True, tolerated=tolerated - {problem.code})
    try:
        return _offer(problem, way)
    except TooManyStatesError:
        return Offer((), in_words(problem))


def offer_for_text(text: str, *, credentials: bool, tolerated: frozenset[str]) -> Offer:
    """Return the meaning of a string: an origin, a pattern, or a misspelling of one."""
    try:
        return _part(text, Way("fullmatch", credentials, own=True, tolerated=tolerated))
    except TooManyStatesError:
        return NOTHING


def _offer(problem: Problem, way: Way) -> Offer:
    value = problem.value
    if problem.code == "dead-alternative":
        way = replace(way, alternatives=True)
    if problem.code == "any-origin-beside-others":
        return Offer((), "the list without it" if way.credentials else problem.hint)
    if problem.code == "bare-string":
        return _list(literal(problem.hint), way)
    if isinstance(value, (Glob, HostRule, Network)):
        value = write_pattern(value)
    if isinstance(value, str):
        return _string(problem, value, way)
    if isinstance(value, re.Pattern) and isinstance(value.pattern, bytes):
        value = _of_text(value)
    if isinstance(value, (re.Pattern, Within)):
        return _regex(problem, value, way)
    return _texts(texts_of(value), way)


def _of_text(regex: re.Pattern[bytes]) -> re.Pattern[str] | None:
    try:
        return compile_quietly(regex.pattern.decode("latin-1"), regex.flags & re.IGNORECASE)
    except RegexSyntaxError:
        return None


# -- regexes ---------------------------------------------------------------------------------


def _regex(problem: Problem, entry: re.Pattern[str] | Within, way: Way) -> Offer:
    found = way.problems(entry)
    if problem.code == "dead-alternative":  # the other alternatives may say more than origins
        text = repair(entry, way)
        if text is not None and not meant_otherwise(text):
            return Offer((with_regex(entry, compile_quietly(text, regex_of(entry).flags)),), None)
    otherwise = _list(meant_otherwise(regex_of(entry).pattern), way)
    if otherwise.entries:
        return otherwise
    if not found:
        return Offer((entry,), None)
    if literal(found[0].hint) == "*":
        return Offer(("*",), None)  # it matches any origin, and `*` says so
    text = repair(entry, way)
    if text is None:
        strings = _list(_strings_of_regex(regex_of(entry).pattern), way)
        if strings.entries:
            return strings
        return Offer((), advice_for(problem if problem in found else found[0]))
    regex = compile_quietly(text, regex_of(entry).flags)
    return Offer((with_regex(entry, regex),), None)


def _text_of_regex(problem: Problem, text: str, way: Way) -> Offer:
    """Return an offer for a string that holds a regex, or a shell's braces."""
    otherwise = _list(meant_otherwise(text), way)
    if otherwise.entries:
        return otherwise
    try:
        regex = compile_quietly(text)
    except RegexSyntaxError:
        return NOTHING
    if not way.problems(regex):
        return Offer((regex,), None)
    strings = _list(_strings_of_regex(text), way)
    return strings if strings.entries else _regex(problem, regex, way)


def meant_otherwise(text: str) -> list[str]:
    """Return the patterns that a text means, if it has another meaning as a regex."""
    meant = _strings_of_regex(text)
    try:
        return [] if _says(compile_quietly(text), meant) else meant
    except RegexSyntaxError:
        return meant


def _says(regex: re.Pattern[str], meant: list[str]) -> bool:
    """Return whether a regex matches these patterns; ``localhost:*`` repeats the colon instead."""
    if "null" in meant:
        return False  # a regex never matches it
    samples = [re.sub(r":(?:\*|\[.*?(\d+)\])$", _last_port, string) for string in meant]
    return all(regex.fullmatch(sample.replace("*", "a")) for sample in samples)


def _last_port(ports: re.Match[str]) -> str:
    return f":{ports[1] or 3000}"


_ANCHORS = re.compile(r"^(?:\^|\\A)|(?:\$|\\[Zz])$")
# Either scheme of the web, in a regex or in plain words.
_BOTH = re.compile(r"^(?:http\(s\)\??|http\[s\]\??|http\{s\}|\(?https\?\)?)(?=://)")
# Any port: `:\d+`, `(:[0-9]+)?`, `:.*`, `:*`.
_NUMBERS = r"(?:\\d|\[0-9\]|\.)(?:[*+]|\{[1-5]?,?5?\})?"
_ANY_PORT = re.compile(rf":{_NUMBERS}$|\(:{_NUMBERS}\)[?*]?$")
# The rest of an address: `192.168..*`, where the first dot was escaped.
_NUMBERED = re.compile(r"(?<=://)((?:\d{1,3}\.){1,3})(?:\.[*+]|\[[\d.-]+\][*+])")
_CHOICE = re.compile(r"\{([^{}()]*)\}|\(([^{}()]*)\)|(?<!:)\[([\w.\-]+(?:[|,][\w.\-]+)+)\]")
_PORTS = re.compile(r":[({]?(\d+(?:[|,.\-]+\d+)+)[)}]?$")
# Hosts without parentheses: `http://localhost|127.0.0.1:3000`.
_HOSTS = re.compile(r"(?<=://)[\w.\-]+(?:\|[\w.\-]+)+(?=:|$)")

# More strings than this are better written as a regex.
_MAX_STRINGS = 16


def _strings_of_regex(text: str) -> list[str]:
    r"""Return a simple regex, or a shell's braces, in the grammar of patterns; empty if impossible.

    ``^https://.*\.example\.com$`` -> ``https://*.example.com``; ``http://localhost:{3000,3001}``.
    """
    texts = text.split("|")
    if "(" in text or not all("://" in part for part in texts):
        texts = [text]
    made = [_without_regex(part) for part in texts]
    while any(map(_CHOICE.search, made)):
        made = [string for one in made for string in _choices(one)]
        if not 0 < len(made) <= _MAX_STRINGS:
            return []
    if any(REGEX_SIGNS.search(one) and not suggest_networks(one) for one in made):
        return []
    meant = [(one,) if parse_pattern(one) is not None else suggest_all(one) for one in made]
    return [string for strings in meant for string in strings] if all(meant) else []


def _without_regex(text: str) -> str:
    """Replace wildcards and choices of a regex by those of patterns and shells where possible."""
    plain = re.sub(r"\\([./\-:])", r"\1", _ANCHORS.sub("", text).replace("(?:", "("))
    plain = _BOTH.sub("{https,http}", plain)
    plain = re.sub(r"://\.[*+]\.", "://*.", plain)
    plain = _NUMBERED.sub(r"\1*", plain)
    plain = _ANY_PORT.sub(":*", plain)
    plain = re.sub(r"(?<=:)(?=(?:\d|\\d|\[0-9\]){4}$)(\d+)\D.*$", r"\1*", plain)
    plain = _HOSTS.sub(lambda m: f"{{{m[0]}}}", plain)
    return _PORTS.sub(lambda m: f":[{m[1].replace('|', ',')}]", plain)


def _choices(text: str) -> list[str]:
    """Return the strings that the first choice of a text means: ``(a|b)`` or ``{1..3}``."""
    choice = _CHOICE.search(text)
    if choice is None:
        return [text]
    inner, rest = choice[1] or choice[2] or choice[3] or "", text[choice.end() :]
    names = inner.replace("|", ",").split(",")
    numbers = re.fullmatch(r"(\d+)\.\.(\d+)", inner)
    if numbers is not None and 0 <= int(numbers[2]) - int(numbers[1]) < _MAX_STRINGS:
        names = [str(n) for n in range(int(numbers[1]), int(numbers[2]) + 1)]
    if rest.startswith("?"):
        names, rest = [*names, ""], rest[1:]
    elif len(names) < 2:
        return []
    return [f"{text[: choice.start()]}{name}{rest}" for name in names]


# -- strings ---------------------------------------------------------------------------------


def _string(problem: Problem, value: str, way: Way) -> Offer:
    if problem.code == "looks-like-regex":
        return _text_of_regex(problem, value, way)
    meant = literal(problem.hint)
    if isinstance(meant, tuple):
        return _list(meant, way)
    for start in (meant, value):
        if isinstance(start, str) and start != "*":
            if "*" in start:
                whole = _list(suggest_all(start), way)
                if whole.entries:
                    return whole
            text = repair_string(start, way.credentials, way.tolerated)
            if text is not None:
                return Offer((text,), None)
    if isinstance(meant, str):
        # The meaning is well-formed but has a problem of its own, so give the advice for that.
        for other in _problems(meant, way):
            return Offer((), advice_for(other))
    return Offer((), advice_for(problem))


def _part(text: str, way: Way) -> Offer:
    """Return an offer for an entry that has not been checked yet."""
    for problem in _problems(text, way):
        return _offer(problem, way)
    return Offer((text,), None)


def _texts(texts: tuple[str, ...], way: Way) -> Offer:
    """Return an offer for the texts of an object of another type."""
    return _part(texts[0], way) if len(texts) == 1 else _list(texts, way)


def _list(parts: object, way: Way) -> Offer:
    """Return an offer for several entries that were written as one string: all of them or none."""
    entries: dict[object, None] = {}
    for part in parts if isinstance(parts, (list, tuple)) else ():
        offer = _part(part, way)
        if not offer.entries:
            return Offer((), offer.advice or "a list of origins")
        entries.update(dict.fromkeys(offer.entries))
    if problems_of([*entries], way.credentials, way.tolerated):
        return Offer((), "a list of origins")
    return Offer(tuple(entries), None)


def _problems(text: str, way: Way) -> list[Problem]:
    return problems_of([text], way.credentials, way.tolerated)
