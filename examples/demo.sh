#!/bin/sh
# The demo: two made-up mountain ranges; a small U-Net learns on one and maps the other, beside the plain rules.
# Each line is a command that a user could type. Usage: sh examples/demo.sh FOLDER
set -eu
folder=${1:-demo}
here=$(dirname "$0")
say() { printf '\n%s\n' "$*"; }
run() { printf '  $ %s\n' "$*"; "$@"; }

say "1. Two made-up mountain ranges with known glaciers"
run firnline synth "$folder/range-1" --size 512x512 --seed 1
run firnline synth "$folder/range-2" --size 512x512 --seed 2

say "2. A small U-Net learns from the first range (about a minute)"
cp "$here/demo.yaml" "$folder/demo.yaml"
run firnline train "$folder/demo.yaml" -o "$folder/training"

say "3. Both the rules and the U-Net map the second range"
run firnline map "$folder/range-2/scene.tif" --model ratio -o "$folder/map-ratio"
run firnline map "$folder/range-2/scene.tif" --model "$folder/training/model" -o "$folder/map-unet"

say "4. How close are they to the truth? (made-up scenes: this says nothing about real glaciers)"
run firnline evaluate "$folder/map-ratio" --truth "$folder/range-2/classes.tif"
run firnline evaluate "$folder/map-unet" --truth "$folder/range-2/classes.tif"

say "Now open"
echo "  $folder/map-unet/report.html     in a browser: what was mapped, and how far to trust it"
echo "  $folder/map-unet/glaciers.gpkg   in QGIS: the outlines, with their style"
echo "  $folder/map-ratio/report.html    the same by the plain rules"

say "And go on in the browser: see, predict, correct, deliver"
echo "  firnline serve $folder           (where firnline is not on the path: .venv/bin/firnline)"
