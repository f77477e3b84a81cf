"""Read the policies of Envoy's CORS filter from a bootstrap or a RouteConfiguration.

A policy is a ``CorsPolicy`` in ``typed_per_filter_config``, or the older field ``cors``. A route
takes each field that it does not have from its virtual host, and this one from its route
configuration. If a matcher matches the text ``*``, every origin is allowed: an exact ``*``, but
also the regex ``[^/]*``. Source: source/extensions/filters/http/cors/cors_filter.cc of
https://github.com/envoyproxy/envoy.
"""

from __future__ import annotations

import re

from ..._options.patterns import EXPOSED, HEADERS, METHODS, ORIGINS
from .reading import Found, Reading, containing, names_in
from .yaml_lines import Mapping, Sequence, read_documents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Fields = dict[str, tuple[object, str]]

FILTER = "envoy.filters.http.cors"
LISTS = {"allow_methods": METHODS, "allow_headers": HEADERS, "expose_headers": EXPOSED}
MATCHERS = ("exact", "prefix", "suffix", "contains")
# Fields without an effect on what pages may read.
IGNORED = {"@type", "forward_not_matching_preflights"}


def read_envoy(file: str, text: str) -> Reading:
    """Read each level of the configuration that has a policy."""
    reading = Reading()
    for document in read_documents(file, text):
        for name, fields in _levels(document, {}, file, "policy", reading):
            found = reading.new(name)
            _read_policy(fields, found, reading, file)
            reading.policies.append(found)
    return reading


def _levels(
    node: object, inherited: Fields, file: str, name: str, reading: Reading
) -> Iterator[tuple[str, Fields]]:
    """Yield the name and the fields of each mapping that has a policy."""
    reading.step()  # aliases may multiply
    if isinstance(node, Sequence):
        for item in node:
            yield from _levels(item, inherited, file, name, reading)
    if not isinstance(node, Mapping):
        return
    name = str(node.get("name") or name)
    own = _own_policy(node)
    if own is not None:
        fields = {
            _snake(key): (value, f"{file}:{own.lines[key]}: {_snake(key)}")
            for key, value in own.items()
        }
        inherited = inherited | fields
        yield name, inherited
    for value in node.values():
        if value is not own:
            yield from _levels(value, inherited, file, name, reading)


def _own_policy(node: Mapping) -> Mapping | None:
    filters = node.get("typed_per_filter_config", node.get("typedPerFilterConfig"))
    own = filters.get(FILTER) if isinstance(filters, Mapping) else node.get("cors")
    if isinstance(own, Mapping) and isinstance(own.get("config"), Mapping):
        own = own["config"]  # a FilterConfig, which may also disable the filter
    return own if isinstance(own, Mapping) else None


def _snake(key: str) -> str:
    return re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", key)


def _read_policy(fields: Fields, found: Found, reading: Reading, file: str) -> None:
    found.add(ORIGINS, (), f"{file}: {found.name}")
    found.options["max_age"] = None
    for key, (value, place) in fields.items():
        reading.step()
        if key == "allow_origin_string_match" and isinstance(value, Sequence):
            for matcher, line in zip(value, value.lines, strict=True):
                reading.step()
                _read_matcher(matcher, f"{file}:{line}: {key}", found, reading)
        elif key in LISTS and isinstance(value, str):
            found.add_names(LISTS[key], names_in(value), place, echoes=key != "expose_headers")
        elif key == "max_age" and found.set_max_age(value, place):
            continue
        elif key == "allow_credentials" and isinstance(value, bool):
            found.set(key, value, place)
        elif key not in IGNORED:
            reading.skip(place, "it is not read")
    if "*" in found.options[ORIGINS]:  # type: ignore[operator]
        found.options[ORIGINS] = ["*"]


def _read_matcher(given: object, place: str, found: Found, reading: Reading) -> None:
    matcher = (
        {_snake(key): value for key, value in given.items()} if isinstance(given, dict) else {}
    )
    ignore_case = matcher.pop("ignore_case", False) is True
    kind, value = next(iter(matcher.items()), ("", None))
    entry: object
    if kind in MATCHERS and isinstance(value, str):
        entry = containing(value.lower() if ignore_case else value, kind)
        any_origin = value == "*" or (kind != "exact" and value == "")
    elif kind == "safe_regex" and isinstance(value, dict) and isinstance(value.get("regex"), str):
        regex = reading.regex(value["regex"], place, how="fullmatch")
        if regex is None:
            return
        entry, any_origin = regex, reading.matches(regex, "*", place) is True
    else:
        reading.skip(place, f"{kind or 'the matcher'} is not read")
        return
    if any_origin and value != "*":
        reading.note(f"{place}: it matches the text '*', so Envoy allows every origin")
    found.add(ORIGINS, ["*" if any_origin else entry], place)
