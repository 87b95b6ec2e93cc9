"""An outcome as files: every table as Markdown and CSV, every figure as PNG, and all of it on one page."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shlex
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import firnline
from firnline.experiments.outcome import Outcome, is_interval, shown
from firnline.experiments.study import Study
from firnline.files import replaced
from firnline.report.page import data_url, fill

PAGE: Final = "index.html"
TEMPLATE: Final = "page.html"
RECORD: Final = "provenance.json"
_LIBRARIES: Final = ("torch", "numpy", "scipy", "scikit-learn", "lightgbm", "rasterio")


def write_outcome(outcome: Outcome, study: Study) -> Path:
    """Write an outcome to ``OUT/NAME``; return the page.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    folder = study.out / study.experiment
    record = provenance(outcome, study)
    before = _listed(folder / RECORD)
    files = [
        *(f"{table.name}.{kind}" for table in outcome.tables for kind in ("csv", "md")),
        *(f"{figure.name}.png" for figure in outcome.figures),
    ]
    for table in outcome.tables:
        _write(folder / f"{table.name}.csv", table.csv)
        _write(folder / f"{table.name}.md", f"{table.markdown}\n" + (f"\n{table.note}\n" if table.note else ""))
    for figure in outcome.figures:
        with replaced(folder / f"{figure.name}.png") as temporary:
            temporary.write_bytes(figure.png)
    kept = record | {"warnings": outcome.trials.warnings, "configuration": _configuration(study), "files": files}
    _write(folder / RECORD, json.dumps(kept, indent=2, ensure_ascii=False, default=str) + "\n")
    values = {"outcome": outcome, "record": record, "shown": shown, "is_interval": is_interval, "data_url": data_url}
    values["warnings"] = gathered(outcome.trials.warnings)
    _write(folder / PAGE, fill("firnline.experiments", TEMPLATE, **values))
    for name in before - set(files):  # tables and figures of an earlier run that this one does not have
        (folder / name).unlink(missing_ok=True)
    return folder / PAGE


def gathered(warnings: Sequence[str]) -> list[str]:
    """Warnings for people: what is said of several files is said once, and names them.

    Examples
    --------
    >>> gathered(["/a/1.tif: snow", "the split leaks: a chip", "/a/2.tif: snow", "/a/3.tif: stripes"])
    ['1.tif, 2.tif: snow', 'the split leaks: a chip', '3.tif: stripes']
    """
    said: dict[str, list[str]] = {}
    for warning in warnings:
        file, _, what = warning.partition(": ")
        if Path(file).suffix and what:
            said.setdefault(what, []).append(Path(file).name)
        else:
            said.setdefault(warning, [])
    return [f"{', '.join(files)}: {what}" if files else what for what, files in said.items()]


def _listed(path: Path) -> set[str]:
    """The files that an earlier run left in the same folder."""
    with suppress(OSError, ValueError, AttributeError, TypeError):
        names = json.loads(path.read_text(encoding="utf-8")).get("files", [])
        return {name for name in names if Path(name).name == name}
    return set()


def _configuration(study: Study) -> dict[str, Any]:
    """All settings as they were read, so that the file tells them when the configuration is another."""
    own = study.config.model_dump(mode="json", exclude_unset=True, exclude={"training"})
    return own | {"training": study.training.model_dump(mode="json", exclude_unset=True)}


def _write(path: Path, text: str) -> None:
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def provenance(outcome: Outcome, study: Study) -> dict[str, Any]:
    """Where an outcome comes from: command, data, seeds, settings, machine, versions, date, time."""
    config = study.config
    seeds = [part for seed in config.seeds for part in ("--seed", str(seed))]
    words = [study.experiment, "--data", str(study.loaded.path), "-o", str(study.out), *seeds]
    words += ["--force"] if study.force else []
    return {
        "command": shlex.join(["firnline", "experiment", *words]),
        "data": config.name,
        "licence of the data": config.licence or "not said in the configuration",
        "seeds": list(config.seeds),
        "folds": {fold.name: fold.words for fold in outcome.trials.folds},
        "block, pixels": config.block,
        "mapped with": config.runtime,
        "CPU minutes for each training": config.cpu_minutes or "as its settings say",
        "CPU minutes of all trainings": round(outcome.trials.cpu_minutes, 2),
        "settings": dict(outcome.settings),
        "machine": machine(),
        "versions": {"firnline": firnline.__version__, "python": platform.python_version(), **_versions()},
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def machine() -> str:
    """The processor, its cores, and the accelerator where there is one."""
    import torch

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    with_gpu = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads{with_gpu}"


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
