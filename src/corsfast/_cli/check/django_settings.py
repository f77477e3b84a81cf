"""Read the CORS_* settings of django-cors-headers as a Subject.

| setting                       | older name                    | here                    |
|-------------------------------|-------------------------------|-------------------------|
| `CORS_ALLOWED_ORIGINS`        | `CORS_ORIGIN_WHITELIST`       | compared exactly        |
| `CORS_ALLOWED_ORIGIN_REGEXES` | `CORS_ORIGIN_REGEX_WHITELIST` | `re.match`              |
| `CORS_ALLOW_ALL_ORIGINS`      | `CORS_ORIGIN_ALLOW_ALL`       | `"*"`                   |
| `CORS_ALLOW_CREDENTIALS`      |                               | `allow_credentials`     |
| `CORS_ALLOW_METHODS`          |                               | `allow_methods`         |
| `CORS_ALLOW_HEADERS`          |                               | `allow_headers`         |
| `CORS_EXPOSE_HEADERS`         |                               | `expose_headers`        |
| `CORS_PREFLIGHT_MAX_AGE`      |                               | `max_age`               |

The meanings are those of https://github.com/adamchainz/django-cors-headers. The settings module is
imported like any other module, so neither Django nor that package has to be installed.
"""

from __future__ import annotations

import importlib
import re
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

from ..._options.diagnose import diagnose
from ..._options.origin import parse_origin
from ..._options.patterns import parse_pattern
from ..._options.suggestions import suggest_all, suggest_networks
from ..._proofs.dialect import Diagnosis, Dialect, MatchContext
from ..._proofs.ineffective import NOT_A_BOOL
from ..._proofs.ineffective_django import OLD_NAMES, idle_settings
from ..._proofs.regexes import RegexSyntaxError, compile_quietly
from ..._proofs.suggest import suggest
from ..._proofs.verify import read_policy
from ...errors import Problem, changed
from .subject import Applied, Subject, UnreadableError

SINGLE = {
    "CORS_ALLOW_CREDENTIALS": "allow_credentials",
    "CORS_ALLOW_METHODS": "allow_methods",
    "CORS_ALLOW_HEADERS": "allow_headers",
    "CORS_EXPOSE_HEADERS": "expose_headers",
    "CORS_PREFLIGHT_MAX_AGE": "max_age",
}
# Flags whose wrong type is reported by `_flag` or by a `Policy`.
SAID = ("CORS_ALLOW_CREDENTIALS", "CORS_ALLOW_ALL_ORIGINS", OLD_NAMES["CORS_ALLOW_ALL_ORIGINS"])

# In a list of origins, a pattern can only become a regex of the other setting.
_DIALECT = Dialect(
    any_origin="CORS_ALLOW_ALL_ORIGINS = True, and no credentials",
    regex="{} in CORS_ALLOWED_ORIGIN_REGEXES",
)

# With these, django-cors-headers sends a superfluous name, which browsers ignore.
HARMLESS = frozenset({"forbidden-header", "forbidden-method"})


def read_settings(module: str) -> Subject:
    """Import a settings module and read its CORS_* settings.

    Raises:
        UnreadableError: if it cannot be imported or has no such settings.
    """
    found = {
        name: value for name, value in import_from_here(module).items() if name.startswith("CORS_")
    }
    if not found:
        raise UnreadableError(f"{module} has no CORS_ settings")
    return read_found(found, f"--django {module}")


def read_found(found: dict[str, object], source: str, how: str = "match") -> Subject:
    """Read CORS_* settings.

    Args:
        how: how the regexes are applied; the drop-in matches them in full.
    """
    subject = Subject(source, options={}, harmless=HARMLESS)
    names = {new: new if new in found else old for new, old in OLD_NAMES.items()}
    options: dict[str, object] = {
        option: found[name] for name, option in SINGLE.items() if name in found
    }
    subject.labels = {option: name for name, option in SINGLE.items()}
    subject.credentials = options.get("allow_credentials") is True
    subject.options = options
    if _flag(found, names["CORS_ALLOW_ALL_ORIGINS"], subject):
        subject.labels["allow_origins"] = names["CORS_ALLOW_ALL_ORIGINS"]
        options["allow_origins"] = ["*"]
        _read_idle(found, subject)
        return subject
    subject.labels["allow_origins"] = names["CORS_ALLOWED_ORIGINS"]
    read_exact(found.get(names["CORS_ALLOWED_ORIGINS"], ()), subject, _DIALECT)
    regexes = names["CORS_ALLOWED_ORIGIN_REGEXES"]
    read_regexes(found.get(regexes, ()), regexes, subject, how)
    _read_idle(found, subject)
    return subject


def import_from_here(module: str) -> dict[str, object]:
    """Import a module, with the current folder on the path, and return its names.

    Raises:
        UnreadableError: if it cannot be imported.
    """
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        with redirect_stdout(sys.stderr):  # because stdout may be read by a program
            return vars(importlib.import_module(module))
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableError(f"{module} cannot be imported ({reason})") from error


def _flag(found: dict[str, object], name: str, subject: Subject) -> bool:
    value = found.get(name, False)
    if not isinstance(value, bool):
        message = f"{value!r} is of type {type(value).__name__}, not bool."
        hint = repr(bool(value))
        subject.problems.append(Problem("type", name, value, message, hint=hint))
    return bool(value)


def _read_idle(found: dict[str, object], subject: Subject) -> None:
    """Add the settings that do nothing, if a `Policy` would not report them."""
    assert subject.options is not None
    _, problems = read_policy(subject.options)
    said = [(p.code, subject.labels.get(p.option, p.option), p.value) for p in problems]
    for problem in idle_settings(found):
        if problem.code == "any-origin-beside-others":
            subject.warnings.append(problem)
        elif problem.code == NOT_A_BOOL and problem.option in SAID:
            continue
        elif (problem.code, problem.option, problem.value) not in said:
            subject.problems.append(problem)
            subject.extra += problem.option not in subject.labels.values()


def read_exact(value: object, subject: Subject, dialect: Dialect) -> None:
    """Read the entries that are compared exactly; a star in one is not a wildcard."""
    assert subject.options is not None
    subject.options["allow_origins"] = value
    if not isinstance(value, (list, tuple, set, frozenset)):
        return
    match = MatchContext("match", subject.credentials, own=False)
    dialect = replace(dialect, match=match)
    kept = []
    for entry in value:
        if not isinstance(entry, str) or not (entry == "*" or _is_regex(entry) or _has_star(entry)):
            kept.append(entry)
            continue
        message = f"{entry!r} matches nothing: these origins are compared character by character."
        problem = Problem("unmatchable-pattern", "allow_origins", entry, message)
        hint, proven = dialect.any_origin, True
        if entry != "*":
            hint, proven = suggest(problem, Diagnosis(dialect))
        subject.problems.append(changed(problem, hint=hint if proven else None))
        subject.extra += 1
    subject.options["allow_origins"] = kept


def _has_star(entry: str) -> bool:
    """Return whether an entry is, or is a misspelling of, a pattern for many origins."""
    meant = suggest_networks(entry) or ((entry,) if parse_pattern(entry) else suggest_all(entry))
    return any(parse_origin(pattern) is None for pattern in meant)


def _is_regex(entry: str) -> bool:
    return parse_pattern(entry) is None and diagnose(entry).code == "looks-like-regex"


def read_regexes(value: object, name: str, subject: Subject, how: str = "match") -> None:
    """Read regexes that `how` applies to a whole `Origin`, whatever it contains."""
    if not isinstance(value, (list, tuple, set, frozenset)):
        message = f"{name} is a list of regexes, not {type(value).__name__}."
        subject.problems.append(Problem("type", name, None, message))
        return
    for entry in value:
        if not isinstance(entry, (str, re.Pattern)) or isinstance(
            getattr(entry, "pattern", ""), bytes
        ):
            message = f"{entry!r} is neither a str nor a compiled regex of str."
            subject.problems.append(Problem("type", name, entry, message))
            subject.extra += 1
            continue
        try:
            regex = compile_quietly(entry) if isinstance(entry, str) else entry
        except RegexSyntaxError as error:
            message = f"{entry!r} is not a valid Python regular expression: {error}."
            subject.problems.append(Problem("regex-syntax", name, entry, message))
            subject.extra += 1
            continue
        match = MatchContext(how, subject.credentials, own=False)
        dialect = Dialect(regex="{}", flags=regex.flags, exact=None, match=match)
        subject.regexes.append(Applied(name, regex.pattern, regex, dialect))
