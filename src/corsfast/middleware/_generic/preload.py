"""Import modules and read files in advance, for middlewares in event loops.

Some frameworks, for example Starlette, make a middleware while their event loop runs. Reading a
file would block the loop then, and so would an import.
"""

from __future__ import annotations

from importlib import import_module

from ..._proofs import public_suffixes

# Modules that other modules import only when they need them.
_LATER = (
    "ast",
    "concurrent.futures.thread",
    "difflib",
    "encodings.punycode",
    "inspect",
    "ipaddress",
    "corsfast._engine.tables",
    "corsfast._proofs.dialect",
    "corsfast._proofs.suggest",
    "corsfast._proofs.regex_fixes",
    "corsfast._proofs.near_miss",
    "corsfast.decision",
    "corsfast._engine.headers",
    "corsfast._engine.holder",
    "corsfast._proofs.ineffective",
    "corsfast._options.patterns",
    "corsfast.middleware._generic.handlers",
)


def preload(*more: str) -> None:
    """Import these and the modules above, and read the Public Suffix List."""
    for name in (*_LATER, *more):
        import_module(name)
    public_suffixes.load()
