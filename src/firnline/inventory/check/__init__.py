"""Quality control: what is wrong with an inventory of glaciers, ranked, each with a point to zoom to."""
