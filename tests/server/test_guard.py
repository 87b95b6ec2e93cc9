"""Nobody is let in: foreign pages, foreign names, other files."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient


def test_a_page_of_this_server_is_answered(client: TestClient) -> None:
    answer = client.get(
        "/api/v1/project", headers={"Origin": "http://127.0.0.1:8770", "Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 200
    assert answer.json()["settings"] == {"basemaps": []}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name that was made to point here (DNS rebinding)
        {"Host": "127.0.0.1.evil.example:8770"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},  # another server on this machine
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_page_is_not(client: TestClient, headers: dict[str, str], method: str) -> None:
    answer = client.request(method, "/api/v1/project", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "access-control-allow-origin" not in answer.headers


def test_every_answer_carries_a_strict_policy(client: TestClient) -> None:
    for path in ("/", "/api/v1/project", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/%2e%2e/app.py", "/..%2fapp.py", "/api/v1/../../app.py"])
def test_files_beside_the_pages_are_not_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 405)
    assert "import" not in answer.text
