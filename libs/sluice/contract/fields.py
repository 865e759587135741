"""What raw fields and curated columns have in common: a name, a type, and nothing that would be overlooked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from open_data_contract_standard.model import SchemaObject, SchemaProperty

from sluice.contract.problems import Problems, did_you_mean
from sluice.contract.types import JSON, KNOWN, KNOWN_IN_RAW, LOGICAL, SparkType, TypeTextError, parse_type

# The stage is partitioned by a column of this name beside the contract's own.
RESERVED = ("fate",)
# Columns that the reader, the shape and the trial of expressions put beside raw fields.
_RESERVED_RAW = re.compile(
    r"_(source|offset|hash|record|record_hash|rescued|reasons|bad|account|is_account|kinds|no_record|file|row|filter|fails"
    r"|metadata|batch_id|(has_|asked_|failed_|far|v|a)\d+)"
)
_COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_UNHEEDED = {
    "unique": "give the key as primaryKey, or write an expectation",
    "quality": "write an expectation",
    "enum": "write an expectation",
}
_TYPE_CHECKS = {
    *("minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required"),
}
_CURATED_ONLY = ("required", "primaryKey", "partitioned", "transformLogic", "transformSourceObjects", "encryptedName")


def named_properties(found: SchemaObject, at: int, problems: Problems) -> Iterator[tuple[str, SchemaProperty]]:
    """(place, property) for each property with a name of its own; the others are problems."""
    seen: dict[str, str] = {}
    if not found.properties:
        problems.add(f"schema[{at}] {found.name}", "has no properties")
    for index, one in enumerate(found.properties or ()):
        place = f"schema[{at}].properties[{index}]"
        if not one.name:
            problems.add(place, "has no name")
            continue
        place += f" {one.name}"
        if one.name.lower() in seen:
            first = seen[one.name.lower()]
            same = (
                "is there twice" if first == one.name else f"differs from `{first}` only in case, which Spark ignores"
            )
            problems.add(place, f"the name {same}")
            continue
        seen[one.name.lower()] = one.name
        yield place, one


def check_name(name: str, place: str, curated: bool, problems: Problems) -> None:
    problem = _column_name_problem(name) if curated else raw_name_problem(name)
    if problem is not None:
        problems.add(place, problem)


def raw_name_problem(name: str) -> str | None:
    """Why a key of a record cannot be a raw field; None where it can.

    `_id` and such are common keys: only names that the pipeline's own columns beside the raw fields have are reserved.
    """
    if _RESERVED_RAW.fullmatch(name.lower()):
        return f"the name `{name}` is reserved for the pipeline"
    # Of those in JSON's own text the decoder takes none that JSON would have to escape.
    if not name.isprintable() or set('`"\\') & set(name) or not 0 < len(name) <= 255:
        return "a raw field's name is 1 to 255 printable characters without ` \" and \\"
    if name.strip() != name:
        return "the name begins or ends with a space"
    return None


def inner_name_problem(name: str) -> str | None:
    """Why a key of an object cannot be a field of a raw struct; None where it can."""
    if any(one < " " for one in name) or set('"\\') & set(name):
        return 'such a name has no control character, no " and no \\; take the field as json'
    return None


def _column_name_problem(name: str) -> str | None:
    if name.startswith("_"):
        return "names that begin with `_` are reserved for the pipeline"
    if name.lower() in RESERVED:
        return f"the name `{name}` is reserved for the pipeline"
    if not _COLUMN_NAME.fullmatch(name):
        return "a column's name is a letter, then at most 127 letters, digits and _"
    return None


def check_type(one: SchemaProperty, place: str, curated: bool, problems: Problems) -> SparkType | None:
    """The type of a property; None, with a problem added, where it is none."""
    known = KNOWN if curated else KNOWN_IN_RAW
    if not one.physicalType:
        problems.add(place, f"has no physicalType, expected one of {', '.join(known)}")
        return None
    try:
        found = parse_type(one.physicalType)
    except TypeTextError as error:
        problems.add(place, f"physicalType {one.physicalType}: {error}; there are {', '.join(known)}")
        return None
    if curated and any(inner.kind == JSON for inner in found.walk()):
        problems.add(place, f"json is for raw fields; in a table the text of a JSON value is string: {found.ddl}")
        return None
    if one.logicalType and one.logicalType not in LOGICAL:
        hint = did_you_mean(one.logicalType, LOGICAL)
        problems.add(place, f"logicalType {one.logicalType} is none of {', '.join(LOGICAL)}{hint}")
    elif one.logicalType and found.kind not in LOGICAL[one.logicalType]:
        fit = " or ".join(kind for kind in LOGICAL[one.logicalType] if not (curated and kind == JSON))
        problems.add(place, f"logicalType {one.logicalType} needs physicalType {fit}, found {found.text}")
    return found


def check_unheeded(one: SchemaProperty, place: str, curated: bool, problems: Problems) -> None:
    """A promise that nobody would keep must not stand in a contract."""
    for name, instead in _UNHEEDED.items():
        if getattr(one, name):
            problems.add(place, f"{name} is not checked by the contract: {instead}")
    for name in sorted(_TYPE_CHECKS & set(one.logicalTypeOptions or {})):
        problems.add(place, f"logicalTypeOptions.{name} is not checked by the contract: write an expectation")
    if one.properties or one.items or one.map:
        problems.add(
            place, "nested fields are given in physicalType (struct<a:bigint>), not in properties, items or map"
        )
    if one.physicalName not in (None, one.name):
        problems.add(place, f"physicalName {one.physicalName} differs from the name, but a column has one name")
    if one.semanticType not in (None, "column", "dimension"):
        problems.add(place, f"semanticType {one.semanticType}: a row holds columns only")
    for name in () if curated else _CURATED_ONLY:
        if getattr(one, name):
            problems.add(place, f"{name} belongs to the curated column, not to a raw field")
