"""Take the picture of the console in docs/cors.md: `PYTHONPATH=tests python tests/site/devtools.py`

A tab shows the developer tools of another tab, whose page asks the server of docs/cors.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from browser.chromium import executable
from playwright.sync_api import sync_playwright
from support.servers import Server

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = DOCS / "_static" / "console.png"
DEBUGGER = 9333
ASKED = """
    const ask = (url, init) => fetch(url, init).catch(() => {});
    (async () => {
        await ask("https://api.example.com/items");
        await ask("https://api.example.com/items/1", {method: "PUT"});
        await ask("https://api.example.com/public", {credentials: "include"});
    })()
"""


def main(folder: Path) -> None:
    block = re.search(r"```python\n(.*?)```", (DOCS / "cors.md").read_text("utf-8"), re.DOTALL)
    assert block is not None
    (folder / "shop.py").write_text(block[1], "utf-8")
    key, certificate = folder / "key", folder / "certificate"
    openssl = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2"
    subprocess.run(
        [*openssl.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    command = f"-m uvicorn shop:app --app-dir {folder} --ssl-keyfile {key}"
    command += f" --ssl-certfile {certificate} --port {{port}}"
    server = Server(command, "auto", folder / "log")
    try:
        while "running" not in (folder / "log").read_text():  # TLS, so Server cannot ask it
            time.sleep(0.1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=executable(),
                chromium_sandbox=False,
                args=[
                    f"--host-resolver-rules=MAP *.example* 127.0.0.1:{server.port}",
                    "--ignore-certificate-errors",
                    f"--remote-debugging-port={DEBUGGER}",
                    "--remote-allow-origins=*",
                ],
            )
            page = browser.new_page()
            page.goto("https://evil.example/public")
            with urllib.request.urlopen(f"http://127.0.0.1:{DEBUGGER}/json/list") as answer:
                (target,) = (it for it in json.load(answer) if "evil" in it["url"])
            tools = browser.new_page(viewport={"width": 1000, "height": 262})
            tools.set_default_timeout(240_000)
            address = target["webSocketDebuggerUrl"].removeprefix("ws://")
            tools.goto(
                f"http://127.0.0.1:{DEBUGGER}/devtools/devtools_app.html?ws={address}&panel=console"
            )
            tools.get_by_text("top", exact=True).first.wait_for()  # it has found the page
            tools.get_by_text("favicon.ico").first.wait_for()  # the server has none
            tools.get_by_label("Clear console").first.click()
            tools.get_by_text("favicon.ico").first.wait_for(state="detached")
            page.evaluate(ASKED)
            tools.get_by_text("credentials mode is 'include'").first.wait_for()
            tools.get_by_text("3 issues").first.wait_for()
            tools.screenshot(path=PICTURE)
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
