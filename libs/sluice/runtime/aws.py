"""The only place that knows boto3: clients, credentials, and what AWS error codes mean to us."""

from __future__ import annotations

import functools
import os
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from sluice.errors import (
    LocationError,
    SluiceError,
    SourceChanged,
    SourceMissing,
    StorageDenied,
    StorageError,
    StorageThrottled,
)

_MISSING = {"404", "NoSuchKey", "NotFound"}
# boto3 follows a bucket to its region by itself; these are what is left where the store does not say which it is.
_ELSEWHERE = {"301", "307", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_CHANGED = {"412", "PreconditionFailed", "ConditionalRequestConflict"}
_DENIED = {
    "401", "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "InvalidAccessKeyId",
    "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "KMS.AccessDeniedException",
}  # fmt: skip
_THROTTLED = {"429", "503", "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"}


# Threads of one process that ask S3 at once: listing in parts, sampling. Latency is what they hide, not transfer.
AT_ONCE = 8


def attempts() -> int:
    """How often a request is tried at most, by boto3 and by delta-rs."""
    return max(1, int(os.environ.get("SLUICE_AWS_ATTEMPTS", "8")))


@functools.cache
def client(service: str) -> Any:
    """A boto3 client of this process for `service`; retries adapt, the environment gives endpoint and region.

    Adaptive retries slow this process down when S3 says SlowDown, as all its requests go to one bucket; the three
    attempts of the default would end runs for a hiccup. The pool has a connection for each thread and for the lease's.
    """
    import boto3
    from botocore.config import Config

    retries = {"mode": "adaptive", "total_max_attempts": attempts()}
    pool = {"max_pool_connections": 2 * AT_ONCE, "tcp_keepalive": True}
    made = boto3.client(service, config=Config(retries=retries, connect_timeout=10, read_timeout=60, **pool))
    if service == "s3":
        made.meta.events.register("before-parse.s3.ListObjectsV2", _read_objects)
    return made


def _read_objects(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Read a listing's objects in botocore's place, which takes 90 ms of CPU for a page of 1,000; this takes 8 ms.

    What is found is what botocore would have found, of each object its key, size, ETag and time; the rest of the
    answer is left for it to read. An answer that is not as expected is left as it is.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        root = ElementTree.fromstring(response_dict["body"])
        space = root.tag.rpartition("}")[0] + "}" if root.tag.startswith("{") else ""
        tags = [space + name for name in ("Key", "Size", "ETag", "LastModified")]
        objects = root.findall(space + "Contents")
        found = []
        for item in objects:
            texts = {child.tag: child.text for child in item}
            key, size, etag, modified = (texts[tag] for tag in tags)
            at = datetime.fromisoformat(modified or "")
            found.append({"Key": key or "", "Size": int(size or ""), "ETag": etag, "LastModified": at})
    except (ElementTree.ParseError, KeyError, ValueError):
        return
    for item in objects:
        root.remove(item)
    if found:
        response_dict["body"] = ElementTree.tostring(root)
        customized_response_dict["Contents"] = found


def translated(error: Exception, uri: str) -> SluiceError:
    """The error of our tree that a botocore error on `uri` stands for."""
    from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError

    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return StorageDenied(f"{uri}: no AWS credentials were found; give this process a role, a profile or keys")
    if not isinstance(error, ClientError):
        return StorageError(f"{uri}: storage did not answer ({type(error).__name__}); run again")
    code = str(error.response.get("Error", {}).get("Code", ""))
    operation = error.operation_name
    if code == "NoSuchBucket":
        return LocationError(f"{uri}: expected a bucket of this name, found none ({operation}: {code})")
    if code in _ELSEWHERE:
        return LocationError(
            f"{uri}: expected a bucket of this process's region, found one elsewhere ({operation}: {code}); "
            "set AWS_REGION to the bucket's region"
        )
    if code in _MISSING:
        return SourceMissing(f"{uri}: expected an object, found none ({operation}: {code})")
    if code in _CHANGED:
        return SourceChanged(f"{uri}: is not the object that was listed any more ({operation}: {code})")
    if code in _DENIED:
        return StorageDenied(
            f"{uri}: access denied ({operation}: {code}); grant this role the permission and run again"
        )
    if code in _THROTTLED:
        return StorageThrottled(f"{uri}: still throttled after all retries ({operation}: {code}); run again later")
    return StorageError(f"{uri}: {operation} failed ({code}); run again")


def ours(error: Exception, uri: str) -> Exception:
    """`error` itself, or the error of our tree that it stands for where botocore raised it."""
    from botocore.exceptions import BotoCoreError, ClientError

    return translated(error, uri) if isinstance(error, BotoCoreError | ClientError) else error


def broken_connection() -> tuple[type[Exception], ...]:
    """What reading a body raises when the connection breaks."""
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    return BotoCoreError, HTTPError, OSError


@functools.cache
def bucket_region(bucket: str) -> str:
    """The region that S3 says `bucket` is in; "" where it does not tell, as stores that are not AWS's do not."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        answer = error.response
    except BotoCoreError:
        return ""
    return str(answer["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region", ""))


def delta_options(uri: str) -> dict[str, str]:
    """Storage options by which delta-rs reaches `uri` as this process's boto3 does.

    Credentials are fetched anew: a long run outlives its first ones. Its clients do not follow a bucket to its region
    (boto3's do), so that is told; as often as boto3 it tries again, where its own default would be ten times.
    """
    import boto3

    session = boto3.Session()
    options = {"aws_conditional_put": "etag", "max_retries": str(attempts() - 1)}
    region = bucket_region(uri.split("://", 1)[1].split("/", 1)[0]) or session.region_name
    if region:
        options["aws_region"] = region
    credentials = session.get_credentials()
    if credentials is not None:
        frozen = credentials.get_frozen_credentials()
        options["aws_access_key_id"] = frozen.access_key
        options["aws_secret_access_key"] = frozen.secret_key
        if frozen.token:
            options["aws_session_token"] = frozen.token
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options["aws_endpoint"] = endpoint
        if endpoint.startswith("http://"):
            options["aws_allow_http"] = "true"
    return options
