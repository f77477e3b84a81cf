"""A Problem of ``allow_origins`` -> what to write in the entry's place, or what to decide first.

    "HTTP://App.Example.com/", with credentials   ->   'https://app.example.com'
    re.compile("^https://app.example.com")        ->   re.compile(r"^https://app\\.example\\.com")
    "*.vercel.app"                                ->   each name that is yours, as ...

An offer is an entry that the same options accept: the very questions that refused the first
one have been asked of it. Where none is found, advice says what only the author can decide.

Place in the flow: repair, proofs, advice -> offers -> _compile, middleware, check.
Never: offer what was not proven, or another host than the one that is written.
"""

from __future__ import annotations

import re
from collections import namedtuple

from ..automata import TooManyStatesError
from ..errors import RISKS, Problem, with_hint
from ..languages import regex_of
from ..patterns import Glob, HostRule, Network, Within, parse_pattern, write_pattern
from ..regexes import RegexSyntaxError, compile_quietly
from .advice import advice_for, in_words, literal
from .proofs import problems_of, with_regex
from .repair import Way, repair, repair_string
from .source import in_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NamedTuple

    from ..config import Spec

    class Offer(NamedTuple):
        """What may stand in an entry's place: all of `entries`, or nothing but `advice`."""

        entries: tuple[object, ...]
        advice: str | None

else:
    Offer = namedtuple("Offer", ("entries", "advice"))

OPTION = "allow_origins"
NOTHING = Offer((), None)

# A proof takes milliseconds, a correction some tens of them. Nobody mends more at a time.
MAX_PROVEN = 16

# Said of a whole option, not of an entry.
_OF_THE_LIST = ("any-origin-beside-others", "bare-string")


def mended(problems: Iterable[Problem], spec: Spec) -> list[Problem]:
    """The same problems; a hint of theirs is now something that these options accept.

    Args:
        spec: what the options mean, as far as they could be read.
    """
    problems = list(problems)
    proven = 0
    found = []
    alone = _entries(problems, spec) == 1
    for problem in problems:
        if problem.option != OPTION:
            found.append(problem)
            continue
        proven += needs_automata(problem)
        hint = _hint(problem, spec, alone) if proven <= MAX_PROVEN else in_words(problem)
        found.append(problem if hint == problem.hint else with_hint(problem, hint))
    return found


def _entries(problems: list[Problem], spec: Spec) -> int:
    """How many entries there are: those that could be read, and those that could not."""
    known = (*RISKS, *_OF_THE_LIST, "dead-pattern", "dead-scheme")
    wrong = sum(problem.option == OPTION and problem.code not in known for problem in problems)
    read = len(spec.exact) + len(spec.rules) + len(spec.globs) + len(spec.regexes)
    return read + spec.any_origin + wrong


def needs_automata(problem: Problem) -> bool:
    """Whether what to write instead takes a proof, and so counts towards `MAX_PROVEN`."""
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
    """What may stand in the place of an entry of ``allow_origins``.

    Args:
        tolerated: the risks that may remain. The problem's own is not one of them, though it
            may have been accepted: an offer is rid of it.
    """
    way = Way("fullmatch", credentials, own=True, tolerated=tolerated - {problem.code})
    try:
        return _offer(problem, way)
    except TooManyStatesError:
        return Offer((), in_words(problem))


def offer_for_text(text: str, *, credentials: bool, tolerated: frozenset[str]) -> Offer:
    """What is meant by a string that may be an origin, a pattern, or a misspelling of one."""
    try:
        return _part(text, Way("fullmatch", credentials, own=True, tolerated=tolerated))
    except TooManyStatesError:
        return NOTHING


def _offer(problem: Problem, way: Way) -> Offer:
    value = problem.value
    if problem.code == "any-origin-beside-others":
        return Offer((), "the list without it" if way.credentials else problem.hint)
    if problem.code == "bare-string":
        return _list(literal(problem.hint), way)
    if isinstance(value, bytes):
        return _part(value.decode("latin-1"), way)
    if isinstance(value, (Glob, HostRule, Network)):
        value = write_pattern(value)
    if isinstance(value, str):
        return _string(problem, value, way)
    if isinstance(value, re.Pattern) and isinstance(value.pattern, bytes):
        value = _of_text(value)
    if isinstance(value, (re.Pattern, Within)):
        return _regex(problem, value, way)
    return Offer((), in_words(problem))


def _of_text(regex: re.Pattern[bytes]) -> re.Pattern[str] | None:
    try:
        return compile_quietly(regex.pattern.decode("latin-1"), regex.flags & re.IGNORECASE)
    except RegexSyntaxError:
        return None


# -- regexes ---------------------------------------------------------------------------------


def _regex(problem: Problem, entry: re.Pattern[str] | Within, way: Way) -> Offer:
    found = way.problems(entry)
    if not found:
        return Offer((entry,), None)
    if literal(found[0].hint) == "*":
        return Offer(("*",), None)  # it admits any origin, and so says it
    text = repair(entry, way)
    if text is None:
        return Offer((), advice_for(problem if problem in found else found[0]))
    regex = compile_quietly(text, regex_of(entry).flags)
    return Offer((with_regex(entry, regex),), None)


def _text_of_regex(problem: Problem, text: str, way: Way) -> Offer:
    """A regex that stands in a string."""
    try:
        regex = compile_quietly(text)
    except RegexSyntaxError:
        regex = None
    if regex is not None and not way.problems(regex):
        return Offer((regex,), None)
    strings = tuple(dict.fromkeys(_strings_of_regex(text)))
    if strings and not any(_problems(string, way) for string in strings):
        return Offer(strings, None)
    return NOTHING if regex is None else _regex(problem, regex, way)


_ANCHORS = re.compile(r"^(?:\^|\\A)|(?:\$|\\[Zz])$")
_BRACES = re.compile(r"\{([\w.\-]+(?:,[\w.\-]+)+)\}|\(([\w.\-]+(?:\|[\w.\-]+)+)\)")
_PORTS = re.compile(rf":(?:{_BRACES.pattern})$")


def _strings_of_regex(text: str) -> list[str]:
    r"""What a simple regex, or a shell's braces, say in the grammar of patterns; maybe nothing.

    ``^https://.*\.example\.com$`` -> ``https://*.example.com``; ``http://localhost:{3000,3001}``.
    """
    plain = re.sub(r"\\([./\-])", r"\1", _ANCHORS.sub("", text))
    plain = re.sub(r"://\.[*+]\.", "://*.", plain)
    plain = _PORTS.sub(lambda m: f":[{(m[1] or m[2]).replace('|', ',')}]", plain)
    choice = _BRACES.search(plain)
    if choice is None:
        return [plain] if parse_pattern(plain) is not None else []
    made = [
        f"{plain[: choice.start()]}{name}{plain[choice.end() :]}"
        for name in (choice[1] or choice[2]).replace("|", ",").split(",")
    ]
    return made if all(parse_pattern(string) is not None for string in made) else []


# -- strings ---------------------------------------------------------------------------------


def _string(problem: Problem, value: str, way: Way) -> Offer:
    if problem.code == "looks-like-regex":
        return _text_of_regex(problem, value, way)
    meant = literal(problem.hint)
    if isinstance(meant, tuple):
        return _list(meant, way)
    for start in (meant, value):
        if isinstance(start, str) and start != "*":
            text = repair_string(start, way.credentials, way.tolerated)
            if text is not None:
                return Offer((text,), None)
    if isinstance(meant, str):
        # What was meant is well-formed and has a problem of its own: say that one's advice.
        for other in _problems(meant, way):
            return Offer((), advice_for(other))
    return Offer((), advice_for(problem))


def _part(text: str, way: Way) -> Offer:
    """An entry that was nobody's problem yet."""
    for problem in _problems(text, way):
        return _offer(problem, way)
    return Offer((text,), None)


def _list(parts: object, way: Way) -> Offer:
    """Several entries that stood in one string; all of them, or none."""
    entries: list[object] = []
    for part in parts if isinstance(parts, (list, tuple)) else ():
        offer = _part(part, way)
        if not offer.entries:
            return Offer((), offer.advice or "a list of origins")
        entries += offer.entries
    if problems_of(entries, way.credentials, way.tolerated):
        return Offer((), "a list of origins")
    return Offer(tuple(entries), None)


def _problems(text: str, way: Way) -> list[Problem]:
    return problems_of([text], way.credentials, way.tolerated)
