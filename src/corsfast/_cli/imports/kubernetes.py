"""Read ingress-nginx annotations of an Ingress, and CORS filters of an HTTPRoute.

ingress-nginx, `nginx.ingress.kubernetes.io/`:

| annotation               | if it is missing or not valid                        |
|--------------------------|------------------------------------------------------|
| `enable-cors`            | `false`                                              |
| `cors-allow-origin`      | `*`; a single wrong origin is skipped                |
| `cors-allow-methods`     | `GET, PUT, POST, DELETE, PATCH, OPTIONS`             |
| `cors-allow-headers`     | nine names, see `DEFAULT_HEADERS`                    |
| `cors-expose-headers`    | none                                                 |
| `cors-allow-credentials` | `true`                                               |
| `cors-max-age`           | 1728000                                              |

A `*` in an origin is one label of `A-Z a-z 0-9 -`, and origins compare without regard to case.
Source: internal/ingress/annotations/cors/main.go and buildCorsOriginRegex of
https://github.com/kubernetes/ingress-nginx.

In an HTTPRoute, `*` in a host is any number of labels. A `*` with credentials echoes what the
request asks for. Without `maxAge`, it is 5 seconds.
Source: https://gateway-api.sigs.k8s.io/reference/spec/#httpcorsfilter.
"""

from __future__ import annotations

import re

from ..._options import fetch
from ..._options.patterns import EXPOSED, HEADERS, METHODS, ORIGINS
from .reading import (
    CHARACTERS_OF_A_STEP,
    Found,
    Reading,
    compiled,
    escaped,
    names_in,
    one_label,
)
from .yaml_lines import Mapping, Sequence, read_documents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PREFIX = "nginx.ingress.kubernetes.io/"
DEFAULT_METHODS = "GET, PUT, POST, DELETE, PATCH, OPTIONS"
DEFAULT_HEADERS = (
    "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,"
    "Range,Authorization"
)
DEFAULT_MAX_AGE = 1_728_000

# The values that ingress-nginx accepts. It uses the default for others, and skips a wrong origin.
_VALID = {
    "cors-allow-origin": re.compile(r"(?:https?://|\*\.|[A-Za-z0-9.,-]|:[0-9])*+|\*"),
    "cors-allow-methods": re.compile(r"[A-Za-z](?:,?\s?[A-Za-z])*,?\s?", re.ASCII),
    "cors-allow-headers": re.compile(r"[A-Za-z0-9_, -]*"),
    "cors-expose-headers": re.compile(r"[\w*-](?:,?\s?[\w*-])*,?\s?", re.ASCII),
    "cors-max-age": re.compile(r"[+-]?[0-9]{1,18}"),
}
_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]*(:[0-9]+)?")
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


def read_ingresses(file: str, text: str) -> Reading:
    """Read each Ingress that enables CORS."""
    reading = Reading()
    for ingress in _objects(file, text, "Ingress", reading):
        metadata = _mapping(ingress.get("metadata"))
        annotations = _mapping(metadata.get("annotations"))
        for key, value in annotations.items():
            reading.step()
            if key.endswith("-snippet") and "access-control-" in str(value).lower():
                reading.skip(f"{file}:{annotations.lines[key]}", f"{key} is not read")
        if str(annotations.get(f"{PREFIX}enable-cors")) in _TRUE:
            found = reading.new(str(metadata.get("name", "ingress")))
            _Annotations(file, annotations, found, reading).read()
            reading.policies.append(found)
    return reading


class _Annotations:
    """The annotations of one Ingress."""

    def __init__(self, file: str, given: Mapping, found: Found, reading: Reading) -> None:
        self.file, self.given, self.found, self.reading = file, given, found, reading

    def read(self) -> None:
        found = self.found
        origins, place = self._value("cors-allow-origin", "*")
        listed = [each for each in map(str.strip, origins.split(",")) if each]
        if "*" in listed:
            found.add(ORIGINS, ["*"], place)
        else:
            found.add(ORIGINS, (), place)
            for origin in map(str.lower, listed):
                if not _ORIGIN.fullmatch(origin):
                    self.reading.skip(place, f"{origin!r} is not valid, so it allows no origin")
                    continue
                found.add(ORIGINS, [one_label(origin) if "*" in origin else origin], place)
        for option, key, default in (
            (METHODS, "cors-allow-methods", DEFAULT_METHODS),
            (HEADERS, "cors-allow-headers", DEFAULT_HEADERS),
            (EXPOSED, "cors-expose-headers", ""),
        ):
            names, place = self._value(key, default)
            if names:
                found.add_names(option, names_in(names), place, echoes=False)
        credentials, place = self._value("cors-allow-credentials", "true")
        found.set("allow_credentials", credentials not in _FALSE, place)
        age, place = self._value("cors-max-age", str(DEFAULT_MAX_AGE))
        found.set_max_age(age.lstrip("+"), place)

    def _value(self, key: str, default: str) -> tuple[str, str]:
        """Return the value that counts, and its place."""
        name = PREFIX + key
        if name not in self.given:
            line = self.given.lines[f"{PREFIX}enable-cors"]
            return default, f"{self.file}:{line}: the default of {key}"
        place = f"{self.file}:{self.given.lines[name]}: {key}"
        value = self.given[name]
        text = str(value).lower() if isinstance(value, bool) else str(value).strip()
        self.reading.step(len(text) // CHARACTERS_OF_A_STEP)
        valid = _VALID.get(key)
        good = text in (*_TRUE, *_FALSE) if valid is None else valid.fullmatch(_bare(key, text))
        if not good or not text:
            self.reading.skip(place, f"{text!r} is not valid, so ingress-nginx uses {default!r}")
            return default, place
        return text, place


def _bare(key: str, text: str) -> str:
    return text.replace(" ", "") if key == "cors-allow-origin" else text


# -- HTTPRoute -------------------------------------------------------------------------------


def read_routes(file: str, text: str) -> Reading:
    """Read each CORS filter of each HTTPRoute."""
    reading = Reading()
    for route in _objects(file, text, "HTTPRoute", reading):
        name = str(_mapping(route.get("metadata")).get("name", "route"))
        for rule in _sequence(_mapping(route.get("spec")).get("rules")):
            for each in _sequence(_mapping(rule).get("filters")):
                given = _mapping(each).get("cors")
                if _mapping(each).get("type") == "CORS" and isinstance(given, Mapping):
                    found = reading.new(name)
                    _read_filter(file, given, each.lines["cors"], found, reading)
                    reading.policies.append(found)
    return reading


def _read_filter(file: str, given: Mapping, line: int, found: Found, reading: Reading) -> None:
    found.set("allow_credentials", given.get("allowCredentials") is True, f"{file}:{line}: cors")
    found.set("max_age", 5, f"{file}:{line}: the default of maxAge")
    found.add(ORIGINS, (), f"{file}:{line}: cors")
    options = {
        "allowOrigins": ORIGINS,
        "allowMethods": METHODS,
        "allowHeaders": HEADERS,
        "exposeHeaders": EXPOSED,
    }
    for key, value in given.items():
        reading.step()
        place = f"{file}:{given.lines[key]}: {key}"
        if key in options and isinstance(value, Sequence):
            names = list(map(str, value))
            if key != "allowOrigins":
                echoes = found.options["allow_credentials"] is True
                found.add_names(options[key], names, place, echoes=echoes)
                continue
            for origin, at in zip(names, value.lines, strict=True):
                found.add(ORIGINS, [_route_origin(origin)], f"{file}:{at}: {key}")
        elif key == "maxAge" and found.set_max_age(value, place):
            continue
        elif key == "allowCredentials" and isinstance(value, bool):
            found.set("allow_credentials", value, place)
        else:
            reading.skip(place, f"{value!r} is not read")


def _route_origin(text: str) -> object:
    """Return the entry for an origin, in which a default port may be written."""
    scheme, _, rest = text.partition("://")
    host, _, port = rest.lower().partition(":")
    if port == str(fetch.DEFAULT_PORTS.get(scheme)):
        text, port = f"{scheme}://{host}", ""
    if host != "*" or not (port or "0").isdecimal():
        return text.lower()
    return compiled(f"{escaped(scheme)}://{f'.+:{port}' if port else '[^:]+'}")


# -- objects of Kubernetes -------------------------------------------------------------------


def _objects(file: str, text: str, kind: str, reading: Reading) -> Iterator[Mapping]:
    """Yield the objects of a kind, also those in a List."""
    waiting: list[Any] = read_documents(file, text)[::-1]
    while waiting:
        reading.step()  # aliases may multiply
        each = _mapping(waiting.pop())
        if str(each.get("kind")).endswith("List"):
            waiting += _sequence(each.get("items"))[::-1]
        if each.get("kind") == kind:
            yield each


def _mapping(value: object) -> Mapping:
    return value if isinstance(value, Mapping) else Mapping()


def _sequence(value: object) -> Sequence:
    return value if isinstance(value, Sequence) else Sequence()
