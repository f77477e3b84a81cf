"""Private attributes of Django, seen in 5.2 and 6.0. Without them, public methods are used."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.http import HttpResponse
from django.http.response import ResponseHeaders
from django.utils.cache import patch_vary_headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http.response import HttpResponseBase

    # By lower-case name: the name and the value, as a response stores them.
    Fields = dict[str, tuple[str, str]]

_VARY = ("Vary", "origin")

# Whether a response stores its fields in this dict. The public methods are slower, because they
# check and encode each name and value.
_HAS_STORE = getattr(ResponseHeaders({"Vary": "a"}), "_store", None) == {"vary": ("Vary", "a")}


# The attributes of `django.conf.settings`. To read one through the object takes ten times as long.
_ATTRIBUTES = vars(settings)


def settings_object() -> object:
    """Return the object that holds the settings. An override replaces it by another one."""
    return _ATTRIBUTES.get("_wrapped")


def write_fields(response: HttpResponseBase, fields: Fields, unwanted: Iterable[str]) -> None:
    """Replace fields of a response, and remove the unwanted ones."""
    headers = response.headers
    for name in unwanted:
        headers.pop(name, None)
    if _HAS_STORE:
        headers._store.update(fields)
    else:
        for name, value in fields.values():
            headers[name] = value


def add_vary(response: HttpResponseBase) -> None:
    """Add Origin to the Vary of a response."""
    if _HAS_STORE:
        store = response.headers._store
        vary = store.setdefault("vary", _VARY)
        if vary is not _VARY:
            store["vary"] = _merged_vary(vary[1])
    else:
        patch_vary_headers(response, ("origin",))


@lru_cache  # applications send few different values
def _merged_vary(value: str) -> tuple[str, str]:
    """Merge by Django's own function, with a cache."""
    response = HttpResponse(headers={"Vary": value})
    patch_vary_headers(response, ("origin",))
    return "Vary", response.headers["Vary"]
