"""Work that outlasts a request: jobs in worker processes, and the events by which pages follow them."""
