"""From a scene to a probability map: lattice, blending, runtimes, journal."""
