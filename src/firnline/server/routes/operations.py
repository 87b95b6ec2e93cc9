"""Corrections: operations on outlines, taken back and done again, snapshots."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from firnline.inventory.editing.apply import OPERATIONS, Edit
from firnline.server.geojson import GeoJson
from firnline.server.problems import Problem
from firnline.server.routes.answers import feature_dict, outcome_json, transaction_answer
from firnline.server.routes.dependencies import Id, StoreDep
from firnline.server.store.layer import Author, Conflict, ConflictError, NothingToReverseError, Outcome, Snapshot

router = APIRouter(tags=["corrections"])

FeatureId = Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
Number = Annotated[float, Field(allow_inf_nan=False, gt=-1e9, lt=1e9)]
Place = tuple[Number, Number]
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/json": {}}}}


class By(BaseModel):
    """Who does it, in which session of a browser."""

    model_config = ConfigDict(extra="forbid")

    session: Annotated[str, Field(min_length=1, max_length=64)]
    who: Annotated[str, Field(min_length=1, max_length=200)]


class Operation(By):
    """A correction; which members count hangs on the operation."""

    operation: Annotated[str, Field(json_schema_extra={"enum": list(OPERATIONS)})]
    features: Annotated[list[FeatureId], Field(max_length=20_000)] = []
    expected: Annotated[dict[FeatureId, Annotated[int, Field(ge=1, le=2**53)]], Field(max_length=20_000)] = {}
    geometry: GeoJson | None = None
    moves: Annotated[list[tuple[Place, Place]], Field(max_length=20_000)] = []
    class_: Annotated[Literal[0, 1, 2] | None, Field(alias="class")] = None
    glacier: Annotated[str | None, Field(max_length=100, description="of `assign`; null is none with an id")] = None
    overwrite: bool = False
    tolerance_m: Annotated[float | None, Field(gt=0, lt=1e6, allow_inf_nan=False)] = None
    key: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    scene: FeatureId | None = None
    why: Annotated[str | None, Field(max_length=2000)] = None


class Revert(By):
    """Which version an outline shall be again."""

    version: Annotated[int, Field(ge=1, le=2**53)]


class NewSnapshot(BaseModel):
    """A name for the present revision."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    who: Annotated[str, Field(min_length=1, max_length=200)]


class SnapshotAnswer(BaseModel):
    """A named revision."""

    id: str
    name: str
    revision: int
    at: str
    who: str


@router.post("/inventories/{layer_id}/operations", response_class=Response, responses=_ANSWER)
def operate(
    store: StoreDep, layer_id: Id, operation: Operation, if_match: Annotated[str | None, Header()] = None
) -> Response:
    """Correct outlines in one transaction.

    Versions that the client saw stand in ``expected``, or of a single outline in ``If-Match``; where one has another
    by now the answer is 412, with the present outlines. What changes nothing (the class that an outline has) is no
    revision and no step of undo: ``transaction`` is then null.
    """
    edit = Edit(
        operation.operation,
        tuple(operation.features),
        operation.geometry,
        tuple(operation.moves),
        operation.class_,
        operation.glacier,
        operation.overwrite,
        operation.tolerance_m,
    )
    expected = dict(operation.expected)
    if if_match is not None:
        expected |= _matched(if_match, operation.features)
    author = Author(operation.who, operation.session, operation.scene, operation.why, operation.key)
    return _answer(lambda: store.apply(layer_id, edit, expected, author))


@router.post("/inventories/{layer_id}/undo", response_class=Response, responses=_ANSWER)
def undo(store: StoreDep, layer_id: Id, by: By) -> Response:
    """Take back the session's last change that stands."""
    return _answer(lambda: store.undo(layer_id, Author(by.who, by.session)))


@router.post("/inventories/{layer_id}/redo", response_class=Response, responses=_ANSWER)
def redo(store: StoreDep, layer_id: Id, by: By) -> Response:
    """Do again what the session took back last."""
    return _answer(lambda: store.redo(layer_id, Author(by.who, by.session)))


@router.post("/inventories/{layer_id}/features/{feature_id}/revert", response_class=Response, responses=_ANSWER)
def revert(store: StoreDep, layer_id: Id, feature_id: Id, revert: Revert) -> Response:
    """Make an outline as it was in an earlier version."""
    author = Author(revert.who, revert.session)
    return _answer(lambda: store.revert(layer_id, feature_id, revert.version, author))


@router.get("/inventories/{layer_id}/snapshots")
def snapshots(store: StoreDep, layer_id: Id) -> list[SnapshotAnswer]:
    """Named revisions."""
    store.layer(layer_id)
    return [_snapshot(each) for each in store.snapshots(layer_id)]


@router.post("/inventories/{layer_id}/snapshots", status_code=HTTPStatus.CREATED)
def snapshot(store: StoreDep, layer_id: Id, new: NewSnapshot) -> SnapshotAnswer:
    """Give the present revision a name."""
    return _snapshot(store.snapshot(layer_id, new.name, new.who))


def _snapshot(snapshot: Snapshot) -> SnapshotAnswer:
    return SnapshotAnswer(
        id=snapshot.id, name=snapshot.name, revision=snapshot.revision, at=snapshot.at, who=snapshot.who
    )


def _answer(change: Callable[[], Outcome]) -> Response:
    try:
        return Response(outcome_json(change()), media_type="application/json")
    except ConflictError as error:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED,
            "others changed this since you saw it: choose which version counts",
            conflicts=[_conflict(each) for each in error.conflicts],
        ) from None
    except NothingToReverseError as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from None


def _conflict(conflict: Conflict) -> dict[str, object]:
    changed = conflict.changed
    return {
        "feature": conflict.feature,
        "expected": conflict.expected,
        "current": None if conflict.current is None else feature_dict(conflict.current),
        "changed_by": None if changed is None else changed.who,
        "changed_at": None if changed is None else changed.at,
        "change": None if changed is None else transaction_answer(changed).model_dump(),
    }


def _matched(if_match: str, features: list[str]) -> dict[str, int]:
    version = if_match.strip('"')
    if len(features) != 1 or not version.isdecimal():
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "If-Match takes the version of the one outline that is changed"
        )
    return {features[0]: int(version)}
