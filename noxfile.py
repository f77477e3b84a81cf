"""Short ways to run one part of the checks: ``nox -s lint`` (``nox -l`` lists them).

``.ci/run`` is what decides; these sessions call its sections, and run the tests on
the interpreters that are installed.
"""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "c", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
NATIVE = {"CORSFAST_REQUIRE_NATIVE": "1", "CORSFAST_WERROR": "1"}


@nox.session(python=nox.project.python_versions(PROJECT))
def tests(session: nox.Session) -> None:
    """The suite, on each installed Python."""
    session.install(".[test]", env=NATIVE)
    session.run("pytest", *session.posargs, env=NATIVE)


def section(session: nox.Session) -> None:
    session.run("bash", ".ci/run", session.name, external=True)


for name, what in {
    "lint": "ruff, clang-format and the workflow files",
    "types": "mypy and stubtest",
    "pure": "the pure engine, chosen and as a wheel",
    "c": "the C tests, plain and under ASan and UBSan",
    "asan": "the suite on a sanitized extension",
    "browser": "what the pages of a real Chromium get to read",
    "fuzz": "a short run of every fuzz target",
    "instructions": "instructions per call, against the baseline",
    "wheel": "the distributions, tested outside the tree",
    "readme": "the two commands of the README in empty environments",
}.items():
    section.__doc__ = what
    nox.session(section, name=name, venv_backend="none")
