"""Which precisions a bundle was accepted in: notes of the gate, kept beside what is made of its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import firnline
from firnline.errors import ModelError
from firnline.files import replaced, sha256_of
from firnline.inference.gate import GateResult
from firnline.inference.runtime import Precision, RuntimeName
from firnline.models.bundle import Bundle

INT8 = "int8.xml"
"""The quantised model; its weights lie beside it."""


def accept(
    bundle: Bundle, runtime: RuntimeName, precision: Precision, result: GateResult, about: Mapping[str, Any]
) -> Path:
    """Note that the gate let a precision pass; the quantised model must be in its place by now.

    Raises
    ------
    OutputError
        When the note cannot be written.
    """
    note = _note_of(bundle, runtime, precision)
    content = {"firnline": firnline.__version__, "gate": result.as_json(), **about, **_sums(bundle, precision)}
    with replaced(note) as path:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return note


def require_accepted(bundle: Bundle, runtime: RuntimeName, precision: Precision) -> dict[str, Any]:
    """The note of a precision that was accepted.

    Raises
    ------
    ModelError
        When there is none, or the quantised model is not the one that was judged.
    """
    note = _note_of(bundle, runtime, precision)
    do = f"run: firnline models quantise {bundle.folder} --precision {precision}"
    try:
        said: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        if said["gate"]["accepted"] is not True:
            raise ValueError
        sums = _sums(bundle, precision)
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"was not accepted in {precision} on {runtime}: no map in fewer bits before the gate let it pass",
            where=bundle.folder,
            do=do,
        ) from None
    if any(said.get(name) != found for name, found in sums.items()):
        raise ModelError(f"its {precision} files are not the ones that were accepted", where=bundle.folder, do=do)
    return said


def _note_of(bundle: Bundle, runtime: RuntimeName, precision: Precision) -> Path:
    return bundle.derived / f"{precision}-{runtime}.json"


def _sums(bundle: Bundle, precision: Precision) -> dict[str, str]:
    """Checksums of the files that int8 is made of; other precisions need none."""
    if precision != "int8":
        return {}
    kept = bundle.derived / INT8
    return {path.name: sha256_of(path) for path in (kept, kept.with_suffix(".bin"))}
