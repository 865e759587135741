"""A real S3 server on this machine alone, for the length of a `with`."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SERVICES = ("master", "volume", "filer", "s3")
# Who may do what: by these a test is denied what it must be denied.
_RIGHTS = {"writer": ["Admin", "Read", "Write", "List", "Tagging"], "reader": ["Read", "List"]}


@dataclass(frozen=True)
class S3Server:
    """A running server with one bucket; `environment(who)` is what a process needs to be `writer` or `reader` there.

    Below `files` its bucket can be filled past S3, without signatures: many small objects in a tenth of the time.
    """

    endpoint: str
    files: str
    bucket: str = "sluice-tests"

    def environment(self, who: str = "writer") -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": who,
            "AWS_SECRET_ACCESS_KEY": f"{who}-secret",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ALLOW_HTTP": "true",  # delta-rs refuses plain HTTP unless told
        }

    def client(self, who: str = "writer") -> Any:
        import boto3

        keys = {"aws_access_key_id": who, "aws_secret_access_key": f"{who}-secret", "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.endpoint, **keys)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Starts SeaweedFS with its data under `folder`, and ends it whatever happens.

    It listens on the loopback address alone and tells nobody that it runs (its telemetry is on by default).
    """
    ports = _free_ports(2 * len(_SERVICES))
    folder.mkdir(parents=True, exist_ok=True)
    identities = folder / "identities.json"
    identities.write_text(json.dumps({"identities": [_identity(who) for who in _RIGHTS]}), encoding="utf-8")
    command = ["weed", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-master.telemetry=false"]
    command += [
        "-master.volumeSizeLimitMB=64",
        "-volume.max=200",
        "-filer.saveToFilerLimit=64",
        "-s3",
        f"-s3.config={identities}",
    ]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    for service, port, grpc_port in zip(_SERVICES, ports[::2], ports[1::2], strict=True):
        command += [f"-{service}.port={port}", f"-{service}.port.grpc={grpc_port}"]
    server = S3Server(f"http://127.0.0.1:{ports[-2]}", f"http://127.0.0.1:{ports[-4]}/buckets")
    log = folder / "weed.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_stores(server, process, log)
        yield server
    finally:
        process.kill()  # nobody wants the data, and asked politely it takes ten seconds
        process.wait()
        for port in ports:
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


def _identity(who: str) -> dict[str, object]:
    return {"name": who, "credentials": [{"accessKey": who, "secretKey": f"{who}-secret"}], "actions": _RIGHTS[who]}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_until_it_stores(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits for a stored object, not for an open port: volumes register some seconds after the port opens."""
    from botocore.exceptions import BotoCoreError, ClientError

    client, deadline = server.client(), time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(BotoCoreError, ClientError):
            if not client.list_buckets()["Buckets"]:
                client.create_bucket(Bucket=server.bucket)
            client.put_object(Bucket=server.bucket, Key="ready", Body=b"1")
            return
        time.sleep(0.2)
    last = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"expected an S3 server at {server.endpoint}, found none; its log ends:\n{last}")
