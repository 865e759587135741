"""The Glue of control_planes behind a port, for processes of their own; it keeps what a killed one has done."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from control_planes import AwsError, Glue


@contextmanager
def glue_server(glue: Glue) -> Iterator[str]:
    """Serves `glue`; the endpoint."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            try:
                with lock:
                    told, status = getattr(glue, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())(**body) or {}, 200
            except AwsError as error:
                told, status = {"__type": error.code, "message": error.message}, error.status
            self._answer(status, json.dumps(told, default=_seconds).encode())

        def _answer(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _seconds(value: Any) -> float:
    assert isinstance(value, datetime)
    return value.timestamp()
