"""Models: the rules, and the bundles that lie in the project's folder."""

from __future__ import annotations

import logging

from fastapi import APIRouter

from firnline.errors import FirnlineError
from firnline.server.model_facts import RULES, ModelAnswer, model_answer, rules_answer
from firnline.server.problems import NotFound
from firnline.server.project import Project
from firnline.server.routes.dependencies import ProjectDep

router = APIRouter(tags=["models"])
log = logging.getLogger(__name__)


@router.get("/models")
def models(project: ProjectDep) -> list[ModelAnswer]:
    """The rules, and every bundle that is whole."""
    scenes = project.scenes()
    found = [rules_answer(scenes)]
    for entry in project.models().values():
        try:
            found.append(model_answer(entry.id, entry.path, scenes))
        except FirnlineError as error:
            log.warning("%s", error)
    return found


@router.get("/models/{model_id}")
def model(project: ProjectDep, model_id: str) -> ModelAnswer:
    """One model."""
    return find_model(project, model_id)


def find_model(project: Project, model_id: str, *, scene: str | None = None) -> ModelAnswer:
    """A model by its id; NotFound when there is none.

    Parameters
    ----------
    project, model_id
        The project, and the model's id.
    scene
        The only scene that it is tried on; all of them without one.
    """
    scenes = project.scenes()
    if scene is not None:
        scenes = {scene: scenes[scene]}
    if model_id == RULES:
        return rules_answer(scenes)
    entry = project.models().get(model_id)
    if entry is None:
        raise NotFound("model")
    return model_answer(entry.id, entry.path, scenes)
