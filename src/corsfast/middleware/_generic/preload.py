"""Read in advance what a policy or a request may need later, for middlewares in event loops.

Frameworks make a middleware while their loop runs, Starlette for example. No file may be read
there, and an import is a read, too.
"""

from __future__ import annotations

from importlib import import_module

from ..._proofs import public_suffixes

# The modules that are imported where they are needed.
_LATER = (
    "ast",
    "concurrent.futures.thread",
    "difflib",
    "encodings.idna",
    "encodings.punycode",
    "inspect",
    "ipaddress",
    "corsfast._engine.tables",
    "corsfast._proofs.advice",
    "corsfast._proofs.suggest",
    "corsfast._proofs.regex_fixes",
    "corsfast.decision",
    "corsfast._engine.headers",
    "corsfast._engine.holder",
    "corsfast._proofs.ineffective",
    "corsfast._options.patterns",
)


def preload(*more: str) -> None:
    """Import what every middleware may need, and more; read the Public Suffix List."""
    for name in (*_LATER, *more):
        import_module(name)
    public_suffixes.load()
