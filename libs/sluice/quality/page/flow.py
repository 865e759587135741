"""The flow picture: one bar of what was read on the left, a band to each place where records went."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.quality.page.model import Flow

_SCALE = 170.0  # units of height for all records
_LEAST = 3.0  # of a band: a single record among millions is still seen
_SLOT = 44.0  # room for a band's two lines of text
_THIN = 8.0
_TOP = 46.0
_ENDS = (22.0, 178.0, 100.0)  # across: where bands begin, end, and bend


@dataclass(frozen=True)
class Outlet:
    """A place of records: `key` names its colour, `meaning` says it to somebody new."""

    key: str
    label: str
    meaning: str
    records: int


@dataclass(frozen=True)
class Band:
    """An outlet drawn: `y` and `height` are its bar's, `path` is its band's outline (empty where nothing went).

    A `thin` band's path is its middle, to be drawn `height` wide: an outline would come out thinner where it is steep.
    """

    outlet: Outlet
    path: str
    y: float
    height: float
    middle: float
    thin: bool


@dataclass(frozen=True)
class Picture:
    """All bands in a box of `width` times `height` units; the source's bar is `source_height` high."""

    bands: tuple[Band, ...]
    read: int
    height: float
    source_height: float
    width: float = 360.0
    top: float = _TOP


def outlets(flow: Flow, held: int = 0) -> tuple[Outlet, ...]:
    """The places of a record, each with its count, zero or not.

    Two of them only where they have some: `held` records, which `flow` does not count, and what is unaccounted for.
    """
    found = [
        Outlet("curated", "Curated", "rows in the table that people read", flow.curated),
        Outlet("quarantined", "Quarantined", "refused and kept apart, with the reason", flow.quarantined),
        Outlet("duplicates", "Duplicates", "copies of a record that is there already", flow.duplicates),
        Outlet("superseded", "Superseded", "older versions of a row that a newer one replaced", flow.superseded),
        Outlet("filtered", "Filtered", "left out because the contract says so", flow.filtered),
    ]
    if held:
        found.append(Outlet("held", "Held", "in batches that wait for somebody's decision", held))
    if flow.read > flow.placed:
        found.append(Outlet("lost", "Unaccounted for", "an error: please report it", flow.read - flow.placed))
    return tuple(found)


def draw(flow: Flow, held: int = 0) -> Picture:
    """Bands to scale, of `_LEAST` where the scale would make one invisible, in slots that hold their text."""
    places = outlets(flow, held)
    whole = max(sum(place.records for place in places), 1)
    bands, start, y = [], _TOP, _TOP
    for place in places:
        height = max(_SCALE * place.records / whole, _LEAST) if place.records else 0.0
        slot = max(height, _SLOT)
        at = y + (slot - height) / 2
        thin = height < _THIN
        path = _middle(start + height / 2, at + height / 2) if thin else _outline(start, at, height)
        bands.append(Band(place, path if height else "", round(at, 2), round(height, 2), round(y + slot / 2, 2), thin))
        start, y = start + height, y + slot + 6
    return Picture(
        tuple(bands), flow.read + held, height=round(y + 2, 2), source_height=round(max(start - _TOP, _LEAST), 2)
    )


def _middle(start: float, end: float) -> str:
    left, right, bend = _ENDS
    return f"M{left:g} {start:.2f}C{bend:g} {start:.2f} {bend:g} {end:.2f} {right:g} {end:.2f}"


def _outline(start: float, end: float, height: float) -> str:
    left, right, bend = _ENDS
    return (
        f"M{left:g} {start:.2f}C{bend:g} {start:.2f} {bend:g} {end:.2f} {right:g} {end:.2f}V{end + height:.2f}"
        f"C{bend:g} {end + height:.2f} {bend:g} {start + height:.2f} {left:g} {start + height:.2f}Z"
    )
