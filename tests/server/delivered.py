"""What a client does to have a layer delivered: order it, wait, take the file."""

from __future__ import annotations

import time
from typing import Any

from fastapi.testclient import TestClient


def export(client: TestClient, layer: str, **wanted: Any) -> Any:
    """The file that comes of an order, or the answer that refuses it."""
    answer = client.post(f"/api/v1/inventories/{layer}/exports", json=wanted)
    return taken(client, answer.json()["id"]) if answer.status_code == 201 else answer


def ended(client: TestClient, job: str) -> dict[str, Any]:
    """A job when it has ended; it is waited for."""
    while True:
        said: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        if said["ended"]:
            return said
        time.sleep(0.05)


def taken(client: TestClient, job: str) -> Any:
    """The file of an export, when it is there."""
    said = ended(client, job)
    assert said["state"] == "done", said
    answer = client.get(f"/api/v1/jobs/{job}/file")
    assert said["result"] == {
        "file": answer.headers["content-disposition"].split('"')[1],
        "size": len(answer.content),
    }
    return answer
