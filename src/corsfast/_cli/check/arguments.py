"""Parse the arguments of ``check`` and read the Subject that they name."""

from __future__ import annotations

import re
from argparse import SUPPRESS, BooleanOptionalAction
from pathlib import Path

from ..._loading.environment import read_environment
from ..._loading.files import TABLE, has_table, read_json, read_toml
from ..._loading.regex_dialects import read_regex
from ..._loading.written import OPTIONS
from ..._proofs.dialect import Dialect, MatchContext
from ..._proofs.regexes import RegexSyntaxError
from ...errors import RISKS, PolicyError
from ..revisions import read_revision
from .django_settings import read_settings
from .subject import Applied, Subject, UnreadableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ..._loading.written import Written

PROJECT_FILE = "pyproject.toml"
PREFIX = "CORS_"
DESCRIPTION = """\
Find out whether a CORS policy lets attackers in, and what to write instead.

The policy is read from one of
  FILE                 a TOML or JSON file with the options of Policy as keys, or
                       its [tool.corsfast]; --table names another table;
                       REV:FILE is the file at a revision of its git repository
  MODULE:APP           an ASGI or WSGI application, judged as it is deployed;
                       MODULE:FACTORY() calls a function that makes it
  --env [PREFIX]       the variables of the environment that begin with CORS_,
                       or with PREFIX
  --allow-origins ...  options given here; with FILE they replace the file's
  --django MODULE      the CORS_* settings of django-cors-headers
  --regex PATTERN      a regex of other software; see --matched-with
  (nothing)            [tool.corsfast] of ./pyproject.toml
"""
EPILOG = "Exit status: 0 no problems, 1 problems, 2 nothing that could be checked."

# The ways to apply a regex, by the names that users know. For an origin, Python's `$` and `\Z`
# are equally safe. A suggested regex should also run in the software that it is pasted into.
MATCHERS = {
    "fullmatch": ("fullmatch", ("^", "$")),
    "match": ("match", ("^", "$")),
    "search": ("search", ("^", "$")),
    "re.fullmatch": ("fullmatch", (r"\A", r"\Z")),
    "re.match": ("match", (r"\A", r"\Z")),
    "re.search": ("search", (r"\A", r"\Z")),
}
DEFAULT_MATCHER = "search"

LISTS = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")


def add_arguments(parser: ArgumentParser) -> None:
    add_policy_arguments(parser)
    other = parser.add_argument_group("other software")
    other.add_argument(
        "--django", metavar="MODULE", help="a settings module, such as shop.settings"
    )
    other.add_argument("--regex", metavar="PATTERN", action="append", help="may be repeated")
    other.add_argument(
        "--matched-with",
        choices=MATCHERS,
        metavar="HOW",
        help=f"how it is applied: {', '.join(MATCHERS)}"
        f" (default: {DEFAULT_MATCHER}, the least strict)",
    )
    other.add_argument("--ignore-case", action="store_true", help="the regexes ignore case")
    other.add_argument(
        "--credentials",
        action=BooleanOptionalAction,
        help="whether cookies are allowed (default: yes, which is stricter)",
    )


def add_policy_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that name a policy, which `explain` has as well."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
    parser.add_argument("--table", metavar="NAME", help=f"the table of FILE (default: {TABLE})")
    parser.add_argument(
        "--env", metavar="PREFIX", nargs="?", const=PREFIX, help=f"the prefix (default: {PREFIX})"
    )
    parser.add_argument(
        "--tolerate",
        metavar="CODE",
        action="append",
        choices=RISKS,
        default=[],
        help=f"accept a risk: {', '.join(RISKS)}",
    )
    policy = parser.add_argument_group("options of a policy")
    for name, metavar in zip(LISTS, ("URL", "METHOD", "NAME", "NAME"), strict=True):
        policy.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, nargs="+")
    policy.add_argument("--allow-credentials", action="store_true", default=None)
    policy.add_argument(
        "--max-age",
        metavar="SECONDS",
        type=_seconds,
        default=SUPPRESS,
        help="or none, to send no header",
    )


def _seconds(text: str) -> object:
    return None if text == "none" else int(text)


# argparse names the function in its message about a wrong value.
_seconds.__name__ = "number of seconds"


def read_arguments(given: Namespace) -> Subject:
    """Return the subject that the arguments name.

    Raises:
        UnreadableError: for no source, several, or one that cannot be read.
    """
    options = policy_options(given)
    sources = {
        "FILE": given.file is not None,
        "--env": given.env is not None,
        "--django": given.django is not None,
        "--regex": given.regex is not None,
    }
    if given.env is not None and given.env.lower().endswith((".toml", ".json")):
        sources["FILE"] = True  # `--env FILE` gives a file where a prefix belongs
    chosen = [name for name, there in sources.items() if there]
    if len(chosen) > 1:
        raise UnreadableError(f"{' and '.join(chosen)} are two policies; check them one by one")
    if options and chosen not in ([], ["FILE"]):
        raise UnreadableError(f"policy options cannot be combined with {chosen[0]}")
    if chosen != ["--regex"]:
        _refuse_regex_options(given)
    if given.django is not None:
        subject = read_settings(given.django)
    elif given.regex is not None:
        subject = _read_regexes(given)
    else:
        return read_policy_arguments(given)
    return tolerating(subject, given.tolerate)


def read_policy_arguments(given: Namespace) -> Subject:
    """Return the policy that the arguments of `add_policy_arguments` name.

    Raises:
        UnreadableError: for no source, several, or one that cannot be read.
    """
    options = policy_options(given)
    if given.table is not None and given.file is None:
        raise UnreadableError("--table needs FILE")
    if given.env is None:
        subject = _read_policy(given.file, given.table, options)
    elif given.file is not None or options:
        raise UnreadableError("--env is a policy, and so is FILE or an option; give one")
    else:
        subject = _subject(read_environment(given.env, None), f"--env {given.env}")
    return tolerating(subject, given.tolerate)


def policy_options(given: Namespace) -> dict[str, object]:
    """Return the options of a policy that are given as arguments."""
    names = (*LISTS, "allow_credentials")
    options = {name: value for name in names if (value := getattr(given, name)) is not None}
    if "max_age" in given:
        options["max_age"] = given.max_age
    return options


def _refuse_regex_options(given: Namespace) -> None:
    for name in ("matched_with", "credentials"):
        if getattr(given, name) is not None:
            raise UnreadableError(f"--{name.replace('_', '-')} needs --regex")
    if given.ignore_case:
        raise UnreadableError("--ignore-case needs --regex")


def _read_policy(file: Path | None, table: str | None, options: dict[str, object]) -> Subject:
    if file is None and not options:
        file = Path(PROJECT_FILE)
        if not has_table(file, TABLE):
            missing = f"has no [{TABLE}]" if file.exists() else "does not exist"
            raise UnreadableError(
                f"./{PROJECT_FILE} {missing}, so name a policy: a file,"
                " --allow-origins or --env (see --help)"
            )
    if file is None:
        return Subject("the command line", options=options)
    written = read_policy_file(file, table)
    subject = _subject(written, written.name)
    assert subject.options is not None
    subject.options |= options
    return subject


def read_policy_file(file: Path, table: str | None) -> Written:
    """Read the policy in a file.

    Raises:
        UnreadableError: if it cannot be read, with the place where reading failed.
    """
    kind = file.suffix.lower()
    if kind not in (".toml", ".json"):
        raise UnreadableError(f"{file}: a policy is a .toml or .json file")
    octets = read_revision(file)
    if table is None and kind == ".toml":
        project = re.split(r"[/:\\]", str(file))[-1] == PROJECT_FILE
        table = TABLE if project or has_table(file, TABLE, octets) else None
    try:
        read = read_toml if kind == ".toml" else read_json
        return read(file, table, octets)
    except PolicyError as error:
        (problem,) = error.problems
        raise UnreadableError(f"{problem.option}: {problem.message}") from None
    except OSError as error:
        raise UnreadableError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise UnreadableError(f"--table: {error}") from None


def _subject(written: Written, name: str) -> Subject:
    labels = {}
    if written.spelling == "env":
        labels = {option: written.label(option, None) for option in OPTIONS}
    return Subject(
        name,
        options=dict(written.options),
        labels=labels,
        problems=written.problems,
        warnings=written.warnings,
        literal=written.spelling,
        extra=written.extra,
        written=written,
    )


def _read_regexes(given: Namespace) -> Subject:
    name = given.matched_with or DEFAULT_MATCHER
    how, anchors = MATCHERS[name]
    credentials = given.credentials is not False
    said = "with credentials" if credentials else "without credentials"
    subject = Subject(f"--regex, {name}, {said}", credentials=credentials)
    match = MatchContext(how, credentials, own=False, anchors=anchors)
    for text in given.regex:
        try:
            reading = read_regex(text, re.IGNORECASE if given.ignore_case else 0)
        except RegexSyntaxError as error:
            raise UnreadableError(
                f"not a regular expression: {error.reason}\n{error.pointed()}"
            ) from None
        dialect = Dialect(
            regex="{}", flags=reading.regex.flags, exact=None, text=reading.write, match=match
        )
        subject.regexes.append(Applied("--regex", text, reading.regex, dialect))
    return subject


def tolerating(subject: Subject, codes: list[str]) -> Subject:
    """Add the codes of risks to those that a subject already tolerates."""
    subject.tolerated = frozenset(codes)
    if subject.options is not None and codes:
        listed = subject.options.get("dangerously_tolerate", ())
        if isinstance(listed, (list, tuple)):
            subject.options["dangerously_tolerate"] = [*listed, *codes]
    return subject
