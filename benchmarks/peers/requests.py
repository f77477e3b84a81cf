"""The requests of the comparison: each has a policy and a browser's verdict.

They do not depend on any library. The programs read them from a JSON file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from corsfast.bench.cases import APP, ASK_METHOD, REQUEST
from corsfast.bench.scenario import ATTACKER

# Ten names, sorted and in lower case, as browsers ask for them.
TEN = (
    "authorization,content-type,x-app-version,x-client-id,x-correlation-id,x-csrf-token,"
    "x-request-id,x-tenant,x-token,x-trace-id"
)
THREE = "authorization,content-type,x-token"


class Policy(NamedTuple):
    """The configuration for a library, which each library spells in its own way.

    Every https subdomain of a domain in ``subdomains_of`` is allowed, at any depth.
    """

    origins: tuple[str, ...] = (APP,)
    subdomains_of: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("GET", "PUT", "DELETE")
    headers: tuple[str, ...] = tuple(TEN.split(","))
    expose: tuple[str, ...] = ("X-Total",)
    credentials: bool = False
    max_age: int = 600


class Request(NamedTuple):
    """One request. ``verdict`` is a browser's: "allowed", "refused", or "not asked"."""

    name: str
    policy: Policy
    method: str
    fields: tuple[tuple[str, str], ...]
    verdict: str

    def field(self, name: str) -> str | None:
        return dict(self.fields).get(name)

    @property
    def is_preflight(self) -> bool:
        return self.method == "OPTIONS"

    @property
    def size(self) -> int:
        """Return the approximate number of bytes of this request."""
        return sum(len(name) + len(value) for name, value in self.fields)


ONE = Policy()
CREDENTIALS = Policy(credentials=True)
SUBDOMAINS = Policy(subdomains_of=("example.org",))


def many(count: int) -> Policy:
    return Policy(origins=tuple(f"https://tenant-{i}.example.com" for i in range(count)))


def actual(name: str, policy: Policy, origin: str | None, verdict: str) -> Request:
    """Return a GET with the fourteen headers of a browser, or thirteen without an origin."""
    fields = ((key, origin if key == "origin" else value) for key, value in REQUEST)
    return Request(name, policy, "GET", tuple((k, v) for k, v in fields if v is not None), verdict)


def preflight(name: str, origin: str, names: str, verdict: str) -> Request:
    """Return a browser's preflight for a PUT with these headers."""
    ask = [ASK_METHOD, ("access-control-request-headers", names)] if names else [ASK_METHOD]
    fields = [(key, origin if key == "origin" else value) for key, value in REQUEST]
    fields = [field for field in fields if field[0] != "content-type"]
    return Request(name, ONE, "OPTIONS", (*fields[:7], *ask, *fields[7:]), verdict)


# 1 MiB that no browser sends. It ends in a name that no policy allows. So a library that does not
# read it gets the same verdict, because the name is not in its answer.
HOSTILE_NAMES = "," * (2**20 - len("x-evil")) + "x-evil"
HOSTILE_ORIGIN = "https://" + "a." * 4083 + "attacker.net:65535"

EVERY = (
    actual("no Origin", ONE, None, "not asked"),
    actual("allowed: 1 origin", ONE, APP, "allowed"),
    actual("allowed: 1 origin, credentials", CREDENTIALS, APP, "allowed"),
    actual("allowed: last of 100", many(100), "https://tenant-99.example.com", "allowed"),
    actual("allowed: last of 10 000", many(10_000), "https://tenant-9999.example.com", "allowed"),
    actual("allowed: subdomain", SUBDOMAINS, "https://a.b.example.org", "allowed"),
    actual("refused: attacker", SUBDOMAINS, ATTACKER, "refused"),
    preflight("preflight: no headers", APP, "", "allowed"),
    preflight("preflight: 3 headers", APP, THREE, "allowed"),
    preflight("preflight: 10 headers", APP, TEN, "allowed"),
    preflight("preflight refused: origin", ATTACKER, THREE, "refused"),
    preflight("preflight refused: header", APP, "authorization,x-other", "refused"),
    actual("hostile: origin of 8 KiB", SUBDOMAINS, HOSTILE_ORIGIN, "refused"),
    preflight("hostile: 1 MiB of commas", APP, HOSTILE_NAMES, "refused"),
)


def write(requests: tuple[Request, ...], path: Path) -> None:
    """Write the file that the programs read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = [request._asdict() | {"policy": request.policy._asdict()} for request in requests]
    path.write_text(json.dumps(found), "utf-8")
