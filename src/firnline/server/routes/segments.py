"""Similar pixels around a click."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from shapely.geometry import mapping

from firnline.inventory.editing.segment import similar_pixels
from firnline.server.routes.dependencies import SceneDep

router = APIRouter(tags=["corrections"])

Number = Annotated[float, Field(allow_inf_nan=False, gt=-1e9, lt=1e9)]


class Click(BaseModel):
    """Where, and how alike pixels must be (1 as a rule; more takes more)."""

    model_config = ConfigDict(extra="forbid")

    point: tuple[Number, Number]
    tolerance: Annotated[float, Field(gt=0, lt=1000, allow_inf_nan=False)] = 1.0


@router.post("/scenes/{scene_id}/segment")
def segment(entry: SceneDep, click: Click) -> dict[str, Any]:
    """Outline the pixels around a place of a scene that look like it, as a GeoJSON polygon."""
    outline: dict[str, Any] = mapping(similar_pixels(entry.scene, click.point, click.tolerance))
    return outline
