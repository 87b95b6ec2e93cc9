"""Models: rules, networks, and the bundle that carries everything a prediction needs."""
