"""System checks of the CORS_* settings, for `manage.py check`.

Messages ``corsheaders.E...`` are those of django-cors-headers, so that existing values of
SILENCED_SYSTEM_CHECKS keep their meaning. Messages ``corsfast.W...`` are the warnings that the
middleware emits when it is made: risks, and entries that match nothing. With CORS_STRICT they are
``corsfast.E...``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Warning as Caution
from django.core.exceptions import ImproperlyConfigured

from ..._proofs.ineffective import BARE_STRING, NOT_A_BOOL, UNKNOWN_OPTION
from ..._proofs.ineffective_django import REMOVED
from ...errors import RISKS, PolicyError, Problem
from .._dropin.non_web_origins import FILE
from .._generic.cross_site import wrong_words
from .conf import compile_settings, name_in_use, policy_for, read, read_allowed_origins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from django.core.checks import CheckMessage

# By the code of a Problem. All other codes are about entries that match nothing.
RISK_NUMBERS = {
    "any-origin-with-credentials": "001",
    "null-origin-with-credentials": "002",
    "foreign-origin": "003",
    "public-suffix": "004",
    "insecure-origin": "005",
    UNKNOWN_OPTION: "006",
    BARE_STRING: "007",
    "any-extension": "008",
}
UNMATCHABLE_NUMBER = "010"
UNREADABLE_NUMBER = "020"

_FLAGS = {"CORS_ALLOW_CREDENTIALS": "E003", "CORS_ALLOW_PRIVATE_NETWORK": "E015"}


def check_settings(**_: Any) -> list[CheckMessage]:
    """Return all messages about the current settings."""
    wrong = [*_wrong_types(), *_wrong_cross_site(), *_wrong_origins(), *_removed()]
    return [*wrong, *_judged(silent=bool(wrong))]


def _error(number: str, message: str, hint: str | None = None) -> Error:
    return Error(message, hint=hint, id=f"corsheaders.{number}")


def _wrong_types() -> Iterator[Error]:
    for name, number in (("CORS_ALLOW_HEADERS", "E001"), ("CORS_ALLOW_METHODS", "E002")):
        if not _is_sequence_of(read(name), str):
            yield _error(number, f"{name} should be a sequence of strings.")
    for name, number in _FLAGS.items():
        if not isinstance(read(name), bool):
            yield _error(number, f"{name} should be a bool.")
    max_age = read("CORS_PREFLIGHT_MAX_AGE")
    if not isinstance(max_age, int) or max_age < 0:
        yield _error(
            "E004", "CORS_PREFLIGHT_MAX_AGE should be an integer greater than or equal to zero."
        )
    if not isinstance(read("CORS_ALLOW_ALL_ORIGINS"), bool):
        yield _error("E005", f"{name_in_use('CORS_ALLOW_ALL_ORIGINS')} should be a bool.")
    origins = read("CORS_ALLOWED_ORIGINS")
    if isinstance(origins, str) or not _is_sequence_of(origins, str):
        yield _error(
            "E006", f"{name_in_use('CORS_ALLOWED_ORIGINS')} should be a sequence of strings."
        )
    regexes = read("CORS_ALLOWED_ORIGIN_REGEXES")
    if isinstance(regexes, str) or not _is_sequence_of(regexes, (str, re.Pattern)):
        yield _error(
            "E007",
            f"{name_in_use('CORS_ALLOWED_ORIGIN_REGEXES')} should be a sequence of strings"
            " and/or compiled regexes.",
        )
    if not _is_sequence_of(read("CORS_EXPOSE_HEADERS"), str):
        yield _error("E008", "CORS_EXPOSE_HEADERS should be a sequence.")
    if not isinstance(read("CORS_URLS_REGEX"), (str, re.Pattern)):
        yield _error("E009", "CORS_URLS_REGEX should be a string or regex.")


def _wrong_cross_site() -> Iterator[Error]:
    for problem in wrong_words(read("CORS_CROSS_SITE"), "CORS_CROSS_SITE"):
        yield Error(str(problem), id=f"corsfast.E{UNREADABLE_NUMBER}")


def _is_sequence_of(value: object, kinds: type[Any] | tuple[type[Any], ...]) -> bool:
    return isinstance(value, Sequence) and all(isinstance(item, kinds) for item in value)


def _wrong_origins() -> Iterator[Error]:
    origins = read("CORS_ALLOWED_ORIGINS")
    if isinstance(origins, str) or not _is_sequence_of(origins, str):
        return
    name = name_in_use("CORS_ALLOWED_ORIGINS")
    for origin in origins:
        if origin in ("null", FILE):
            continue
        try:
            url = urlsplit(origin)
        except ValueError:
            continue  # `_judged` reports it
        if not url.scheme or not url.netloc:
            yield _error(
                "E013",
                f"Origin {origin!r} in {name} is missing scheme or netloc",
                "Add a scheme (e.g. https://) or netloc (e.g. example.com).",
            )
            continue
        for part in ("path", "query", "fragment"):
            if getattr(url, part):
                yield _error("E014", f"Origin {origin!r} in {name} should not have {part}")


def _removed() -> Iterator[Error]:
    for name, number in REMOVED.items():
        if hasattr(settings, name):
            yield _error(number, f"The {name} setting has been removed.")


def _judged(*, silent: bool) -> Iterator[CheckMessage]:
    """Yield the risks, the entries that match nothing, and the reason why settings are unreadable.

    `silent` leaves out the reason, because another message has given it.
    """
    kind, letter = (Error, "E") if read("CORS_STRICT") else (Caution, "W")
    try:
        policy_for(read_allowed_origins(), bool(read("CORS_ALLOW_CREDENTIALS")), True)
    except PolicyError as error:
        for problem in error.problems:
            number = RISK_NUMBERS.get(problem.code, UNMATCHABLE_NUMBER)
            if problem.code in RISKS or not _was_said(problem):
                yield kind(str(problem), id=f"corsfast.{letter}{number}")
    except (TypeError, AttributeError, re.error) as error:
        if not silent:
            yield Error(f"the CORS_* settings: {error}", id=f"corsfast.E{UNREADABLE_NUMBER}")
        return
    if not silent and not read("CORS_STRICT"):
        try:
            compile_settings()
        except ImproperlyConfigured as error:
            yield Error(str(error), id=f"corsfast.E{UNREADABLE_NUMBER}")


def _was_said(problem: Problem) -> bool:
    """Return whether a message of django-cors-headers reports the same entry."""
    if problem.code in (BARE_STRING, NOT_A_BOOL):
        return "ORIGIN" in problem.option or problem.option in _FLAGS
    if problem.option == "CORS_PREFLIGHT_MAX_AGE":
        return problem.code == "type" or (isinstance(problem.value, int) and problem.value < 0)
    if problem.option in ("CORS_ALLOW_HEADERS", "CORS_ALLOW_METHODS", "CORS_EXPOSE_HEADERS"):
        return problem.code == "type"
    if problem.code == UNKNOWN_OPTION or problem.option == "CORS_URLS_REGEX":
        return False
    if not isinstance(problem.value, str):
        return False
    try:
        url = urlsplit(problem.value)
    except ValueError:
        return False
    return not url.scheme or not url.netloc
