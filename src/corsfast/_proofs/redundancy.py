"""Find entries of ``allow_origins`` that another entry covers.

They are harmless but rarely intended, so they give warnings and never errors.
"""

from __future__ import annotations

from .._options.networks import holds
from .._options.origin import parse_origin
from .._options.patterns import Network, block_of, covers, follows
from .automata import accepts, shortest_words, subtract
from .languages import as_written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._options.patterns import HostRule
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
                if language.full_dfa and accepts(language.full_dfa, origin):
                    yield _say(origin, language.entry)
    others: list[HostRule | Network] = [*spec.rules]
    others += (entry for entry in spec.globs if isinstance(entry, Network))
    for rule in spec.rules:
        for wide in others:
            if rule != wide and _covers(wide, rule):
                yield _say(rule, wide)
    for i, language in enumerate(languages):
        for j, other in enumerate(languages):
            if i != j and _within(language, other) and (i > j or not _within(other, language)):
                yield _say(language.entry, other.entry)


def _covers(wide: HostRule | Network, rule: HostRule) -> bool:
    if isinstance(wide, Network):
        network, block = block_of(wide), block_of(rule)
        is_host_covered = network is not None and block is not None and holds(network, block)
    else:
        is_host_covered = covers(wide.host, rule.host)
    return (
        wide.scheme == rule.scheme
        and is_host_covered
        and all(any(a <= first and last <= b for a, b in wide.ports) for first, last in rule.ports)
    )


def _within(language: Language, wide: Language) -> bool:
    if language.unsupported is not None or wide.unsupported is not None:
        return False
    return _only_words_of(language.dfa, wide.dfa) and _only_words_of(language.others, wide.others)


def _only_words_of(dfa: Dfa | None, wide: Dfa | None) -> bool:
    if dfa is None or wide is None:
        return False
    sample = next(shortest_words(dfa), None)
    if sample is None:
        return True
    return accepts(wide, sample) and not subtract(dfa, wide).rows


def _say(covered: str | Entry, wide: Entry) -> str:
    return f"{as_written(covered)!r} is covered by {as_written(wide)!r} and can be left out."
