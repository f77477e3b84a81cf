"""The blocks of the README and the docs are valid, their Python runs, and their links are right.

Each Python block runs in its own process, in which our warnings are errors. Marked `server` because
they need the frameworks, which are not available on every platform that has wheels.
"""

from __future__ import annotations

import asyncio
import doctest
import json
import re
import shlex
import socket
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import corsfast
from corsfast.__main__ import main

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
API = ROOT / "docs" / "api.rst"
README = ROOT / "README.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# The address of the repository's files. Without one, links to them are relative.
FILES = PROJECT["urls"]["Source"] + "/blob/main/" if "urls" in PROJECT else None
VERSIONS = (ROOT / "docs" / "versions.md").read_text("utf-8")
MIDDLEWARE = sorted((ROOT / "docs" / "middleware").glob("*.md"))
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), *MIDDLEWARE]
DOCUMENTS = [*PAGES, *(page for page in ROOT.glob("*.md") if page != README)]
# Blocks that need files: loading/test_loading.py and export/test_at_scale.py run them.
NEED_FILES = [ROOT / "docs" / name for name in ("loading.md", "at-scale.md")]
FENCE = re.compile(r"^( *)```([a-z]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# Blocks that no test here reads: drawings, exchanges, and the configuration of other software.
NOT_RUN = ("", "apache", "caddyfile", "javascript", "lighttpd", "nginx", "text", "vcl")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]*)\)|^\[[^]]+\]: (\S+)|<(https?:[^>]*)>", re.MULTILINE)


def by_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str = "python") -> list[str]:
    """Return the blocks of a page in a language. A block in a list item is indented with it."""
    found = FENCE.findall(page.read_text("utf-8"))
    return [textwrap.dedent(block) for _, its, block in found if its == language]


BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    if page not in NEED_FILES
    for number, block in enumerate(blocks(page), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs_unchanged(block: str, tmp_path: Path) -> None:
    program = tmp_path / "pasted.py"
    program.write_text(block, "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_every_middleware_page_has_blocks() -> None:
    assert MIDDLEWARE
    assert [page.stem for page in MIDDLEWARE if not blocks(page)] == []


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_interactive_sessions_print_the_shown_output(page: Path) -> None:
    text = "\n".join(blocks(page, "pycon"))
    session = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(verbose=False).run(session).failed == 0


def shown(page: Path) -> list[str]:
    """Return what the `curl` commands of a page print."""
    text = page.read_text("utf-8").replace("\\\n", "")
    return re.findall(r"^```console\n\$ curl [^\n]*\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def answered(app: Any, method: str, headers: dict[str, str]) -> list[str]:
    """Return the head that an ASGI application sends, as `curl -i` prints it."""
    import httpx

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, "/items", headers=headers)

    got = asyncio.run(ask())
    lines = [f"{name}: {value}" for name, value in got.headers.multi_items()]
    return [f"HTTP/1.1 {got.status_code} {got.reason_phrase}", *lines]


ORIGIN = {"Origin": "https://app.example.com"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "PUT"}


def test_headers_in_the_readme_are_sent() -> None:
    asgi, wsgi = shown(README)
    names: dict[str, Any] = {"__name__": __name__}
    exec(blocks(README)[0], names)
    assert asgi.split("\n") == answered(names["app"], "GET", ORIGIN)
    exec(blocks(README)[1], names)
    answer = names["app"].test_client().options("/items", headers=PREFLIGHT)
    lines = [f"{name}: {value}" for name, value in answer.headers]
    assert wsgi.split("\n") == [f"HTTP/1.1 {answer.status}", *lines]


def test_headers_in_the_quickstart_are_sent() -> None:
    (printed,) = shown(ROOT / "docs" / "quickstart.md")
    names: dict[str, Any] = {}
    exec(blocks(ROOT / "docs" / "quickstart.md")[0], names)
    assert printed.split("\n") == answered(names["app"], "OPTIONS", PREFLIGHT)


@pytest.mark.parametrize("page", DOCUMENTS, ids=by_name)
def test_a_block_is_valid_in_its_language(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yaml

    def no_network(*arguments: Any, **options: Any) -> Any:
        raise OSError("tests use no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    for _, language, block in FENCE.findall(page.read_text("utf-8")):
        block = textwrap.dedent(block)
        if language == "toml":
            tomllib.loads(block)
        elif language == "yaml":
            yaml.safe_load(block)
        elif language == "json":
            json.loads(block)
        elif language == "sh":
            subprocess.run(["bash", "-n"], input=block, text=True, check=True)
        elif language == "console":
            commands = re.findall(r"^\$ (.*)$", block.replace("\\\n", ""), re.MULTILINE)
            assert commands, block
            for command in commands:
                program, *words = shlex.split(command, comments=True)
                if program == "corsfast":
                    main(words)  # the files are missing, but an unknown option would exit
        else:
            assert language in (*NOT_RUN, "python", "pycon"), language


def test_the_explain_page_shows_the_real_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cors.toml").write_text('allow_origins = ["http://localhost:3000"]')
    command, _, shown = blocks(ROOT / "docs" / "explain.md", "console")[0].partition("\n")
    assert main(shlex.split(command)[2:]) == 1
    got = capsys.readouterr().out
    assert doctest.OutputChecker().check_output(shown, got, doctest.ELLIPSIS), got


def without_code(page: Path) -> str:
    return re.sub(r"`[^`\n]+`", "``", FENCE.sub("", page.read_text("utf-8")))


def links(page: Path) -> Iterator[str]:
    for groups in LINK.findall(without_code(page)):
        yield next(filter(None, groups), "")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and the site make of the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    titles = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in titles]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", DOCUMENTS, ids=by_name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links(page):
        if FILES and page == README:
            assert link.startswith("https:"), f"PyPI shows the README alone: {link}"
            link = link.removeprefix(FILES)
        if link.startswith("http"):
            url = urlsplit(link)
            assert url.scheme == "https", link
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", url.netloc), link
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_versions_page_lists_all_public_names() -> None:
    package = Path(corsfast.__file__).parent
    public = {"corsfast", *(f"corsfast.{it}" for it in ("export", "presets"))}
    public |= {"corsfast.testing", "corsfast.testing.plugin"}
    for path in (package / "middleware").iterdir():
        if re.fullmatch(r"[a-z]\w*(\.py)?", path.name) and path.stem != "paths":  # `paths={...}`
            public.add(f"corsfast.middleware.{path.stem}")
    listed = re.findall(r"^- `(corsfast[\w.]*)`: ((?:.+\n)+?)(?=- |\n)", VERSIONS, re.MULTILINE)
    names = {module: re.findall(r"`(\w+)`", text) for module, text in listed}
    # automodule shows the names in `__all__`.
    assert names == {module: list(import_module(module).__all__) for module in sorted(public)}
    shown = re.findall(r"^\.\. automodule:: (.*)$", API.read_text("utf-8"), re.MULTILINE)
    assert sorted(shown) == sorted(public)


def test_the_versions_page_agrees_with_the_metadata() -> None:
    pythons = [it for it in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", it)]
    newest = pythons[-1].rpartition(" ")[2]
    assert f"| `python{PROJECT['requires-python']}`, up to {newest} |" in VERSIONS
    frameworks = set(re.findall(r"^\| (\w+) \| `\w+>=", VERSIONS, re.MULTILINE))
    assert {name.lower() for name in frameworks} == {
        "fastapi",
        *(page.stem for page in MIDDLEWARE),
    } - {"generic"}


def test_all_files_have_the_version() -> None:
    version = corsfast.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    component = json.loads((ROOT / "sbom.cdx.json").read_text("utf-8"))["metadata"]["component"]
    assert component["version"] == version
    assert component["purl"] == f"pkg:pypi/corsfast@{version}"
    assert f"\n## {version} (" in (ROOT / "CHANGELOG.md").read_text("utf-8")
