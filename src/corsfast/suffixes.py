"""Who owns a host name: public suffixes, and the names that can be registered under them.

The Public Suffix List (https://publicsuffix.org) comes with `publicsuffixlist`, the only
dependency at run time. Its data is read when a wildcard, glob or regex is first checked, or
by `load`; its own parser takes seven times as long and is only used by the tests.

Place in the flow: left of safety.py; imports nothing of ours.
Never: run per request; be needed for a policy of exact origins.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Suffixes under which anybody can get a name and that the list lacks, each with its source.
SHARED_HOSTING = (
    # https://docs.github.com/codespaces: forwarded ports and editors of anybody's codespace
    "github.dev",
    "app.github.dev",
    "preview.app.github.dev",
    # https://research.google.com/colaboratory: proxied ports of anybody's notebook
    "colab.research.google.com",
    # https://docs.readthedocs.com: the old home of every project, now a redirect
    "readthedocs.org",
)


# https://github.com/publicsuffix/list/wiki/Format: a rule ends at the first white space.
_RULE = re.compile(r"\n([^/\s]\S*)")


def load() -> None:
    """Read the list, once per process. Call it where a blocking read does no harm.

    Nothing in this module reads a file after that.

    Raises:
        OSError: if the data of `publicsuffixlist` cannot be read.
    """
    _rules()
    _names()


@lru_cache(maxsize=1)
def _rules() -> tuple[str, ...]:
    """Return each rule as hosts are written in origins, after `*.` or `!` where it has these."""
    from publicsuffixlist import PSLFILE

    with open(PSLFILE, "rb") as file:
        rules = _RULE.findall("\n" + file.read().lower().decode())
    return (*map(_ascii, rules), *SHARED_HOSTING)


def _ascii(rule: str) -> str:
    """Encode a name. Rules are in normal form, so this equals the result of the slower `idna`."""
    if rule.isascii():
        return rule
    return ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"
        for label in rule.split(".")
    )


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(_rules())


def _labels(host: str) -> tuple[list[str], int]:
    """Return a host's labels, and how many at the end are the public suffix; 0 for none.

    https://github.com/publicsuffix/list/wiki/Format#algorithm: the longest rule decides. The
    name above a `*` is a suffix too, and an exception is a name under that suffix.
    """
    labels = host.removesuffix(".").lower().split(".")
    names = _names()
    if "" in labels:
        return labels, 0
    for i in range(len(labels)):
        name = _ascii(".".join(labels[i:]))
        length = len(labels) - i
        if f"!{name}" in names:
            return labels, length - 1
        if f"*.{name}" in names:
            return labels, min(length + 1, len(labels))
        if name in names:
            return labels, length
    return labels, 0


def public_suffix(host: str) -> str | None:
    """Return the part of a host under which names can be registered, if there is one."""
    labels, length = _labels(host)
    return ".".join(labels[-length:]) if length else None


def is_public_suffix(name: str) -> bool:
    return public_suffix(name) == name


def registrable_domain(host: str) -> str | None:
    """Return the public suffix and one label more; ``None`` where one of these is missing."""
    labels, length = _labels(host)
    return ".".join(labels[-length - 1 :]) if 0 < length < len(labels) else None


@lru_cache(maxsize=1)
def _below() -> dict[str, list[str]]:
    """The rules below each name that stands in one: a list of suffixes may be long."""
    below: dict[str, list[str]] = {}
    for rule in _rules():
        if rule.startswith("!"):
            continue
        name = rule
        while "." in name:
            name = name.partition(".")[2]
            below.setdefault(name, []).append(rule)
    return below


def rule_of(suffix: str) -> str:
    """The rule that makes a name a public suffix: the name, or `*` in its first label's place."""
    above = suffix.partition(".")[2]
    return f"*.{above}" if f"*.{above}" in _below().get(above, ()) else suffix


def suffixes_below(domain: str) -> list[str]:
    """The public suffixes under a domain that is none: ``up.railway.app`` of railway.app."""
    return [rule for rule in _below().get(domain, ()) if rule != f"*.{domain}"]


@lru_cache(maxsize=1)
def top_level_domains() -> tuple[str, ...]:
    """Every delegated top-level domain, in its ASCII form."""
    return tuple(dict.fromkeys(rule.rpartition(".")[2] for rule in _rules()))
