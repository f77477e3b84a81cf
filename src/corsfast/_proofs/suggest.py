"""Suggest a replacement for an entry of ``allow_origins``, or say what to decide first.

    "HTTP://App.Example.com/", with credentials   ->   'https://app.example.com'
    re.compile("^https://app.example.com")        ->   re.compile(r"^https://app\\.example\\.com")
    "*.vercel.app"                                ->   each name that is yours, as ...

A suggestion is an entry that the same options accept, because the checks that rejected the original
have passed for it. If there is no such entry, it is advice on what only the author can decide. No
other host than the written one is ever suggested.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from .._options.diagnose import REGEX_SIGNS
from .._options.limits import MAX_DIAGNOSIS_STEPS, MAX_EXPLAINED
from .._options.origin import parse_origin
from .._options.patterns import (
    ORIGINS,
    Glob,
    HostRule,
    Network,
    Within,
    parse_pattern,
    write_pattern,
)
from .._options.records import NamedTuple
from .._options.suggestions import meanings, suggest_all, suggest_networks, texts_of
from ..errors import RISKS, Problem, changed
from .automata import OutOfStepsError, TooManyStatesError, limited, steps_left, unlimited
from .dialect import Diagnosis, MatchContext, PolicyDialect
from .languages import as_written, regex_of
from .public_suffixes import public_suffix
from .regex_fixes import problems_in, repair, repair_string, spellings
from .regexes import RegexSyntaxError, compile_quietly
from .verify import forget, problems_of, with_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._options.spec import Spec
    from .dialect import Dialect


class Suggestion(NamedTuple):
    """A replacement for an entry: all of `entries`, or only `advice`."""

    entries: tuple[object, ...]
    advice: str | None


ONE_BY_ONE = "the intended origins, one by one"
NOTHING = Suggestion((), None)

# Problems of the whole option, not of an entry.
_OF_THE_LIST = ("any-origin-beside-others", "bare-string")

# A proof takes milliseconds, a correction some tens of them. An author rarely fixes more at a time.
MAX_PROVEN = 16


def policy_suggestions(problems: list[Problem], spec: Spec, steps: dict[str, int]) -> list[Problem]:
    """Return the problems of a policy with hints that the same options accept.

    Args:
        spec: the meaning of the options, as far as they are valid.
        steps: what `find_risks` has spent on each entry.
    """
    star = "'*'" if _entries(problems, spec) == 1 else "'*' alone, as the only entry"
    return with_suggestions(problems, Diagnosis(policy_dialect(spec, star), steps))


def policy_dialect(spec: Spec, any_origin: str = "'*'") -> PolicyDialect:
    """Return the dialect of a policy with these options."""
    match = MatchContext(credentials=spec.credentials, tolerated=spec.tolerated)
    return PolicyDialect(any_origin, match=match)


def _entries(problems: list[Problem], spec: Spec) -> int:
    known = (
        *RISKS,
        *_OF_THE_LIST,
        "unmatchable-alternative",
        "unmatchable-pattern",
        "unmatchable-scheme",
    )
    wrong = sum(problem.option == ORIGINS and problem.code not in known for problem in problems)
    read = len(spec.exact) + len(spec.rules) + len(spec.globs) + len(spec.regexes)
    return read + spec.any_origin + wrong


@unlimited()
def with_suggestions(problems: Iterable[Problem], diagnosis: Diagnosis) -> list[Problem]:
    """Return the problems with hints that these options accept.

    Only the first problems with the same code are explained. The others are counted. The hints
    take no steps of the policy, so it is not refused because of the search for them.
    """
    forget()
    proven = 0
    found = []
    same: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        alike = same.setdefault((problem.option, problem.code), [])
        alike.append(problem)
        if len(alike) > MAX_EXPLAINED:
            continue
        if _is_correctable(problem, diagnosis.dialect):
            proven += _needs_automata(problem)
            hint = suggest(problem, diagnosis)[0] if proven <= MAX_PROVEN else in_words(problem)
            found.append(changed(problem, hint=hint))
        else:
            found.append(problem)
    for alike in same.values():
        more = len(alike) - MAX_EXPLAINED
        if more > 0:
            message = (
                f"{more} more with the same problem; the limit of explanations is {MAX_EXPLAINED}"
                " (MAX_EXPLAINED)."
            )
            found.append(changed(alike[0], value=None, message=message, hint=None, example=None))
    return found


# The codes of problems that no other spelling solves.
OF_THE_SIZE = ("slow-regex", "too-long", "unproven")


def _needs_automata(problem: Problem) -> bool:
    """Return whether a suggestion needs a proof, and so counts towards `MAX_PROVEN`."""
    value = problem.value
    return (
        problem.code == "looks-like-regex"
        or "*" in (problem.hint or "")
        or not isinstance(value, str)
        or "*" in value
    )


def _is_correctable(problem: Problem, dialect: Dialect) -> bool:
    """Return whether a problem is about origins, and another spelling may solve it."""
    is_about_origins = problem.option == ORIGINS and problem.hint != "()"
    return problem.code not in OF_THE_SIZE and (is_about_origins or not dialect.patterns)


# The steps for one of these are counted by its text, and the steps for all other values together.
_ENTRIES = (str, re.Pattern, Within, HostRule, Glob, Network)


def suggest(problem: Problem, diagnosis: Diagnosis) -> tuple[str | None, bool]:
    """Return what to write instead of an entry, and whether that is a proven entry, not advice."""
    dialect, corrected = diagnosis.dialect, diagnosis.corrected
    if not _is_correctable(problem, dialect):
        return problem.hint, False
    value = problem.value
    context = replace(
        dialect.match,
        tolerated=dialect.match.tolerated - {problem.code},
        alternatives=problem.code == "unmatchable-alternative",
    )
    entry = as_written(value) if isinstance(value, _ENTRIES) else ""
    is_regex = isinstance(value, (re.Pattern, Within))
    before, spent = steps_left(), diagnosis.steps.get(entry, 0)
    try:
        with limited(MAX_DIAGNOSIS_STEPS - spent):
            if isinstance(value, re.Pattern) and value in dialect.written:
                found = _of_glob(problem, dialect.written[value], dialect, context)
            elif isinstance(value, str) and not dialect.patterns:
                found = _part(value, context)
            elif is_regex and (value, context) in corrected:
                found = corrected[value, context]
            else:
                found = _suggestion(problem, context)
                if is_regex and found.entries:
                    corrected[value, context] = found
    except (TooManyStatesError, OutOfStepsError):
        return advice_for(problem), False
    finally:
        diagnosis.steps[entry] = spent + before - steps_left()
    if not found.entries and (problem.hint != "[]" or found.advice is not None):
        # Other software may take one regex only, so advice on several entries does not help.
        alone = not dialect.match.own and found.advice == problem.hint
        return ONE_BY_ONE if alone and problem.code == "foreign-origin" else found.advice, False
    elsewhere = isinstance(value, re.Pattern) and problem.option != dialect.option
    text = dialect.write(found.entries, elsewhere)
    if text is None:
        return ONE_BY_ONE, False
    return f"[{text}]" if (problem.hint or "").startswith("[") else text, True


def suggest_for_text(text: str, dialect: Dialect) -> str | None:
    """Return what to write instead of a string that a drop-in cannot read."""
    return suggest(Problem("regex-syntax", dialect.option, text, ""), Diagnosis(dialect))[0]


def _of_glob(problem: Problem, text: str, dialect: Dialect, context: MatchContext) -> Suggestion:
    """Return a suggestion for a string that the caller turns into a regex."""
    if problem.hint == "'*'":
        return Suggestion(("*",), None)
    for meant in (suggest_all(text), *((one,) for one in spellings(text.rstrip("/")))):
        made = [dialect.made(one) for one in meant if parse_origin(one) is None]
        # The caller's star means any text, so any port needs a regex.
        if made and not any(one.endswith((":*", "]")) for one in meant):
            if all(isinstance(r, re.Pattern) and not problems_in(r, context) for r in made):
                return Suggestion((), ", ".join(map(repr, meant)))
    found = _part(text, context)
    return found if found.entries or found.advice else Suggestion((), advice_for(problem))


def _suggestion(problem: Problem, context: MatchContext) -> Suggestion:
    value = problem.value
    if problem.code == "any-origin-beside-others":
        return Suggestion((), "the list without it" if context.credentials else problem.hint)
    if problem.code == "bare-string":
        return _list(literal(problem.hint), context)
    if isinstance(value, (Glob, HostRule, Network)):
        value = write_pattern(value)
    if isinstance(value, str):
        return _string(problem, value, context)
    if isinstance(value, re.Pattern) and isinstance(value.pattern, bytes):
        value = _of_text(value)
    if isinstance(value, (re.Pattern, Within)):
        return _regex(problem, value, context)
    texts = texts_of(value)
    return _part(texts[0], context) if len(texts) == 1 else _list(texts, context)


def _of_text(regex: re.Pattern[bytes]) -> re.Pattern[str] | None:
    try:
        return compile_quietly(regex.pattern.decode("latin-1"), regex.flags & re.IGNORECASE)
    except RegexSyntaxError:
        return None


# -- regexes ---------------------------------------------------------------------------------


def _regex(problem: Problem, entry: re.Pattern[str] | Within, context: MatchContext) -> Suggestion:
    found = problems_in(entry, context)
    regex = regex_of(entry)
    text = None
    if (
        problem.code == "unmatchable-alternative"
    ):  # the other alternatives may say more than origins
        text = repair(entry, context)
    if text is None or meant_otherwise(text):
        otherwise = _list(meant_otherwise(regex.pattern), context)
        if otherwise.entries:
            return otherwise
        if not found and problem.code != "glob-as-regex":
            return Suggestion((entry,), None)
        if found and literal(found[0].hint) == "*":
            return Suggestion(("*",), None)  # it matches any origin, and `*` says so
        text = repair(entry, context)
    if text is None:
        strings = _list(_strings_of_regex(regex.pattern), context)
        if strings.entries:
            return strings
        is_there = not found or any(other.code == problem.code for other in found)
        return Suggestion((), advice_for(problem if is_there else found[0]))
    with unlimited():  # `repair` has compiled it, and may have taken the last steps
        return Suggestion((with_regex(entry, compile_quietly(text, regex.flags)),), None)


def _text_of_regex(problem: Problem, text: str, context: MatchContext) -> Suggestion:
    """Return a suggestion for a string that holds a regex, or a shell's braces."""
    otherwise = _list(meant_otherwise(text), context)
    if otherwise.entries:
        return otherwise
    try:
        regex = compile_quietly(text)
    except RegexSyntaxError:
        return NOTHING
    if not problems_in(regex, context):
        return Suggestion((regex,), None)
    strings = _list(_strings_of_regex(text), context)
    return strings if strings.entries else _regex(problem, regex, context)


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
    last_port = re.compile(r":(?:\*|\[.*?(\d+)\])$")
    samples = [last_port.sub(lambda port: f":{port[1] or 3000}", string) for string in meant]
    return all(regex.fullmatch(sample.replace("*", "a")) for sample in samples)


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
    meant = [meanings(one) for one in made]
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


def _string(problem: Problem, value: str, context: MatchContext) -> Suggestion:
    if problem.code == "looks-like-regex":
        return _text_of_regex(problem, value, context)
    meant = literal(problem.hint)
    if isinstance(meant, tuple):
        return _list(meant, context)
    for start in (meant, value):
        if isinstance(start, str) and start != "*":
            if "*" in start:
                whole = _list(suggest_all(start), context)
                if whole.entries:
                    return whole
            text = repair_string(start, context.credentials, context.tolerated)
            if text is not None:
                return Suggestion((text,), None)
    if isinstance(meant, str):
        # The meaning is well-formed but has a problem of its own, so give the advice for that.
        for other in _problems([meant], context):
            return Suggestion((), advice_for(other))
    return Suggestion((), advice_for(problem))


def _part(text: str, context: MatchContext) -> Suggestion:
    """Return a suggestion for an entry that has not been checked yet."""
    for problem in _problems([text], context):
        return _suggestion(problem, context)
    return Suggestion((text,), None)


def _list(parts: object, context: MatchContext) -> Suggestion:
    """Return a suggestion for all of several entries that were written as one string."""
    entries: dict[object, None] = {}
    for part in parts if isinstance(parts, (list, tuple)) else ():
        found = _part(part, context)
        if not found.entries:
            return Suggestion((), found.advice or "a list of origins")
        entries.update(dict.fromkeys(found.entries))
    if _problems(entries, context):
        return Suggestion((), "a list of origins")
    if not context.own and any(_fails_elsewhere(entry, context) for entry in entries):
        return NOTHING
    return Suggestion(tuple(entries), None)


def _fails_elsewhere(entry: object, context: MatchContext) -> bool:
    """Return whether an entry of a policy has a problem as a regex of other software."""
    rule = parse_pattern(entry) if isinstance(entry, str) else None
    if rule is None:
        return False
    regex = re.compile(re.escape(rule)) if isinstance(rule, str) else regex_of(rule)
    return bool(problems_in(regex, replace(context, how="fullmatch")))


def _problems(entries: Iterable[object], context: MatchContext) -> list[Problem]:
    return problems_of([*entries], context.credentials, context.tolerated)


# -- advice ----------------------------------------------------------------------------------


def literal(hint: str | None) -> object:
    """Return the value of a hint that is Python source; ``None`` if it is prose."""
    try:
        return ast.literal_eval(hint or "")
    except (SyntaxError, ValueError):
        return None


def in_words(problem: Problem) -> str | None:
    """Return the hint of a problem if it is prose, not a value."""
    hint = problem.hint
    return None if hint is None or hint[:1] in "'\"[" or hint.startswith("re.compile(") else hint


def advice_for(problem: Problem) -> str | None:
    """Return advice for a problem without a corrected value."""
    origin = parse_origin(problem.example or "")
    suffix = origin and public_suffix(origin.host)
    # Under a rule like `*.elb.amazonaws.com`, the suffix begins with a label of the example.
    text = as_written(problem.value).replace("\\", "")
    written = suffix is not None and re.search(rf"(?<![\w-]){re.escape(suffix)}(?![\w-])", text)
    if problem.code == "public-suffix" or (written and suffix and "." in suffix):
        # `.onion` services are reached by plain http.
        name = f"as https://NAME.{suffix}" if written and suffix != "onion" else "in full"
        return f"each name that is yours, {name}; or use a domain of your own"
    if problem.code == "foreign-origin" and in_words(problem) is None:
        return ONE_BY_ONE
    if problem.code == "insecure-origin" and (
        problem.hint or isinstance(problem.value, (re.Pattern, Within))
    ):
        return "https alone, and http for localhost only"
    return in_words(problem)
