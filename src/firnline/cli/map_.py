"""`firnline map`: map the glaciers of a scene."""

from __future__ import annotations

from pathlib import Path

import typer

from firnline.errors import ConfigError


def command(
    scene: str | None = typer.Argument(
        None,
        help="A raster with named bands, or a name that GDAL knows (/vsizip/...); or --scenes.",
        show_default=False,
    ),
    model: str = typer.Option(..., "--model", "-m", help="'ratio' for the rules, or a model bundle's folder."),
    out_dir: Path = typer.Option(..., "--output", "-o", help="Folder for the results."),
    scenes: Path | None = typer.Option(None, help="A list of scenes instead (docs/scaling.md); with --cluster."),
    cluster: str | None = typer.Option(
        None, help="Where --scenes are mapped: tcp://HOST:PORT of a dask scheduler, or local:N processes."
    ),
    bands_a_task: int | None = typer.Option(
        None, min=1, help="Row bands in a task of a large scene; by the number of workers without it."
    ),
    dem: Path | None = typer.Option(None, help="Elevation in metres, any grid; gives elevation and slope."),
    bands: str | None = typer.Option(None, help="Band names in file order, as blue,green,red."),
    sidecar: Path | None = typer.Option(None, help="What the raster does not say (docs/scenes.md)."),
    sensor: str | None = typer.Option(None, help="landsat5, landsat7, landsat8, landsat9 or sentinel2."),
    minimum_area: float = typer.Option(0.01, min=0.0, help="Smallest glacier, km2 (RGI 0.01, ICIMOD 0.02)."),
    formats: list[str] = typer.Option(["gpkg"], "--format", help="gpkg, geojson, shp or parquet; may be repeated."),
    window: int | None = typer.Option(None, min=32, help="Side of the windows, pixels."),
    overlap: int | None = typer.Option(
        None, min=0, help="How far windows of a network overlap, pixels; 64 by default, or half of a smaller window."
    ),
    rules: Path | None = typer.Option(None, help="Settings of the rules (docs/rules.md); with --model ratio."),
    runtime: str = typer.Option("auto", help="auto, openvino, torch or onnx."),
    precision: str = typer.Option("f32", help="f32, bf16 or int8; the last two after `firnline models quantise`."),
    only_above: float | None = typer.Option(None, help="No glacier is below this height, metres."),
    only_slope_below: float | None = typer.Option(None, help="No glacier is on a steeper slope, degrees."),
    tta: bool = typer.Option(
        False, "--tta", help="The mean over all flips and quarter turns; takes 8 times as long."
    ),
    uncertainty: bool = typer.Option(False, "--uncertainty", help="Write uncertainty.tif too."),
    restart: bool = typer.Option(False, "--restart", help="Forget unfinished work in the folder."),
    force: bool = typer.Option(
        False, "--force", help="Map a scene that `firnline scenes check` refuses; the results say so."
    ),
) -> None:
    """Map the glaciers of SCENE: class and probability rasters, outlines, a report, a record.

    With --scenes LIST and --cluster, those of many scenes, each into a folder of its own.
    """
    from firnline.cli.choices import chosen, one_of, scene_source
    from firnline.cli.map_scenes import map_list
    from firnline.cli.progress import progress_bar
    from firnline.inference.open_model import read_rules
    from firnline.inference.runtime import PRECISIONS, RUNTIMES
    from firnline.inference.wrapped_model import PriorSettings
    from firnline.inventory.export import VectorFormat
    from firnline.mapping import MapSettings, map_scene

    settings = MapSettings(
        minimum_area_km2=minimum_area,
        formats=tuple(dict.fromkeys(chosen(VectorFormat, name, "--format") for name in formats)),
        window=window,
        overlap=overlap,
        runtime=one_of(runtime, RUNTIMES, "--runtime", "a runtime"),
        precision=one_of(precision, PRECISIONS, "--precision", "a precision"),
        prior=PriorSettings(only_above, only_slope_below),
        tta=tta,
        uncertainty=uncertainty,
        rules=None if rules is None else read_rules(rules),
        restart=restart,
        force=force,
    )
    if scenes is not None:
        if scene is not None or sidecar is not None:
            raise ConfigError(
                "names the scenes", where="--scenes", do="leave out SCENE, and put sidecars in the list"
            )
        map_list(
            scenes, model, out_dir, cluster, settings, bands_a_task=bands_a_task, dem=dem, bands=bands, sensor=sensor
        )
        return
    if scene is None:
        raise ConfigError("no scene is named", do="name one, or a list with --scenes")
    if cluster is not None or bands_a_task is not None:
        raise ConfigError(
            "go with a list of scenes", where="--cluster and --bands-a-task", do="give one with --scenes"
        )
    source = scene_source(scene, dem=dem, bands=bands, sidecar=sidecar, sensor=sensor)
    with progress_bar("mapping") as bar:
        result = map_scene(source, model, out_dir, settings, bar.update)
    for name, area in result.areas_km2.items():
        typer.echo(f"{name:<22} {area:10.2f} km2")
    typer.echo(f"{'unknown':<22} {result.unknown_share:10.1%} of the scene")
    for mark in result.marks:
        typer.echo(f"mark     {mark}")
    typer.echo(f"outlines {', '.join(str(path) for path in result.outlines)}")
    typer.echo(f"report   {result.report}")
