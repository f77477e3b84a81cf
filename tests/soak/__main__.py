"""Load real servers with mixed traffic, and check every answer: python tests/soak [SECONDS].

uvicorn and gunicorn run with two workers each. Meanwhile the policy is replaced each second, a
worker is killed each minute, and slow clients send one byte at a time. The command fails after a
wrong answer, or if the memory of the workers grows.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
COMMANDS = {
    "uvicorn": "-m uvicorn app:asgi --workers 2 --lifespan off --log-level error --port {port}",
    "gunicorn": "-m gunicorn app:wsgi --workers 2 --worker-class gthread --threads 8"
    " --log-level critical --bind 127.0.0.1:{port}",
}
# A worker that has just started has less memory than one that has made many policies.
WARM_UP = 60.0  # seconds
MAX_GROWTH = 1.10
APP = "https://app.example.com"
SLOW = (
    "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    f"Origin: {APP}\r\nAccess-Control-Request-Method: PUT\r\n\r\n"
)


class Soak:
    """One server under load."""

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self._end = time.monotonic() + seconds
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        command = [sys.executable, *COMMANDS[name].format(port=self._port).split()]
        self._server = subprocess.Popen(
            command, cwd=HERE, start_new_session=True, stderr=subprocess.DEVNULL
        )
        self._memory: list[tuple[float, int]] = []
        self._killed = self._slow = 0
        self._faults: list[str] = []
        self._wait()
        script = ["-t4", "-c4", "--timeout", "10s", "-s", str(HERE / "traffic.lua")]
        self._wrk = subprocess.Popen(
            ["wrk", f"-d{seconds:.0f}s", *script, f"http://127.0.0.1:{self._port}/"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._threads = [threading.Thread(target=self._watch)]
        self._threads += [threading.Thread(target=self._dawdle) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def finish(self) -> list[str]:
        """Wait for the end; print the figures; return the faults."""
        output, _ = self._wrk.communicate()
        for thread in self._threads:
            thread.join()
        os.killpg(self._server.pid, signal.SIGTERM)
        self._server.wait(30)
        found = [line.split(" ", 4) for line in output.splitlines() if line.startswith("soak ")]
        if not found:
            return [f"{self.name}: no figures of wrk: {output}"]
        _, checked, wrong, errors, example = found[0]
        print(
            f"{self.name}: {checked} answers checked, {wrong} wrong, {errors} connections lost,"
            f" {self._slow} slow requests, {self._killed} workers killed,"
            f" {self._growth():.3f} times the memory"
        )
        if int(wrong):
            self._faults.append(f"a wrong answer: {example}")
        if not int(checked) or not self._slow:
            self._faults.append("no answers")
        if self._growth() > MAX_GROWTH:
            self._faults.append("the memory grows")
        return [f"{self.name}: {fault}" for fault in self._faults]

    def _wait(self) -> None:
        for _ in range(200):
            with contextlib.suppress(OSError), self._connect():
                return
            time.sleep(0.1)
        raise SystemExit(f"{self.name} does not start")

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=30)

    def _workers(self) -> list[int]:
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text()
        processes = [int(number) for number in children.split()]
        # multiprocessing's resource tracker is a child, too.
        return [number for number in processes if "resource_tracker" not in _command(number)]

    def _watch(self) -> None:
        """Measure the workers' memory each five seconds, and kill one each minute."""
        begin = time.monotonic()
        while time.monotonic() < self._end:
            time.sleep(min(5.0, max(self._end - time.monotonic(), 0.0)))
            for worker in self._workers():
                with contextlib.suppress(OSError):
                    self._memory.append((time.monotonic() - begin, _memory(worker)))
            if time.monotonic() - begin > 60 * (self._killed + 1):
                with contextlib.suppress(OSError):
                    os.kill(random.choice(self._workers()), signal.SIGKILL)
                    self._killed += 1

    def _dawdle(self) -> None:
        """Send preflights one byte at a time, and check the answers."""
        while time.monotonic() < self._end:
            try:
                with self._connect() as connection:
                    for byte in SLOW:
                        connection.send(byte.encode())
                        time.sleep(0.02)
                    received = b"".join(iter(lambda: connection.recv(4096), b""))
            except OSError:
                continue  # the worker was killed
            text = received.decode("latin-1").lower()
            if text and f"access-control-allow-origin: {APP}\r\n" not in text:
                self._faults.append(f"a wrong answer to a slow client: {received!r}")
            self._slow += 1

    def _growth(self) -> float:
        """Return the memory of the last third of the time by that of the first third."""
        warm = [entry for entry in self._memory if entry[0] >= WARM_UP] or self._memory
        first, last = warm[0][0], warm[-1][0]
        third = (last - first) / 3
        early = [size for at, size in warm if at <= first + third]
        late = [size for at, size in warm if at >= last - third]
        return statistics.median(late) / statistics.median(early)


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def _memory(process: int) -> int:
    """Return the memory of a process alone, in kilobytes."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise OSError("no figure")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    running = [Soak(name, seconds) for name in COMMANDS]
    faults = [fault for soak in running for fault in soak.finish()]
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
