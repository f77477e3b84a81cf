"""Find entries of ``allow_origins`` that another entry covers.

They are harmless but rarely intended, so they give warnings and never errors.
"""

from __future__ import annotations

from .._options.networks import holds
from .._options.origin import parse_origin
from .._options.patterns import Network, block_of, follows
from .automata import accepts, shortest_words, subtract
from .languages import as_written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._options.patterns import HostRule, Ports
    from .._options.spec import Spec
    from .automata import Dfa
    from .languages import Entry, Language

# Longer lists are not compared, because every entry is compared with every other one.
MAX_COMPARED = 64


def redundancies(spec: Spec, languages: Sequence[Language]) -> Iterator[str]:
    """Yield a sentence for each entry that could be omitted."""
    if len(spec.duplicates) <= MAX_COMPARED:
        for entry in spec.duplicates:
            yield f"{as_written(entry)!r} is listed more than once."
    if len(spec.rules) + len(languages) > MAX_COMPARED:
        return
    if len(spec.exact) <= MAX_COMPARED:
        for origin in spec.exact:
            parts = parse_origin(origin)
            for rule in spec.rules:
                if parts is not None and follows(rule, parts):
                    yield _say(origin, rule)
            for language in languages:
                if _certain(language) and language.full_dfa and accepts(language.full_dfa, origin):
                    yield _say(origin, language.entry)
    for rule in spec.rules:
        for other in spec.rules:
            if rule != other and _covers(other, rule):
                yield _say(rule, other)
        for language in languages:
            if isinstance(language.entry, Network) and _contains(language.entry, rule):
                yield _say(rule, language.entry)
    for i, language in enumerate(languages):
        for j, wide in enumerate(languages):
            if i != j and _within(language, wide) and (i > j or not _within(wide, language)):
                yield _say(language.entry, wide.entry)


def _covers(wide: HostRule, rule: HostRule) -> bool:
    return (
        wide.scheme == rule.scheme
        and (rule.host == wide.host or (wide.host[0] == "." and rule.host.endswith(wide.host)))
        and _ports_within(rule.ports, wide.ports)
    )


def _contains(network: Network, rule: HostRule) -> bool:
    """Return whether a rule is for a single address that is in a network."""
    wide, block = block_of(network), block_of(rule)
    return (
        network.scheme == rule.scheme
        and wide is not None
        and block is not None
        and holds(wide, block)
        and _ports_within(rule.ports, network.ports)
    )


def _ports_within(ports: Ports, wide: Ports) -> bool:
    return all(any(a <= first and last <= b for a, b in wide) for first, last in ports)


def _certain(language: Language) -> bool:
    return language.unsupported is None and language.dfa is not None


def _within(language: Language, wide: Language) -> bool:
    if not (_certain(language) and _certain(wide)):
        return False
    return all(
        _only_words_of(mine, others)
        for mine, others in ((language.dfa, wide.dfa), (language.others, wide.others))
    )


def _only_words_of(dfa: Dfa | None, wide: Dfa | None) -> bool:
    if dfa is None or wide is None:
        return False
    sample = next(shortest_words(dfa), None)
    if sample is None:
        return True
    return accepts(wide, sample) and not subtract(dfa, wide).rows


def _say(covered: str | Entry, wide: Entry) -> str:
    return f"{as_written(covered)!r} is covered by {as_written(wide)!r} and can be left out."
