"""The store of a project's layers: made, read, changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
import sqlalchemy as sa

from firnline.errors import LabelError
from firnline.inventory.editing.apply import Edit
from firnline.server.problems import NotFound
from firnline.server.store import history, rows, work
from firnline.server.store.database import Database
from firnline.server.store.layer import Author, Box, Feature, Layer, Outcome, Past, Snapshot, Transaction
from firnline.server.store.outlines import Outlines, last_change, outlines
from firnline.server.store.tables import layers, snapshots


class Store:
    """Layers of outlines of a project, every version of every outline kept.

    Parameters
    ----------
    database
        Where they are kept.
    on_change
        Told the layer and its new revision after each change, outside of the transaction.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> store = Store(Database(Path(tempfile.mkdtemp()) / "project.sqlite"))
    >>> parts = gpd.GeoDataFrame({"class": [1]}, geometry=[shapely.box(5e5, 3e6, 5e5 + 900, 3e6 + 900)], crs=32645)
    >>> layer = store.create_layer("Khumbu", parts.crs.to_wkt(), "inventory", parts, pixel_m=30)
    >>> layer.count, round(layer.area_km2, 3), layer.revision
    (1, 0.811, 0)
    >>> (feature,) = store.features(layer.id)
    >>> done = store.apply(layer.id, Edit("reclassify", (feature.id,), class_value=2), {}, Author("me", "s"))
    >>> [(each.class_, each.version) for each in done.features], done.revision
    ([(2, 2)], 1)
    >>> [each.class_ for each in store.undo(layer.id, Author("me", "s")).features]
    [1]
    """

    def __init__(self, database: Database, on_change: Callable[[str, int], None] = lambda *_: None) -> None:
        self.database = database
        self.on_change = on_change
        self._turn = threading.Lock()

    def create_layer(
        self, name: str, crs: str, kind: str, parts: gpd.GeoDataFrame, *, pixel_m: float,
        scene_id: str | None = None, origin: Mapping[str, Any] | None = None,
    ) -> Layer:  # fmt: skip
        """Make a layer of parts.

        Parameters
        ----------
        name, kind
            See `Layer`.
        crs
            Well-known text of a projected CRS in metres.
        parts
            A valid coverage of polygons in that CRS, with a column ``class`` (1, 2), and where known ``glacier_id``
            and ``mean_probability``.
        pixel_m
            Metres of a pixel of the scene.
        scene_id, origin
            See `Layer`.

        Raises
        ------
        LabelError
            When the parts are no polygons or have no class.
        """
        features = _features(parts, crs)
        made = rows.new_id()
        row = {
            "id": made, "name": name, "kind": kind, "crs": crs, "scene_id": scene_id, "pixel_m": pixel_m,
            "origin": dict(origin or {}), "created_at": rows.now(), "revision": 0,
            "count": 0, "area_km2": 0.0,
        }  # fmt: skip
        with self._turn, self.database.write() as connection:
            connection.execute(sa.insert(layers), [row])
            rows.insert_versions(connection, made, 0, features)
            rows.advance(connection, made, 0, features, ())
        self.on_change(made, 0)
        return self.layer(made)

    def layers(self) -> list[Layer]:
        """All layers, the oldest first."""
        with self.database.read() as connection:
            found = sa.select(layers).where(layers.c.deleted_at.is_(None)).order_by(layers.c.created_at, layers.c.id)
            return [_layer(row) for row in connection.execute(found).mappings()]

    def layer(self, layer_id: str) -> Layer:
        """One layer; NotFound when there is none of that id."""
        with self.database.read() as connection:
            return _layer(self._row(connection, layer_id))

    def rename(self, layer_id: str, name: str) -> Layer:
        """Give a layer another name."""
        self.layer(layer_id)
        with self._turn, self.database.write() as connection:
            connection.execute(sa.update(layers).where(layers.c.id == layer_id).values(name=name))
        return self.layer(layer_id)

    def delete_layer(self, layer_id: str) -> None:
        """Put a layer away: it is not shown any more, but nothing of it is lost."""
        self.layer(layer_id)
        with self._turn, self.database.write() as connection:
            connection.execute(sa.update(layers).where(layers.c.id == layer_id).values(deleted_at=rows.now()))

    def features(
        self, layer_id: str, box: Box | None = None, at: int | None = None, *, limit: int | None = None,
        after: str = "",
    ) -> list[Feature]:  # fmt: skip
        """Features of a layer by id, all or those whose box meets another; at a revision, or now."""
        with self.database.read() as connection:
            return work.features(connection, layer_id, box, at, limit=limit, after=after)

    def outlines(self, layer_id: str, box: Box, at: int, smallest: float = 0.0) -> Outlines:
        """Outlines at a revision, for drawing: those whose box meets another and has a side of `smallest` metres."""
        with self.database.read() as connection:
            return outlines(connection, layer_id, box, at, smallest)

    def last_change(self, layer_id: str, box: Box, at: int) -> int:
        """The last revision, up to one, that changed an outline whose box meets another; 0 when none did."""
        with self.database.read() as connection:
            return last_change(connection, layer_id, box, at)

    def feature(self, layer_id: str, feature_id: str) -> Feature:
        """One feature as it is now; NotFound when there is none."""
        with self.database.read() as connection:
            found = work.named(connection, layer_id, [feature_id])
        if not found:
            raise NotFound("outline")
        return found[0]

    def features_frame(self, layer_id: str, at: int | None = None) -> gpd.GeoDataFrame:
        """All features as a table: feature_id, version, class, glacier_id, area_km2, geometry, in the layer's CRS."""
        layer, found = self.layer(layer_id), self.features(layer_id, at=at)
        table = pd.DataFrame(
            {
                "feature_id": pd.Series([each.id for each in found], dtype="string"),
                "version": pd.Series([each.version for each in found], dtype="int64"),
                "class": pd.Series([each.class_ for each in found], dtype="int64"),
                "glacier_id": pd.Series([each.glacier_id for each in found], dtype="string"),
                "area_km2": pd.Series([each.area_km2 for each in found], dtype="float64"),
            }
        )
        shapes = gpd.GeoSeries([each.geometry for each in found], crs=layer.crs)
        return gpd.GeoDataFrame(table, geometry=shapes, crs=layer.crs)

    def apply(self, layer_id: str, edit: Edit, expected: Mapping[str, int], author: Author) -> Outcome:
        """Correct outlines, in one transaction; a key that was seen before changes nothing and answers as it did.

        What changes nothing writes nothing: its outcome has no transaction.

        Parameters
        ----------
        layer_id, edit
            What is done to which layer.
        expected
            Versions that the person saw, by feature.
        author
            Who does it.

        Raises
        ------
        ConflictError
            When a feature has another version by now.
        EditError
            When the correction cannot be made.
        """
        with self._changing(layer_id) as connection:
            return work.apply(connection, self._row(connection, layer_id), edit, expected, author)

    def undo(self, layer_id: str, author: Author) -> Outcome:
        """Take back the session's last change that stands; NothingToReverseError when others built on it."""
        with self._changing(layer_id) as connection:
            return history.reverse(connection, self._row(connection, layer_id), author, redo=False)

    def redo(self, layer_id: str, author: Author) -> Outcome:
        """Do again what the session took back last."""
        with self._changing(layer_id) as connection:
            return history.reverse(connection, self._row(connection, layer_id), author, redo=True)

    def revert(self, layer_id: str, feature_id: str, version: int, author: Author) -> Outcome:
        """Make an outline as it was in an earlier version; others give way, as to an outline drawn over them."""
        with self._changing(layer_id) as connection:
            return history.revert(connection, self._row(connection, layer_id), feature_id, version, author)

    def history(self, layer_id: str, feature_id: str) -> list[Past]:
        """All versions of an outline, the first first; NotFound when there never was one of that id."""
        with self.database.read() as connection:
            return history.of_feature(connection, layer_id, feature_id)

    def changes(self, layer_id: str, since: int = 0) -> list[Transaction]:
        """Transactions after a revision, the first first, with the features that they changed."""
        with self.database.read() as connection:
            return history.since(connection, layer_id, since)

    def snapshot(self, layer_id: str, name: str, who: str) -> Snapshot:
        """Give the present revision a name.

        Raises
        ------
        LabelError
            When the layer has one of that name.
        """
        revision = self.layer(layer_id).revision
        made = Snapshot(rows.new_id(), name, revision, rows.now(), who)
        row = {"id": made.id, "layer_id": layer_id, "name": name, "revision": revision, "at": made.at, "who": who}
        with self._turn, self.database.write() as connection:
            taken = sa.select(snapshots.c.id).where(snapshots.c.layer_id == layer_id, snapshots.c.name == name)
            if connection.execute(taken).first() is not None:
                raise LabelError(f"there is a snapshot '{name}' already", do="give another name")
            connection.execute(sa.insert(snapshots), [row])
        return made

    def snapshots(self, layer_id: str) -> list[Snapshot]:
        """Named revisions, the first first."""
        names = ("id", "name", "revision", "at", "who")
        with self.database.read() as connection:
            found = connection.execute(
                sa.select(*(snapshots.c[name] for name in names))
                .where(snapshots.c.layer_id == layer_id)
                .order_by(snapshots.c.at)
            )
            return [Snapshot(*row) for row in found]

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    @contextmanager
    def _changing(self, layer_id: str) -> Iterator[sa.Connection]:
        """One transaction for writing; afterwards those who listen are told."""
        with self._turn, self.database.write() as connection:
            before = self._row(connection, layer_id)["revision"]
            yield connection
            after = self._row(connection, layer_id)["revision"]
        if after != before:
            self.on_change(layer_id, after)

    def _row(self, connection: sa.Connection, layer_id: str) -> sa.RowMapping:
        found = sa.select(layers).where(layers.c.id == layer_id, layers.c.deleted_at.is_(None))
        row = connection.execute(found).mappings().one_or_none()
        if row is None:
            raise NotFound("inventory")
        return row


def _layer(row: sa.RowMapping) -> Layer:
    names = (
        "id",
        "name",
        "kind",
        "crs",
        "scene_id",
        "pixel_m",
        "origin",
        "created_at",
        "revision",
        "count",
        "area_km2",
    )
    box = None if row["min_x"] is None else (row["min_x"], row["min_y"], row["max_x"], row["max_y"])
    return Layer(**{name: row[name] for name in names}, box=box)


def _features(parts: gpd.GeoDataFrame, crs: str) -> list[Feature]:
    """The first versions of parts."""
    shapes = [shape for shape in parts.geometry if isinstance(shape, shapely.Polygon)]
    if len(shapes) < len(parts) or (len(parts) and "class" not in parts.columns):
        raise LabelError("outlines of a layer are polygons with a class", do="read them with read_parts")
    if len(parts) == 0:
        return []
    nothing: list[Any] = [None] * len(parts)
    glaciers = parts["glacier_id"] if "glacier_id" in parts.columns else nothing
    probabilities = parts["mean_probability"] if "mean_probability" in parts.columns else nothing
    return [
        Feature(
            rows.new_id(), 1, int(class_), None if pd.isna(glacier) else str(glacier), shape, area,
            {} if pd.isna(probability) else {"probability": round(float(probability), 4)},
        )
        for class_, glacier, probability, shape, area in zip(
            parts["class"], glaciers, probabilities, shapes, rows.areas_km2(shapes, crs), strict=True
        )
    ]  # fmt: skip
