"""Reading features, and one correction as one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import shapely
import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry

from firnline.inventory.editing.apply import ABOUT_VERTICES, Edit
from firnline.inventory.editing.apply import apply as corrected
from firnline.inventory.editing.part import Change
from firnline.server.store import rows
from firnline.server.store.layer import (
    Author,
    Box,
    Conflict,
    ConflictError,
    Feature,
    Outcome,
    Transaction,
)
from firnline.server.store.tables import transactions, versions

_AROUND_M = 1.0
_NOW: Final[sa.ColumnElement[int]] = sa.literal_column("+versions.to_revision")
"""When a version ended, in a sum that no index knows: of more than a few ids SQLite else reads all that the layer
holds now (23 ms among 20,000 outlines), and not those of the ids (0.5 ms)."""


def features(
    connection: sa.Connection, layer_id: str, box: Box | None = None, at: int | None = None, *,
    limit: int | None = None, after: str = "",
) -> list[Feature]:  # fmt: skip
    """See `Store.features`."""
    by_id = versions.c.feature_id
    here = versions.c.layer_id == layer_id if box is None else rows.in_box(layer_id, box)
    wanted = sa.and_(here, rows.valid_at(at), by_id > after)
    if box is not None and limit is not None:  # sort numbers and not outlines, of which the page holds the first
        wanted = versions.c.id.in_(sa.select(versions.c.id).where(wanted).order_by(by_id).limit(limit))
    found = sa.select(versions).where(wanted).order_by(by_id).limit(limit)
    return rows.features_of(connection.execute(found).mappings())


def named(connection: sa.Connection, layer_id: str, ids: Iterable[str]) -> list[Feature]:
    """Features of these ids as they are now; those that are gone are left out."""
    wanted = list(ids)
    found: list[Feature] = []
    for start in range(0, len(wanted), 500):
        select = sa.select(versions).where(
            versions.c.layer_id == layer_id,
            _NOW.is_(None),
            versions.c.feature_id.in_(wanted[start : start + 500]),
        )
        found += rows.features_of(connection.execute(select).mappings())
    return found


def apply(
    connection: sa.Connection, layer: sa.RowMapping, edit: Edit, expected: Mapping[str, int], author: Author
) -> Outcome:
    """See `Store.apply`."""
    done = _done_before(connection, layer, author)
    if done is not None:
        return done
    require_versions(connection, layer["id"], expected)
    if not edit.sliver_m:
        edit = replace(edit, sliver_m=layer["pixel_m"] / 2)
    near = _concerned(connection, layer["id"], edit)
    change = corrected([each.part for each in near], edit)
    if change.is_empty:
        return Outcome(edit.operation, layer["revision"], None, (), (), layer["area_km2"], 0.0)
    return commit(connection, layer, change, near, edit.operation, author)


def _concerned(connection: sa.Connection, layer_id: str, edit: Edit) -> list[Feature]:
    """All features that a correction may touch: around the targets, around what was drawn, around moved edges."""
    met = around(connection, layer_id, edit.places)
    if edit.operation in ABOUT_VERTICES:
        drawn = shapely.union_all(edit.places)
        having = [each for each in met if each.geometry.dwithin(drawn, _AROUND_M)]
    else:
        having = named(connection, layer_id, edit.targets)
    beside = around(connection, layer_id, [each.geometry for each in having])
    return list({each.id: each for each in (*beside, *met)}.values())


def around(connection: sa.Connection, layer_id: str, places: Sequence[BaseGeometry]) -> list[Feature]:
    """All features whose boxes come within a metre of any of the places."""
    found: dict[str, None] = {}
    for place in places:
        if not place.is_empty:
            min_x, min_y, max_x, max_y = place.bounds
            box = (min_x - _AROUND_M, min_y - _AROUND_M, max_x + _AROUND_M, max_y + _AROUND_M)
            here = sa.select(versions.c.feature_id).where(rows.in_box(layer_id, box), rows.valid_at(None))
            found |= dict.fromkeys(connection.execute(here.order_by(versions.c.feature_id)).scalars())
    return named(connection, layer_id, found)  # outlines are read once, however many places are near them


def commit(
    connection: sa.Connection, layer: sa.RowMapping, change: Change, before: Sequence[Feature], operation: str,
    author: Author,
) -> Outcome:  # fmt: skip
    """Write a change as the layer's next revision.

    Parameters
    ----------
    before
        The features that the change speaks of, as they are now.
    """
    was = {each.id: each for each in before}
    parts = [*change.changed, *(replace(part, id=rows.new_id()) for part in change.added)]
    areas = rows.areas_km2([part.geometry for part in parts], layer["crs"]) if parts else []
    now = []
    for part, area in zip(parts, areas, strict=True):
        old = was.get(part.id) or (was.get(part.came_from) if part.came_from else None)
        version = old.version + 1 if old is not None and old.id == part.id else 1
        said = dict(old.properties) if old is not None else {}
        now.append(Feature(part.id, version, part.class_value, part.glacier_id, part.geometry, area, said))
    ended = named(connection, layer["id"], [*(part.id for part in change.changed), *change.removed])
    return write(connection, layer, ended, now, operation, author)


def write(
    connection: sa.Connection, layer: sa.RowMapping, ended: Sequence[Feature], made: Sequence[Feature],
    operation: str, author: Author, reverses: int | None = None,
) -> Outcome:  # fmt: skip
    """Write the layer's next revision: what ends with it, what begins, and the transaction that did it."""
    revision = layer["revision"] + 1
    transaction = rows.insert_transaction(connection, layer["id"], revision, operation, author, reverses)
    rows.end_versions(connection, layer["id"], revision, [each.id for each in ended])
    rows.insert_versions(connection, layer["id"], revision, made)
    return _outcome(transaction, ended, made, rows.advance(connection, layer["id"], revision, made, ended))


def _outcome(transaction: Transaction, ended: Sequence[Feature], made: Sequence[Feature], area_km2: float) -> Outcome:
    names = {each.id for each in made}
    removed = tuple(each.id for each in ended if each.id not in names)
    difference = sum(each.area_km2 for each in made) - sum(each.area_km2 for each in ended)
    return Outcome(
        transaction.operation, transaction.revision, transaction, tuple(made), removed, area_km2, difference
    )


def versions_of(connection: sa.Connection, layer_id: str, revision: int) -> tuple[list[Feature], list[Feature]]:
    """The versions that a revision ended, and those that it made."""
    ended, made = (
        rows.features_of(
            connection.execute(
                sa.select(versions).where(versions.c.layer_id == layer_id, column == revision)
            ).mappings()
        )
        for column in (versions.c.to_revision, versions.c.from_revision)
    )
    return ended, made


def require_versions(connection: sa.Connection, layer_id: str, expected: Mapping[str, int]) -> None:
    """Raise ConflictError when features have other versions than a client saw."""
    now = {each.id: each for each in named(connection, layer_id, expected)}
    conflicts = tuple(
        Conflict(name, version, now.get(name), last_change(connection, layer_id, name))
        for name, version in expected.items()
        if name not in now or now[name].version != version
    )
    if conflicts:
        raise ConflictError(conflicts)


def last_change(connection: sa.Connection, layer_id: str, feature_id: str) -> Transaction | None:
    """The transaction that made the feature what it is, or ended it."""
    last = (
        sa.select(versions.c.from_revision, versions.c.to_revision)
        .where(versions.c.layer_id == layer_id, versions.c.feature_id == feature_id)
        .order_by(versions.c.version.desc())
    )
    row = connection.execute(last).first()
    if row is None:
        return None
    revision = row.from_revision if row.to_revision is None else row.to_revision
    found = sa.select(transactions).where(transactions.c.layer_id == layer_id, transactions.c.revision == revision)
    made = connection.execute(found).mappings().one_or_none()
    return None if made is None else rows.transaction_of(made)


def outcome_of(connection: sa.Connection, layer: sa.RowMapping, row: sa.RowMapping) -> Outcome:
    """What a transaction did, told again."""
    ended, made = versions_of(connection, layer["id"], row["revision"])
    return _outcome(rows.transaction_of(row), ended, made, layer["area_km2"])


def _done_before(connection: sa.Connection, layer: sa.RowMapping, author: Author) -> Outcome | None:
    if author.key is None:
        return None
    found = sa.select(transactions).where(transactions.c.layer_id == layer["id"], transactions.c.key == author.key)
    row = connection.execute(found).mappings().one_or_none()
    return None if row is None else outcome_of(connection, layer, row)
