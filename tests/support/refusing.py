"""An S3 that refuses what it is told to and passes all else on to a real one, which checks the signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

# What S3 answers, as its documentation has it: status, code.
DENIED, SLOW_DOWN, NO_BUCKET = (403, "AccessDenied"), (503, "SlowDown"), (404, "NoSuchBucket")
MOVED, OTHER_REGION = (301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")
Answer = tuple[int, str]


@dataclass
class Asked:
    """One request: `what` is list, get, put, head or delete; `region` is the one it was signed for."""

    what: str
    path: str
    region: str


@dataclass
class RefusingStore:
    """`refuse` says of a request what to answer in the real store's place; `asked` are all requests so far.

    With `region` set, the bucket is in that one, and requests signed for another are answered as AWS does.
    """

    endpoint: str
    refuse: Callable[[Asked], Answer | None] = lambda asked: None
    region: str = ""
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def refusing(behind: str) -> Iterator[RefusingStore]:
    """The store, in front of the one at `behind`, for the length of the `with`."""
    real = urlsplit(behind).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = _asked(self)
            store.asked.append(asked)
            if store.region and asked.region != store.region:
                self.error(*(MOVED if len(store.asked) % 2 else OTHER_REGION), store.region)
            elif (refused := store.refuse(asked)) is not None:
                self.error(*refused)
            else:
                self.passed_on(body)

        def error(self, status: int, code: str, region: str = "") -> None:
            text = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            if region:
                self.send_header("x-amz-bucket-region", region)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        def passed_on(self, body: bytes) -> None:
            connection = HTTPConnection(real, timeout=60)
            # The name of the host is signed, so that it goes on as it came.
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            found = connection.getresponse()
            data = found.read()
            self.send_response(found.status)
            for name, value in found.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", found.getheader("Content-Length") or str(len(data)))
            if store.region:
                self.send_header("x-amz-bucket-region", store.region)
            self.end_headers()
            self.wfile.write(data)
            connection.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    store = RefusingStore(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _asked(request: BaseHTTPRequestHandler) -> Asked:
    query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    what = {"GET": "get", "PUT": "put", "HEAD": "head", "DELETE": "delete"}.get(request.command, request.command)
    if request.command == "GET" and ("list-type" in query or "prefix" in query):
        what = "list"
    scope = request.headers.get("Authorization", "").partition("Credential=")[2].split("/")
    return Asked(what, urlsplit(request.path).path, scope[2] if len(scope) > 2 else "")
