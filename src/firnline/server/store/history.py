"""What was: undo and redo, versions of an outline, transactions of a layer."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from firnline.inventory.editing.ground import draw
from firnline.inventory.editing.part import Change
from firnline.server.problems import NotFound
from firnline.server.store import rows, work
from firnline.server.store.layer import (
    Author,
    Feature,
    NothingToReverseError,
    Outcome,
    Past,
    Transaction,
)
from firnline.server.store.tables import transactions, versions

UNDO, REDO = "undo", "redo"


def reverse(connection: sa.Connection, layer: sa.RowMapping, author: Author, *, redo: bool) -> Outcome:
    """Take back the last change of a session that stands, or (redo) the last undo. A reversal is a change too.

    Raises
    ------
    NothingToReverseError
        When there is none, or others changed the same features since.
    """
    done, undone = _stacks(connection, layer["id"], author.session)
    stack = undone if redo else done
    if not stack:
        raise NothingToReverseError(f"there is nothing to {REDO if redo else UNDO}")
    row = stack[-1]
    ended, made = work.versions_of(connection, layer["id"], row["revision"])
    _require_untouched(connection, layer["id"], made, ended)
    again = [replace(each, version=_next_version(connection, layer["id"], each.id)) for each in ended]
    return work.write(connection, layer, made, again, REDO if redo else UNDO, author, row["id"])


def _require_untouched(connection: sa.Connection, layer_id: str, made: list[Feature], ended: list[Feature]) -> None:
    """What the change made must be as it made it, and what it removed must be gone still.

    Versions are not compared: what was changed and taken back since is as it was.
    """
    now = {each.id: each for each in work.named(connection, layer_id, {each.id for each in (*made, *ended)})}
    wanted = {each.id: each for each in made}
    if set(now) != set(wanted) or any(not _is_alike(now[name], wanted[name]) for name in now):
        raise NothingToReverseError("others changed the same outlines since: change them again instead")


def _is_alike(one: Feature, two: Feature) -> bool:
    same = (one.class_, one.glacier_id) == (two.class_, two.glacier_id)
    return same and one.geometry.equals_exact(two.geometry)


def _next_version(connection: sa.Connection, layer_id: str, feature_id: str) -> int:
    last = sa.select(sa.func.max(versions.c.version)).where(
        versions.c.layer_id == layer_id, versions.c.feature_id == feature_id
    )
    return int(connection.execute(last).scalar() or 0) + 1


def _stacks(
    connection: sa.Connection, layer_id: str, session: str
) -> tuple[list[sa.RowMapping], list[sa.RowMapping]]:
    """The session's changes that stand, and its undos that can be taken back, the last ones at the end."""
    found = (
        sa.select(transactions)
        .where(transactions.c.layer_id == layer_id, transactions.c.session == session)
        .order_by(transactions.c.revision)
    )
    done: list[sa.RowMapping] = []
    undone: list[sa.RowMapping] = []
    for row in connection.execute(found).mappings():
        if row["operation"] == UNDO:
            done.pop()
            undone.append(row)
        elif row["operation"] == REDO:
            undone.pop()
            done.append(row)
        else:
            done.append(row)
            undone.clear()
    return done, undone


def revert(connection: sa.Connection, layer: sa.RowMapping, feature_id: str, version: int, author: Author) -> Outcome:
    """See `Store.revert`."""
    found = sa.select(versions).where(
        versions.c.layer_id == layer["id"], versions.c.feature_id == feature_id, versions.c.version == version
    )
    old = rows.features_of(connection.execute(found).mappings())
    if not old:
        raise NotFound("version of this outline")
    wanted = old[0]
    present = work.named(connection, layer["id"], [feature_id])
    shapes = [each.geometry for each in (wanted, *present)]
    near = work.around(connection, layer["id"], shapes)
    others = [each.part for each in near if each.id != feature_id]
    change = draw(others, wanted.geometry, wanted.class_, overwrite=True)
    (first, *rest) = sorted(change.added, key=lambda part: -part.geometry.area)
    back = replace(first, id=feature_id, glacier_id=wanted.glacier_id)
    new = tuple(replace(part, glacier_id=wanted.glacier_id, came_from=feature_id) for part in rest)
    if not present:  # it was deleted: its versions go on where they ended
        near = [*near, replace(wanted, version=_next_version(connection, layer["id"], feature_id) - 1, area_km2=0.0)]
    whole = Change((*change.changed, back), new, change.removed)
    return work.commit(connection, layer, whole, near, "revert", author)


def of_feature(connection: sa.Connection, layer_id: str, feature_id: str) -> list[Past]:
    """See `Store.history`."""
    found = (
        sa.select(versions)
        .where(versions.c.layer_id == layer_id, versions.c.feature_id == feature_id)
        .order_by(versions.c.version)
    )
    past = connection.execute(found).mappings().all()
    if not past:
        raise NotFound("outline")
    revisions = {row[name] for row in past for name in ("from_revision", "to_revision")} - {None}
    told = sa.select(transactions).where(transactions.c.layer_id == layer_id, transactions.c.revision.in_(revisions))
    by_revision = {row["revision"]: rows.transaction_of(row) for row in connection.execute(told).mappings()}
    return [
        Past(feature, by_revision.get(row["from_revision"]), by_revision.get(row["to_revision"]))
        for row, feature in zip(past, rows.features_of(past), strict=True)
    ]


def since(connection: sa.Connection, layer_id: str, revision: int) -> list[Transaction]:
    """See `Store.changes`."""
    found = (
        sa.select(transactions)
        .where(transactions.c.layer_id == layer_id, transactions.c.revision > revision)
        .order_by(transactions.c.revision)
    )
    of: dict[int, set[str]] = {}
    for column in (versions.c.from_revision, versions.c.to_revision):
        touched = sa.select(column, versions.c.feature_id).where(versions.c.layer_id == layer_id, column > revision)
        for at, feature in connection.execute(touched):
            of.setdefault(at, set()).add(feature)
    return [
        rows.transaction_of(row, sorted(of.get(row["revision"], ()))) for row in connection.execute(found).mappings()
    ]
