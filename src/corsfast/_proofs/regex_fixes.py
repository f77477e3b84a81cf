"""Correct the text of a regex, and verify the correction before it is suggested.

    https://.*example.com$   (re.match)   ->   https://(?:[a-z0-9-]+\\.)*example\\.com\\Z

Each correction fixes one common mistake and is applied where it fits. First all corrections are
applied together. Then each one that is not needed is removed. A result is suggested only if it
  - has no problem left, by the rules of risks.py, and
  - still matches every origin that is written out in the original and matched by it, and
    at least one origin of every domain that is written out.
"""

from __future__ import annotations

import re
from itertools import islice

from .._options import fetch
from .._options.origin import (
    DEVELOPMENT_DOMAINS,
    is_development_host,
    is_ipv4_like,
    parse_origin,
    valid_scheme,
)
from .._options.suggestions import suggest_networks
from .alternatives import unmatchable_alternatives
from .automata import (
    Dfa,
    OutOfStepsError,
    TooManyStatesError,
    accepts,
    intersect,
    shortest_words,
    spend,
    subtract,
)
from .intent import WILD, Intent, intent_of, readings
from .languages import named_origins, regex_of, under, words
from .python_source import PORT
from .regex_text import (
    Atom,
    Branch,
    Group,
    Item,
    is_dot,
    is_end,
    is_letter,
    is_slash,
    is_start,
    is_wild,
    parse,
    unescaped,
    write,
)
from .regexes import RegexSyntaxError, compile_quietly
from .risks import delegated_words, with_https
from .verify import foreign_risks, language, own_risks, problems_of, with_regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._options.patterns import Within
    from ..errors import Problem
    from .dialect import MatchContext

    OwnRegex = re.Pattern[str] | Within

# One or more labels of a subdomain; below, the same or none.
LABELS = "(?:[a-z0-9-]+\\.)+"
SUBDOMAINS = "(?:[a-z0-9-]+\\.)*"

# At most this many words of a language are tested for a property.
_SAMPLES = 64

_RESERVED = rf"\.(?:{'|'.join(map(re.escape, DEVELOPMENT_DOMAINS))})(?![\w.-])"
_LOOPBACK = r"localhost|127\.0|0\.0\.0\.0|::1?\]"
_DEVELOPMENT = re.compile(rf"{_LOOPBACK}|{_RESERVED}")
# A development host at the start of a branch, as far as its text shows.
_DEVELOPMENT_FIRST = re.compile(
    r"(?:\.\*|\(\.[*+]\)\??|\()*(?:localhost|127\.|0\.0\.0\.0|\[::1?\])"
    rf"|[^/|]*{_RESERVED}"
)
# A port after a host, in a text without backslashes; not the colon of `(?:` or `://`.
_PORT = re.compile(r"(?<!\?):[\dd(\[*.]")
_SCHEME_CHOICE = re.compile(
    r"\(\?:https\?\)|\(https\?\)|\((?:\?:)?(?:https\|http|http\|https)\)|https\?|http\(s\)\?"
    r"|http\(\?:s\)\?|http(?!s)"
)


def problems_in(entry: OwnRegex, context: MatchContext) -> list[Problem]:
    """Return the problems of a regex that are not tolerated."""
    if context.own:
        found = [*own_risks(entry, context.credentials)]
    else:
        found = [*foreign_risks(regex_of(entry), context.how, context.credentials)]
    if context.alternatives:
        found += unmatchable_alternatives(entry, context.how, null=not context.own)
    return [problem for problem in found if problem.code not in context.tolerated]


def repair(entry: OwnRegex, context: MatchContext) -> str | None:
    """Return the verified corrected pattern, or ``None``. The flags stay the same.

    If the steps end before each correction was left out once, some may not be needed.
    """
    original = regex_of(entry)
    if original.flags & re.VERBOSE:
        return None
    written = original.pattern
    edits = [edit for edit in EDITS if _apply(written, [edit], context) != written]
    text = _apply(written, edits, context)
    if not edits or not _good(entry, text, context):
        return None
    rest = [edit for edit in OPTIONAL if edit in edits]
    try:
        while rest:
            edit = rest.pop(0)
            fewer = [other for other in edits if other is not edit]
            shorter = _apply(written, fewer, context)
            if shorter != written and _good(entry, shorter, context):
                edits, text = fewer, shorter
                # A correction may have become unnecessary because of this one.
                rest = [other for other in OPTIONAL if other in edits]
    except (TooManyStatesError, OutOfStepsError):
        pass
    return text


def repair_string(
    text: str, credentials: bool, tolerated: frozenset[str] = frozenset()
) -> str | None:
    """Correct a string with a star: ``https://*example.com``, ``http://*.example.com``."""
    for candidate in spellings(text):
        if not problems_of([candidate], credentials, tolerated):
            return candidate
    return None


def spellings(text: str) -> tuple[str, ...]:
    """Return the possible meanings of a string with a star, the text itself first."""
    networks = suggest_networks(text)
    whole = re.sub(r"://\*(?=[a-z0-9])", "://*.", text)
    choices = (text, *(networks if len(networks) == 1 else ()), whole)
    return tuple(filter(None, (*choices, with_https(text), with_https(whole))))


def _good(entry: OwnRegex, text: str, context: MatchContext) -> bool:
    try:
        regex = compile_quietly(text, regex_of(entry).flags)
    except RegexSyntaxError:
        return False
    corrected = with_regex(entry, regex)
    return not problems_in(corrected, context) and keeps(regex_of(entry), regex, context)


def keeps(original: re.Pattern[str], corrected: re.Pattern[str], context: MatchContext) -> bool:
    """Return whether a correction still matches the written hosts that the original matched."""
    was, now = language(original, context.how), language(corrected, context.how)
    before, after = was.dfa, now.dfa
    if before is None or after is None or was.others is None or now.others is None:
        return False
    if not (after.rows or _written_schemes(corrected)):
        return False
    for scheme in _written_schemes(original):
        mine = words(f"{re.escape(scheme)}://.*")
        if intersect(was.others, mine).rows and not intersect(now.others, mine).rows:
            return False
    written = list(_written_hosts(original))
    if _has_domains(before) and not (
        _has_domains(after) or _has_hosts(after) or any("." in host for host in written)
    ):
        return False  # only a name remains that no page can have
    if not before.rows:
        meant = intent_of(corrected)  # it matched nothing, so now it must name a host
        return bool(meant.domains or meant.hosts)
    for host in written:
        schemes = {s for s in ("http", "https") if accepts(before, f"{s}://{host}")}
        kept = {s for s in ("http", "https") if accepts(after, f"{s}://{host}")}
        if schemes and not kept:
            return False
        if schemes == {"http"} and kept == {"https"} and not with_https(f"http://{host}"):
            return False
        if is_development_host(host.partition(":")[0]) and not schemes <= kept:
            return False
    intent = intent_of(original)
    for single in [Intent(frozenset({d}), frozenset()) for d in intent.domains]:
        if intersect(before, under(single)).rows and not intersect(after, under(single)).rows:
            return False
    return True


def _written_schemes(regex: re.Pattern[str]) -> set[str]:
    """Return the schemes that are written out, except http and https."""
    schemes = {text.partition("://")[0] for text in readings(regex) if "://" in text}
    return {scheme for scheme in schemes - fetch.WEB_SCHEMES if valid_scheme(scheme)}


def _has_domains(dfa: Dfa) -> bool:
    return next(delegated_words(intersect(dfa, named_origins())), None) is not None


def _has_hosts(dfa: Dfa) -> bool:
    """Return whether the language has an address or this machine."""
    for word in islice(shortest_words(subtract(dfa, named_origins())), _SAMPLES):
        origin = parse_origin(word)
        if origin and (
            is_ipv4_like(origin.host) or "[" in origin.host or is_development_host(origin.host)
        ):
            return True
    return False


def _written_hosts(regex: re.Pattern[str]) -> Iterator[str]:
    """Yield each host between wildcards in a regex, with its port if one is written."""
    for text in readings(regex):
        written = text.removesuffix("/").rstrip(WILD).rpartition(WILD)[2]
        host = re.sub(r"^(?:https?:)?//", "", written)
        if parse_origin(f"https://{host}") is not None:
            yield host


# -- corrections -----------------------------------------------------------------------------


def _apply(text: str, edits: list[Edit], context: MatchContext) -> str:
    try:
        for edit in EDITS:  # always in this order
            if edit in edits:
                spend(8 * len(text))
                branches = parse(text)
                edit(branches, context)
                text = write(branches)
    except ValueError:
        pass  # a text that cannot be parsed stays the same
    return text


def single_backslashes(branches: list[Branch], _context: MatchContext) -> None:
    r"""Undo escaping for a string that is a raw string: ``\\.`` -> ``\.``."""
    branches[:] = parse(write(branches).replace("\\\\", "\\"))


def no_slash(branches: list[Branch], _context: MatchContext) -> None:
    """Remove the slash from ``https://example\\.com/$``, because no origin ends in one."""
    while any(_without_slash(branch) for branch in _ends(branches)):
        pass  # a group before the removed slash may end in another one


def _without_slash(branch: Branch) -> bool:
    end = len(branch) - (bool(branch) and is_end(branch[-1]))
    if end > 1 and is_slash(branch[end - 1]) and not is_slash(branch[end - 2]):
        del branch[end - 1]
        return True
    return False


def stars_of_globs(branches: list[Branch], _context: MatchContext) -> None:
    """Replace ``*.`` in ``https://*.example.com``, where the star repeats the slash, by labels."""
    for branch in _all(branches):
        for i in range(len(branch) - 1):
            star, dot = branch[i], branch[i + 1]
            if is_slash(star) and star.quantifier == "*" and is_dot(dot) and not dot.quantifier:
                star.quantifier = ""
                branch[i + 1] = Atom(LABELS)


def escaped_dots(branches: list[Branch], _context: MatchContext) -> None:
    """Escape dots: ``example.com`` -> ``example\\.com``."""
    for branch in _all(branches):
        for item in branch:
            if isinstance(item, Atom) and str(item) == ".":
                item.text = "\\."


def bounded_ends(branches: list[Branch], _context: MatchContext) -> None:
    """Replace a wildcard at the end by a port: ``localhost.*`` -> ``localhost(?::[0-9]+)?``."""
    for branch in _ends(branches):
        end = len(branch) - (bool(branch) and is_end(branch[-1]))
        if end > 1 and is_wild(branch[end - 1]) and _closes_a_host(branch[end - 2]):
            branch[end - 1] = Atom(PORT)


def _closes_a_host(item: Item) -> bool:
    if isinstance(item, Group):
        return all(branch and _closes_a_host(branch[-1]) for branch in item.branches)
    return item.text.isalnum() and not item.quantifier


def bounded_wildcards(branches: list[Branch], context: MatchContext, outside: str = "") -> None:
    """Limit wildcards to labels: ``https://.*example`` -> ``https://(?:[a-z0-9-]+\\.)*example``.

    Only wildcards directly before a name are replaced.

    Args:
        outside: the text before these branches.
    """
    for branch in branches:
        first = 1 if branch and is_start(branch[0]) else 0
        for i in range(first, len(branch)):
            item = branch[i]
            is_group = isinstance(item, Group) and not is_wild(item)
            name = i + 1
            if name < len(branch) and is_dot(branch[name]) and branch[name].quantifier == "?":
                name += 1
            is_before_name = is_wild(item) and name < len(branch) and is_letter(branch[name])
            if not (is_group or is_before_name):
                continue
            spend(i)
            inside = unescaped(write([branch[first:i]]))
            before = outside + inside
            if isinstance(item, Group) and is_group:
                bounded_wildcards(item.branches, context, before)
                continue
            if before.endswith(("/", "/)?", ".)?", ".)*")):
                branch[i:name] = [Atom(SUBDOMAINS)]
            elif inside == before and before in ("", "http", "https", "https?", "http(s)?"):
                # The wildcard also matches the rest of the scheme.
                loopback = _DEVELOPMENT_FIRST.match(unescaped(write([branch[name:]])))
                secure = before == "https" or (context.credentials and not loopback)
                scheme = "https" if secure else "https?"
                branch[first:name] = [Atom(f"{scheme}://{SUBDOMAINS}")]
            break


def written_schemes(branches: list[Branch], context: MatchContext) -> None:
    """Add a missing scheme: ``example\\.com`` -> ``https://example\\.com``."""
    for branch in branches:
        first = 1 if branch and is_start(branch[0]) else 0
        rest = branch[first:]
        if not rest:
            continue
        shown = unescaped(write([rest]))
        head = rest[0]
        if isinstance(head, Group) and "://" in unescaped(head):
            if head.quantifier == "?" and len(head.branches) == 1:
                inner = "".join(map(str, head.branches[0]))
                branch[first : first + 1] = [Atom(inner)]
            elif not head.quantifier:
                written_schemes(head.branches, context)
        elif re.fullmatch(r"null\W*", shown):
            continue  # it is not a host
        elif "://" not in shown and not shown.startswith("http") and _opens_a_host(head):
            scheme = "https?" if _DEVELOPMENT_FIRST.match(shown) else "https"
            branch.insert(first, Atom(f"{scheme}://"))
        elif str(head) == r"\." and len(rest) > 1 and is_letter(rest[1]):
            branch[first] = Atom(f"https://{LABELS}")


def _opens_a_host(item: Item) -> bool:
    """Return whether a name begins here: a letter, or ``(www\\.)?``."""
    if isinstance(item, Group):
        return all(branch and is_letter(branch[0]) for branch in item.branches)
    return is_letter(item)


def secure_schemes(branches: list[Branch], _context: MatchContext) -> None:
    """Replace ``https?://`` by ``https://``, except for this machine."""
    inside = branches
    while len(inside) == 1 and len(inside[0]) == 1 and isinstance(inside[0][0], Group):
        inside = inside[0][0].branches
    inside[:] = [secure for branch in inside for secure in _secure(branch)]


def _secure(branch: Branch) -> list[Branch]:
    """Return one branch with https, or two if this machine keeps http."""
    first = 1 if branch and is_start(branch[0]) else 0
    rest = branch[first:]
    text = unescaped(write([rest]))
    if len(rest) > 1 and is_wild(rest[0]) and is_dot(rest[1]):
        # The wildcard also matches the scheme.
        return [[*branch[:first], Atom(f"https://{LABELS}"), *rest[2:]]]
    if not _DEVELOPMENT.search(text):
        if rest and isinstance(rest[0], Group) and not rest[0].quantifier and "://" not in text:
            rest[0].branches[:] = [b for inner in rest[0].branches for b in _secure(inner)]
            return [branch]
        return parse(_SCHEME_CHOICE.sub("https", write([branch]), count=1))
    for i, item in enumerate(branch):
        if not isinstance(item, Group) or item.quantifier:
            continue
        if i == first and "://" in unescaped(item) and len(item.branches) > 1:
            item.branches[:] = [b for inner in item.branches for b in _secure(inner)]
            return [branch]
        near = [b for b in item.branches if _DEVELOPMENT_FIRST.match(unescaped(write([b])))]
        far = [b for b in item.branches if b not in near]
        if near and far:
            ways = []
            for chosen in (near, far):
                inner = chosen[0] if len(chosen) == 1 else [Group(item.opening, chosen)]
                ways.append([*branch[:i], *inner, *branch[i + 1 :]])
            return [ways[0], *_secure(ways[1])]
    return [branch]


def anchored(branches: list[Branch], context: MatchContext) -> None:
    """Anchor the whole: ``a|b$`` -> ``\\A(?:a|b)\\Z``. localhost keeps any port if it had that."""
    if context.how != "fullmatch":
        _anchor(branches, context, start=context.how == "search")


def ended(branches: list[Branch], context: MatchContext) -> None:
    """Anchor only the end, like `anchored`."""
    if context.how != "fullmatch":
        _anchor(branches, context, start=False)


def _anchor(branches: list[Branch], context: MatchContext, *, start: bool) -> None:
    flags = [branches[0].pop(0)] if branches[0] and is_flags(branches[0][0]) else []
    started = [bool(branch) and is_start(branch[0]) for branch in branches]
    closed = [bool(branch) and is_end(branch[-1]) for branch in branches]
    if all(closed) and (all(started) or not start):
        branches[0][:0] = flags
        return
    # The author's spelling of an anchor is used for all branches.
    opening = next((str(b[0]) for b in branches if b and is_start(b[0])), context.anchors[0])
    ending = next((str(b[-1]) for b in branches if b and is_end(b[-1])), context.anchors[1])
    for branch, is_started, is_closed in zip(branches, started, closed, strict=True):
        if is_closed:
            branch.pop()
        else:
            shown = unescaped(write([branch]))
            if re.search(_LOOPBACK, shown) and not _PORT.search(shown):
                branch.append(Atom(PORT))
        if is_started:
            branch.pop(0)
    body = branches[0] if len(branches) == 1 else [Group("(?:", [*branches])]
    first: Branch = [Atom(opening)] if start or any(started) else []
    branches[:] = [[*flags, *first, *body, Atom(ending)]]


def is_flags(item: Item) -> bool:
    return isinstance(item, Atom) and re.fullmatch(r"\(\?[a-zA-Z]+\)", item.text) is not None


def _all(branches: list[Branch]) -> Iterator[Branch]:
    for branch in branches:
        yield branch
        for item in branch:
            if isinstance(item, Group):
                yield from _all(item.branches)


def _ends(branches: list[Branch]) -> Iterator[Branch]:
    """Yield the branches in which a whole match may end."""
    for branch in branches:
        last = [item for item in branch if not is_end(item)][-1:]
        if last and isinstance(last[0], Group) and not last[0].quantifier:
            yield from _ends(last[0].branches)
        else:
            yield branch


if TYPE_CHECKING:
    Edit = Callable[[list[Branch], MatchContext], None]

# In the order of their application.
EDITS: tuple[Edit, ...] = (
    single_backslashes,
    no_slash,
    stars_of_globs,
    escaped_dots,
    bounded_ends,
    bounded_wildcards,
    written_schemes,
    secure_schemes,
    ended,
    anchored,
)
# These are removed if they are not needed. An escaped dot can stay.
OPTIONAL: tuple[Edit, ...] = (
    written_schemes,
    secure_schemes,
    anchored,
    bounded_wildcards,
    stars_of_globs,
    bounded_ends,
    no_slash,
    single_backslashes,
    ended,
)
