"""`firnline map --scenes`: map a list of scenes on many machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from firnline.errors import ConfigError

if TYPE_CHECKING:
    from firnline.mapping import MapSettings


def map_list(
    scenes: Path,
    model: str,
    out_dir: Path,
    cluster: str | None,
    settings: MapSettings,
    *,
    bands_a_task: int | None,
    dem: Path | None,
    bands: str | None,
    sensor: str | None,
) -> None:
    """Map the list, say what became of each scene, and end with exit code 2 where any failed."""
    from firnline.bands import Sensor
    from firnline.cli.choices import chosen
    from firnline.cli.progress import progress_bar
    from firnline.cluster.connect import connected
    from firnline.cluster.outcome import table, write_summary
    from firnline.cluster.run import map_scenes
    from firnline.cluster.scene_list import read_scene_list

    if cluster is None:
        raise ConfigError(
            "is mapped by workers, and none are named",
            where="--scenes",
            do="say --cluster local:2, or tcp://HOST:PORT",
        )
    listed = read_scene_list(
        scenes,
        dem=dem,
        bands=None if bands is None else [name.strip() for name in bands.split(",")],
        sensor=None if sensor is None else chosen(Sensor, sensor, "--sensor"),
    )
    with connected(cluster) as workers, progress_bar("mapping") as bar:
        if len(workers.cpus) > 1:
            bar.say(f"workers have different CPUs, between which single pixels may differ: {', '.join(workers.cpus)}")
        outcomes = map_scenes(listed, model, out_dir, workers, settings, bands_a_task=bands_a_task, step=bar.update)
    summary = write_summary(out_dir, outcomes, workers.cpus)
    for line in table(outcomes):
        typer.echo(line)
    typer.echo(f"summary  {summary}")
    if any(outcome.done is None for outcome in outcomes):
        raise typer.Exit(2)
