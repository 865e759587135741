"""Calls of AWS control planes, whose errors become sentences."""

from __future__ import annotations

from typing import Any

from sluice.errors import SluiceError, StorageDenied, StorageThrottled, UsageError
from sluice.runtime.aws import ours

_MISSING = {"EntityNotFoundException", "ResourceNotFoundException", "NoSuchEntity"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException"}
_THROTTLED = {
    "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown",
    "OperationTimeoutException", "ServiceUnavailableException", "InternalServiceException", "InternalServerException",
}  # fmt: skip
_AT_ONCE = {"ConcurrentModificationException", "ConflictException", "IdempotentParameterMismatchException"}
_TAKEN = {"AlreadyExistsException", "IdempotentParameterMismatch"}
_WRONG = {"InvalidInputException", "ValidationException", "InvalidRequestException", "ValidationError"}


def code(error: Exception) -> str:
    """The error code of an AWS answer; empty for other errors."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def call(client: Any, operation: str, what: str, /, **request: Any) -> dict[str, Any]:
    """The answer to `operation`; raises an error of our tree that says what was to be done to `what`."""
    try:
        answer: dict[str, Any] = getattr(client, operation)(**request)
    except Exception as error:
        raise told(error, what) from error
    return answer


def call_or_none(client: Any, operation: str, what: str, /, **request: Any) -> dict[str, Any] | None:
    """The same, None where there is no such thing."""
    try:
        answer: dict[str, Any] = getattr(client, operation)(**request)
    except Exception as error:
        if code(error) in _MISSING:
            return None
        raise told(error, what) from error
    return answer


def is_throttled(error: Exception) -> bool:
    """Whether a later attempt of the same call may pass."""
    return code(error) in _THROTTLED or isinstance(error, StorageThrottled)


def told(error: Exception, what: str) -> Exception:
    """The error of our tree that an AWS answer stands for; other errors as they are."""
    name = code(error)
    operation = getattr(error, "operation_name", "?")
    if name in _DENIED:
        return StorageDenied(f"{what}: access denied ({operation}: {name}); the role lacks it, see scripts/policies")
    if name in _THROTTLED:
        return StorageThrottled(f"{what}: still not served after all retries ({operation}: {name}); run again later")
    if name in _AT_ONCE:
        return SluiceError(f"{what}: somebody else changes it at this moment ({operation}: {name}); run again")
    if name in _TAKEN:
        return SluiceError(f"{what}: was made by somebody else meanwhile ({operation}: {name}); run again")
    if name in _MISSING:
        return UsageError(f"{what}: expected it, found none ({operation}: {name}); check name, account and region")
    if name in _WRONG:
        message = str(getattr(error, "response", {}).get("Error", {}).get("Message", ""))[:300]
        return UsageError(f"{what}: was refused ({operation}: {name}): {message}")
    if name and operation[:3] not in ("Put", "Get", "Hea", "Lis", "Del"):
        return SluiceError(f"{what}: {operation} failed ({name}); run again")
    return ours(error, what)
