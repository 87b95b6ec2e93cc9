"""The command line before it does anything: help is quick, and usage errors are typer's, without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import firnline as package

HEAVY = (
    "torch",
    "rasterio",
    "geopandas",
    "matplotlib",
    "openvino",
    "scipy",
    "pandas",
    "sklearn",
    "lightgbm",
    "skimage",
)
COMMANDS = ("map", "train", "evaluate", "labels", "synth")


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    run = (
        "import sys; from firnline.cli import main\n"
        f"sys.argv = ['firnline', *{words!r}]\n"
        "try: main()\n"
        f"finally: print('heavy:', *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "heavy:"


def test_the_installed_command_runs() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("firnline"), "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"firnline {package.__version__}\n"


def test_without_a_command_it_shows_help(firnline) -> None:
    code, out, err = firnline()
    assert code == 2
    assert "Usage: firnline" in out + err
    assert all(command in out + err for command in COMMANDS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["melt"], "No such command 'melt'"),
        (["map"], "Missing"),
        (["map", "scene.tif", "--nothing"], "--nothing"),
        (["map", "scene.tif", "-m", "ratio", "-o", "out", "--window", "10"], "--window"),
        (["map", "scene.tif", "-m", "ratio", "-o", "out", "--minimum-area", "-1"], "--minimum-area"),
        (["train", "a.yaml", "--epochs", "0"], "--epochs"),
        (["train", "a.yaml", "--seed", "-1"], "--seed"),
        (["train", "a.yaml", "--threads", "0"], "--threads"),
        (["synth", "out", "--seed", "one"], "--seed"),
        (["evaluate", "map.tif"], "--truth"),
        (["labels", "scene.tif"], "--output"),
    ],
)
def test_a_usage_error_is_told_without_a_traceback(firnline, words: list[str], message: str) -> None:
    code, out, err = firnline(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert "Usage: firnline" in err
    assert "Traceback" not in err
    assert not Path("out").exists()
