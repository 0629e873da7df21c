"""Requests lost while two servers behind nginx restart in turn: there should be none.

    python benchmarks/rolling_restarts.py --restarts 200 --clients 50

Needs nginx on the path, and uses the timeouts and retries of examples/deploy/nginx.conf without TLS.  Each client sends one
request after the other; a restart is SIGTERM, the end of the process, a new process, and its readiness.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

TEXT = "“We never hid the leak,” said Ann Ode."
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream quoth {{
    server 127.0.0.1:{one} max_fails=0; server 127.0.0.1:{two} max_fails=0;
    keepalive 64; keepalive_timeout 10s;
  }}
  server {{
    listen 127.0.0.1:{front};
    location / {{
      proxy_pass http://quoth; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_read_timeout 310s;
      proxy_next_upstream error timeout http_502 http_503 non_idempotent;
    }}
  }}
}}
"""


class Instance:
    """One server, which can be started again at its port."""

    def __init__(self, port: int, model: str) -> None:
        self.port = port
        self._command = [sys.executable, "-m", "quoth.cli", "serve", "--port", str(port), "--model", model]
        self._command += ["--threads", "1", "--drain-seconds", "0.2"]

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        while not self._is_ready():
            assert self._process.poll() is None, "a server ended by itself"
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process as a service manager does."""
        self._process.terminate()
        assert self._process.wait(310) == 0

    def _is_ready(self) -> bool:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.suppress(OSError), contextlib.closing(client):
            client.request("GET", "/health/ready")
            return client.getresponse().status == 200
        return False


class Load:
    """Clients that ask without end, and what became of their requests."""

    def __init__(self, port: int, clients: int) -> None:
        self.counts: Counter[str] = Counter()
        self._port, self._ended = port, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=320)
        while not self._ended.is_set():
            try:
                client.request("POST", "/v1/label", json.dumps({"text": TEXT}).encode())
                response = client.getresponse()
                content = response.read()
                whole = response.status == 200 and len(json.loads(content)["statements"]) == 1
                self.counts["answered" if whole else f"status {response.status}"] += 1
            except (OSError, ValueError, http.client.HTTPException) as error:
                self.counts[type(error).__name__] += 1
                client.close()

    def stop(self) -> None:
        """End the clients when they have their answers."""
        self._ended.set()
        for thread in self._threads:
            thread.join()


def free_ports(n: int) -> list[int]:
    """Return ports that nobody listens at."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in found]


def main() -> None:
    """Restart the servers in turn under load, and print what became of the requests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--restarts", type=int, default=200)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--model", default="fast")
    asked = parser.parse_args()
    front, *ports = free_ports(3)
    instances = [Instance(port, asked.model) for port in ports]
    for instance in instances:
        instance.start()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(NGINX.format(folder=folder, front=front, one=ports[0], two=ports[1]))
        proxy = subprocess.Popen(["nginx", "-c", str(config), "-e", f"{folder}/error.log"])
        time.sleep(0.5)
        began, load = time.perf_counter(), Load(front, asked.clients)
        try:
            for k in range(asked.restarts):
                instances[k % 2].stop()
                instances[k % 2].start()
        finally:
            load.stop()
            proxy.terminate()
            proxy.wait()
            for instance in instances:
                instance.stop()
    lost = load.counts.total() - load.counts["answered"]
    print(
        f"{asked.restarts} restarts, {asked.clients} in flight, {time.perf_counter() - began:.0f} s: {dict(load.counts)}, lost {lost}"
    )
    sys.exit(lost > 0)


if __name__ == "__main__":
    main()
