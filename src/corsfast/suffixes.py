"""Who owns a host name: public suffixes, and the names that can be registered under them.

The Public Suffix List (https://publicsuffix.org) comes with `publicsuffixlist`, the only
dependency at run time; it is imported when a wildcard, glob or regex is first checked.

Place in the flow: left of safety.py; imports nothing of ours.
Never: run per request; be needed for a policy of exact origins.
"""

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

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


@lru_cache(maxsize=1)
def _list() -> PublicSuffixList:
    from publicsuffixlist import PSLFILE, PublicSuffixList

    with open(PSLFILE, "rb") as file:
        source = [*file.read().decode("utf-8").splitlines(), *SHARED_HOSTING]
    return PublicSuffixList(source, accept_unknown=False)


@lru_cache(maxsize=1)
def _rules() -> tuple[str, ...]:
    """Every rule as hosts are written in origins; `*` may be its first label."""
    from publicsuffixlist import PSLFILE

    with open(PSLFILE, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    rules = [line for line in lines if line and not line.startswith(("//", "!"))]
    return tuple(
        rule if rule.isascii() else rule.encode("idna").decode("ascii")
        for rule in (*rules, *SHARED_HOSTING)
    )


def public_suffix(host: str) -> str | None:
    """The part of a host under which names can be registered; ``None`` if nobody can."""
    return _list().publicsuffix(host.removesuffix("."))


def is_public_suffix(name: str) -> bool:
    return public_suffix(name) == name


def registrable_domain(host: str) -> str | None:
    """The public suffix and one label more; ``None`` for a suffix itself, or where none is."""
    return _list().privatesuffix(host.removesuffix("."))


@lru_cache(maxsize=1)
def _below() -> dict[str, list[str]]:
    """The rules below each name that stands in one: a list of suffixes may be long."""
    below: dict[str, list[str]] = {}
    for rule in _rules():
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
