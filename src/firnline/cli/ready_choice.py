"""What `scenes build` and `scenes fetch` share: settings of an analysis-ready scene, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from firnline.errors import ConfigError

if TYPE_CHECKING:
    from firnline.acquire.ready.make import ReadyScene
    from firnline.acquire.ready.settings import ReadySettings

RESOLUTION: float | None = typer.Option(None, help="Pixel size in metres (the finest optical band's).")
RESAMPLING: str = typer.Option("bilinear", help="Of bands on other pixels: bilinear or nearest.")
CLOUD: str = typer.Option("unknown", help="Pixels flagged as cloud: unknown or keep.")
CLOUD_BUFFER: int = typer.Option(0, help="Widen cloud by so many pixels.")
KEEP_CLOUD_OVER_ICE: bool = typer.Option(False, help="Keep cloud-flagged pixels that look like snow or ice.")
CIRRUS: bool = typer.Option(True, help="Whether thin cirrus counts as cloud.")
SHADOW: str = typer.Option("keep", help="Pixels flagged as shadow of clouds: unknown or keep.")


def ready_settings(command: str, **given: Any) -> ReadySettings:
    """Settings from options; a value that makes no sense is an error that names its option."""
    from pydantic import ValidationError

    from firnline.acquire.ready.settings import ReadySettings
    from firnline.sidecar import explain

    try:
        return ReadySettings(**given)
    except ValidationError as error:
        key, _, what = explain(error).partition(": ")
        option = "--" + key.split(".")[0].replace("_", "-")
        raise ConfigError(what, where=option, do=f"see firnline {command} --help") from None


def names(text: str | None) -> tuple[str, ...] | None:
    """Band names of an option, as ``green,red``."""
    return None if text is None else tuple(name.strip() for name in text.split(","))


def tell(scene: ReadyScene) -> None:
    """Say what was done, where the files are, and what `firnline scenes check` has against the scene."""
    from firnline.features import FeatureSource
    from firnline.preflight.check import check_scene
    from firnline.preflight.finding import Severity
    from firnline.scene import open_scene

    typer.echo("\n".join(scene.lines))
    files = {"scene": scene.path, "flags": scene.flags, "item": scene.item, "manifest": scene.manifest}
    for what, path in files.items():
        typer.echo(f"{what:<8} {path}")
    for finding in check_scene(FeatureSource(open_scene(scene.path))).sorted():
        if finding.severity in (Severity.REFUSE, Severity.CAUTION):
            typer.echo(f"check    {finding.severity}: {finding.check}: {finding.what}")
