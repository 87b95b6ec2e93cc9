"""Many scenes on many machines: a list of scenes, tasks for the workers of dask.distributed, a table at the end."""
