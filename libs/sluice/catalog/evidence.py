"""What a crawl has met at a place, in words: shares, kinds, ranges, formats; never a value, nor a person's range."""

from __future__ import annotations

import re

from sluice.catalog.findings import Place
from sluice.catalog.names import snake

# Fields that most likely tell of a person; a draft marks them, and pages then mask them.
_PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|mobile|msisdn|fax|address|street|postcode|zip|ssn|passport|iban|ip|ip_address|password|birth"
    r"|birthday|birthdate|dob|gender|first_name|last_name|full_name|given_name|family_name|surname|nickname"
    r"|screen_name|user_name|username|login|handle|message|comment|bio)(_|$)|^name$"
)


def is_personal(place: Place, name: str) -> bool:
    """Whether a field named `name` (in snake case) seems to tell of a person, or holds one that does."""
    if place.formats["email"] or _PERSONAL.search(name):
        return True
    if place.element is not None and is_personal(place.element, name):
        return True
    return any(is_personal(member, snake(inner)) for inner, member in place.members.items())


def evidence(place: Place, of: int, personal: bool) -> str:
    """One or two sentences; `of` is how many values there could be (records, or objects around it)."""
    parts = [_presence(place, of), _kinds(place)]
    if not personal:
        parts.append(_range(place))
    if place.cut:
        parts.append(f"not looked at further: {place.cut}")
    told = "; ".join(part for part in parts if part) + "."
    return told[0].upper() + told[1:]


def percent(part: int, whole: int) -> str:
    """`12.3 %`, never rounded up to all nor down to none."""
    share = 100 * part / whole if whole else 0.0
    if part in (whole, 0):
        return f"{share:.0f} %"
    return f"{min(max(share, 0.1), 99.9):.1f} %"


def _presence(place: Place, of: int) -> str:
    there = "in every record" if place.seen >= of else f"in {percent(place.seen, of)} of records"
    if not place.nulls:
        return there
    return (
        f"{there}, always null" if place.nulls == place.seen else f"{there}, null in {percent(place.nulls, place.seen)}"
    )


def _kinds(place: Place) -> str:
    total = sum(place.kinds.values())
    kinds = [f"{kind} {percent(count, total)}" for kind, count in place.kinds.most_common() if count]
    formats = [f"{name} {percent(count, total)}" for name, count in place.formats.most_common() if count]
    told = kinds[0].split(" ")[0] if len(kinds) == 1 else ", ".join(kinds)
    return f"{told} ({', '.join(formats)})" if formats else told


def _range(place: Place) -> str:
    told = []
    for low, high in (
        (place.lowest_integer, place.highest_integer),
        (place.lowest_number, place.highest_number),
        (place.earliest, place.latest),
    ):
        if low is not None and high is not None:
            told.append(f"from {low} to {high}" if low != high else f"always {low}")
    for least, most, what in ((place.shortest, place.longest, "characters"), (place.fewest, place.most, "elements")):
        if most is not None:
            told.append(f"{least} to {most} {what}" if least != most else f"{most} {what}")
    return ", ".join(told)
