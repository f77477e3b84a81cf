"""The real proxies, each started on loopback with an exported file, and the upstream behind them.

The configuration around the file is what its head comment says: `usage` returns these lines.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from support.servers import end, free_port

from corsfast.testing import RawResponse, Request

BODY = b"hello"
FIELDS = [("X-Id", "1"), ("X-Other", "2"), ("ETag", '"1"'), ("Content-Type", "text/plain")]
# The application has a CORS configuration of its own, which the proxy has to replace.
OWN = [
    ("Access-Control-Allow-Origin", "https://own.example"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "*"),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Expose-Headers", "X-Other"),
    ("Access-Control-Max-Age", "1"),
    ("Vary", "Accept-Encoding"),
]


def status_of(path: str) -> int:
    """Return the status of the application: that in the path, or 200."""
    last = path.rpartition("/")[2]
    return int(last) if last.isdigit() else 200


class Handler(BaseHTTPRequestHandler):
    """A server of one function, which answers any method."""

    protocol_version = "HTTP/1.1"

    def answer(self, body: bytes) -> RawResponse:
        """Return the response to this request, which has this body."""
        return RawResponse(status_of(self.path), (*FIELDS, *OWN), BODY)

    def _respond(self) -> None:
        length = int(self.headers["Content-Length"] or 0)
        status, fields, body = self.answer(self.rfile.read(length))
        self.send_response(status)
        if status != 204:
            fields = (*fields, ("Content-Length", str(len(body))))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._respond
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Print nothing about a proxy that closes its connection."""


@contextlib.contextmanager
def upstream(handler: type[Handler] = Handler) -> Iterator[int]:
    """Run the application in a thread; yield its port."""
    with _Server(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def usage(text: str, comment: str = "#") -> str:
    """Return the lines that the head of a file says to write around it."""
    mark = f"{comment}     "
    return "\n".join(line[len(mark) :] for line in text.split("\n") if line.startswith(mark))


def program(name: str) -> str:
    """Return the path of a program, which may be in this environment or for administrators."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    assert found, f"{name} is not installed; scripts/test-export installs it"
    return found


# -- one function per proxy: write the files, return the command ---------------------------------


def nginx(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "cors.conf").write_text(text)
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = f"""
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;
        events {{ }}
        http {{
            access_log off; {temporary}
            include {folder}/cors.conf;
            upstream app {{ server 127.0.0.1:{behind}; keepalive 8; }}
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            server {{
                listen 127.0.0.1:{port};
                {usage(text)}
                location / {{ proxy_pass http://app; }}
            }}
        }}"""
    (folder / "nginx.conf").write_text(conf)
    return [program("nginx"), "-e", f"{folder}/log", "-c", f"{folder}/nginx.conf"]


def haproxy(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "cors.cfg").write_text(text)
    conf = f"""
{usage(text).replace("NAME", "api")}
    bind 127.0.0.1:{port}
    timeout client 10s
    default_backend app
backend app
    mode http
    timeout connect 5s
    timeout server 10s
    server app 127.0.0.1:{behind}
"""
    (folder / "haproxy.cfg").write_text(conf)
    return [program("haproxy"), "-db", "-f", "cors.cfg", "-f", "haproxy.cfg"]


def envoy(folder: Path, text: str, port: int, behind: int) -> list[str]:
    exported = json.loads("".join(x for x in text.splitlines(True) if not x.startswith("#")))
    api = "type.googleapis.com/envoy.extensions.filters"
    router = {"name": "router", "typed_config": {"@type": f"{api}.http.router.v3.Router"}}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "app"}}
    host = {"name": "api", "domains": ["*"], "routes": [route]}
    manager = {
        "@type": f"{api}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "api",
        **exported,
        "http_filters": [*exported["http_filters"], router],
        "route_config": {"virtual_hosts": [host], **exported["route_config"]},
    }

    def address(number: int) -> dict[str, Any]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    filters = [{"name": "manager", "typed_config": manager}]
    listener = {"address": address(port), "filter_chains": [{"filters": filters}]}
    ends = [{"lb_endpoints": [{"endpoint": {"address": address(behind)}}]}]
    cluster = {"name": "app", "load_assignment": {"cluster_name": "app", "endpoints": ends}}
    resources = {"listeners": [listener], "clusters": [cluster]}
    (folder / "envoy.json").write_text(json.dumps({"static_resources": resources}))
    options = "--use-dynamic-base-id --concurrency 1 --log-level error -c envoy.json"
    return [program("envoy"), *options.split()]


def caddy(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "cors.caddy").write_text(text)
    site = usage(text).replace("FILE", "cors.caddy").replace("SITE", f"http://127.0.0.1:{port}")
    site = site.replace("...", f"reverse_proxy 127.0.0.1:{behind}").replace("127.0.0.1:", ":", 1)
    conf = f"{{\n admin off\n persist_config off\n auto_https off\n}}\n{site}"
    (folder / "Caddyfile").write_text(conf)
    return [program("caddy"), "run", "--config", "Caddyfile"]


def apache(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "cors.conf").write_text(text)
    modules = ["mpm_event", "authz_core", "setenvif", "headers", "rewrite", "proxy", "proxy_http"]
    where = "/usr/lib/apache2/modules"
    loaded = "\n".join(f"LoadModule {name}_module {where}/mod_{name}.so" for name in modules)
    conf = f"""
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile pid
ErrorLog log
DefaultRuntimeDir {folder}
{loaded}
ThreadsPerChild 8
MaxRequestWorkers 8
ServerLimit 1
StartServers 1
<VirtualHost *:{port}>
{usage(text).replace("FILE", f"{folder}/cors.conf")}
ProxyPass / http://127.0.0.1:{behind}/
ProxyTimeout 10
MaxRanges none
</VirtualHost>
"""
    (folder / "httpd.conf").write_text(conf)
    return [program("apache2"), "-f", f"{folder}/httpd.conf", "-DFOREGROUND"]


def varnish(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "cors.vcl").write_text(text)
    backend = f'backend app {{ .host = "127.0.0.1"; .port = "{behind}"; }}'
    included = usage(text, "//").replace("FILE", f"{folder}/cors.vcl")
    (folder / "main.vcl").write_text(f"vcl 4.1;\n{included}\n{backend}\n")
    options = (
        f"-j none -F -a 127.0.0.1:{port} -f {folder}/main.vcl -n {folder}/work -s malloc,8m "
        "-p http_range_support=off"
    )
    return [program("varnishd"), *options.split()]


def lighttpd(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "cors.conf").write_text(text)
    conf = f"""
server.modules = ("mod_setenv", "mod_redirect", "mod_access", "mod_proxy")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/log"
server.range-requests = "disable"
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {behind})))
{usage(text).replace("FILE", f"{folder}/cors.conf")}
"""
    (folder / "lighttpd.conf").write_text(conf)
    return [program("lighttpd"), "-D", "-f", f"{folder}/lighttpd.conf"]


def cloudflare_worker(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "worker.js").write_text(text)
    conf = f"""
        using Workerd = import "/workerd/workerd.capnp";
        const config :Workerd.Config = (
          services = [
            (name = "main", worker = (
              modules = [(name = "worker.js", esModule = embed "worker.js")],
              compatibilityDate = "2026-01-01", globalOutbound = "upstream")),
            (name = "upstream", external = (address = "127.0.0.1:{behind}", http = ()))],
          sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")]);
        """
    (folder / "config.capnp").write_text(conf)
    return [program("workerd"), "serve", "config.capnp"]


def traefik(folder: Path, text: str, port: int, behind: int) -> list[str]:
    (folder / "files").mkdir()
    (folder / "files" / "cors.yaml").write_text(text)
    server = {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{behind}"}]}}
    router = {"rule": "PathPrefix(`/`)", "service": "app", "middlewares": ["corsfast@file"]}
    routing = {"http": {"routers": {"api": router}, "services": {"app": server}}}
    (folder / "files" / "routing.yaml").write_text(json.dumps(routing))
    options = (
        "--global.checknewversion=false --global.sendanonymoususage=false "
        f"--entrypoints.web.address=127.0.0.1:{port} --providers.file.directory={folder}/files"
    )
    return [program("traefik"), *options.split()]


PROXIES: dict[str, Callable[[Path, str, int, int], list[str]]] = {
    "nginx": nginx,
    "haproxy": haproxy,
    "envoy": envoy,
    "caddy": caddy,
    "apache": apache,
    "varnish": varnish,
    "lighttpd": lighttpd,
    "cloudflare-worker": cloudflare_worker,
    "traefik": traefik,
}


# -- running one ---------------------------------------------------------------------------------


@contextlib.contextmanager
def running(target: str, text: str, folder: Path, behind: int) -> Iterator[int]:
    """Run a proxy with an exported file in front of a port; yield its own port."""
    folder.mkdir()
    port = free_port()
    command = PROXIES[target](folder, text, port, behind)
    log = folder / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        for _ in range(6000):  # a compiler needs its time on a busy machine
            assert process.poll() is None, f"{command} ended:\n{log.read_text('utf-8', 'replace')}"
            # Traefik answers 404 until it has read its files.
            with contextlib.suppress(OSError):
                if send_to(port)(Request("GET", "http://api.example/", ())).status != 404:
                    break
            time.sleep(0.02)
        else:
            raise AssertionError(f"{command} does not answer:\n{log.read_text('utf-8', 'replace')}")
        yield port
    finally:
        end(process)


def send_to(port: int) -> Callable[[Request], RawResponse]:
    """Return a function that sends a request to a port of this machine, as it is."""

    def send(request: Request) -> RawResponse:
        lines = [f"{request.method} {urlsplit(request.url).path} HTTP/1.1", "Host: api.example"]
        lines += [f"{name}: {value}" for name, value in request.headers]
        if request.body or request.method in ("PATCH", "POST", "PUT"):  # as browsers do
            lines.append(f"Content-Length: {len(request.body)}")
        head = "\r\n".join([*lines, "Connection: close", "", ""])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            try:
                connection.sendall(head.encode("latin-1") + request.body)
                response = http.client.HTTPResponse(connection, method=request.method)
                response.begin()
                return RawResponse(response.status, tuple(response.getheaders()), response.read())
            except (ConnectionError, http.client.HTTPException):
                return RawResponse(400)  # the proxy did not read all of the request

    return send
