"""An export: a layer at a revision as an inventory, in a form that others take, as one file."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Final

from firnline.errors import LabelError
from firnline.inventory.delivery.deliver import Form, deliver
from firnline.inventory.delivery.submission import Submission
from firnline.server.jobs.folder import JobFolder
from firnline.server.jobs.job import Job
from firnline.server.jobs.job_store import JobStore
from firnline.server.layer_inventory import Revision, inventory_of_layer
from firnline.server.problems import NotFound
from firnline.server.project import Project
from firnline.server.store.layer import Layer
from firnline.server.store.store import Store

_LONGEST: Final = 60
_MADE: Final = 0.8
"""Progress when the inventory is made, and only its file is to be written."""


class Delivery:
    """One export in its worker process; made again after a stop, it begins anew.

    Parameters
    ----------
    project, job, folder
        What is delivered, and where the file goes. Settings of the job: ``layer``, ``revision`` (a number),
        ``snapshot`` (its name, or None), ``format``, ``region`` and ``submission`` (as JSON).
    jobs, layers
        Where it tells how far it is, and where the layer is.
    """

    def __init__(self, project: Project, job: Job, folder: JobFolder, jobs: JobStore, layers: Store) -> None:
        self.project, self.job, self.folder, self.jobs, self.layers = project, job, folder, jobs, layers

    def run(self) -> None:
        """Make the file, and end the job.

        Raises
        ------
        FirnlineError
            When it cannot be done.
        """
        wanted, form = self.job.settings, Form(self.job.settings["format"])
        shutil.rmtree(self.folder.file, ignore_errors=True)
        self.folder.file.mkdir(parents=True)
        self.jobs.progress(self.job.id, 0.0, "makes the inventory")
        revision = Revision(self._layer(wanted["layer"]), wanted["revision"], wanted["snapshot"])
        inventory = inventory_of_layer(self.project, self.layers, revision)
        self.jobs.progress(self.job.id, _MADE, "writes the file")
        name = file_name(revision, form)
        out = self.folder.file / (f"{name}.gpkg" if form is Form.GEOPACKAGE else name)
        submission = None if wanted["submission"] is None else Submission.model_validate(wanted["submission"])
        deliver(inventory, out, form, submission=submission, region=wanted["region"])
        path = out if out.is_file() else _zipped(out)
        self.jobs.finish(self.job.id, {"file": path.name, "size": path.stat().st_size})

    def _layer(self, layer_id: str) -> Layer:
        try:
            return self.layers.layer(layer_id)
        except NotFound:
            raise LabelError("the layer was put away before it was exported", do="export another one") from None


def file_name(revision: Revision, form: Form) -> str:
    """A name for what is delivered that every file system takes, without a suffix."""
    said = f"{revision.layer.name}-{revision.snapshot or f'revision{revision.number}'}"
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", said)[:_LONGEST].strip("_-")
    return f"{plain or 'inventory'}-{form}"


def _zipped(folder: Path) -> Path:
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
    shutil.rmtree(folder)
    return path
