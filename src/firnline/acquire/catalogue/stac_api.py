"""Talking to a STAC API: pages of items as they come, with patience, and in one line what went wrong."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any, Final

import pystac_client
from pystac.errors import STACError
from pystac_client.conformance import ConformanceClasses
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO

from firnline import __version__
from firnline.acquire.network import PATIENCE, Patience, RemoteError, reason, retry, without_query

_PAGE: Final = 100
_MOST: Final = 20_000
"""More items than this are asked for by mistake."""
_WRONG: Final = (
    *(STACError, ClientTypeError),
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, NotImplementedError),
)
"""What pystac and pystac-client raise on answers that are not what they should be."""

_logger = logging.getLogger(__name__)


class StacApi:
    """A STAC API that can search items.

    Only ids, collections, a bounding box and dates are ever asked of a server. Many lack the extensions for more,
    and then answer nothing, or everything, without an error; what else is wanted is filtered here.

    Raises
    ------
    RemoteError
        When it does not answer, or is no STAC API that searches items.
    """

    def __init__(self, url: str, patience: Patience = PATIENCE) -> None:
        self.url = url
        self._patience = patience
        io = _PatientIO(patience)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._client = pystac_client.Client.open(url, stac_io=io, timeout=patience.timeout)
                can_search = self._client.conforms_to(ConformanceClasses.ITEM_SEARCH)
        except (APIError, *_WRONG) as error:
            raise self._failed(error, "is no STAC API") from None
        searches = [link for link in self._client.links if link.rel == "search"]
        if not can_search or not searches:
            raise RemoteError(
                "cannot search items: it states no conformance with STAC API item search",
                where=without_query(url),
                do="give the address of a STAC API, not of a static catalogue",
            )
        posts = any(str(link.extra_fields.get("method", "GET")).upper() == "POST" for link in searches)
        self._method = "POST" if posts else "GET"

    def search(self, collection: str, **what: Any) -> Iterator[dict[str, Any]]:
        """The items of a collection, page by page, as the server sends them; each id once.

        Parameters
        ----------
        collection
            Its name.
        what
            Of `ids`, `bbox` (west, south, east, north) and `datetime`, what is wanted.

        Raises
        ------
        RemoteError
            When the server fails, refuses, or sends what is no list of items.
        """
        seen: set[str] = set()
        again = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                search = self._client.search(
                    method=self._method, collections=[collection], limit=_PAGE, max_items=_MOST, **what
                )
                for item in search.items_as_dicts():
                    name = str(item.get("id")) if isinstance(item, dict) else ""
                    again = again + 1 if name in seen else 0
                    if again > _PAGE:
                        raise RemoteError(
                            "sends the same page again and again", where=without_query(self.url), do="try again later"
                        )
                    if name not in seen or not name:
                        seen.add(name)
                        yield item
        except (APIError, *_WRONG) as error:
            raise self._failed(error, "sends what is no list of items") from None
        if len(seen) >= _MOST:
            raise RemoteError(
                f"has {_MOST} items or more for this", where=without_query(self.url), do="shorten --dates"
            )

    def _failed(self, error: Exception, what: str) -> RemoteError:
        code = _status(error)
        if code is not None:
            do = "try again later" if code == 429 or code >= 500 else "check --api, --catalogue and --collection"
            return RemoteError(f"answered {code}", where=without_query(self.url), do=do)
        if isinstance(error, APIError):
            return RemoteError(
                f"does not answer: {reason(error)}", where=without_query(self.url), do="try again later"
            )
        return RemoteError(f"{what} ({type(error).__name__})", where=without_query(self.url), do="check --api")


def _status(error: Exception) -> int | None:
    """What the server answered; an APIError of a failed connection has no such thing."""
    code = getattr(error, "status_code", None)
    return code if isinstance(code, int) else None


class _PatientIO(StacApiIO):
    """Tries again where a body breaks off as well, which urllib3 does not."""

    def __init__(self, patience: Patience) -> None:
        super().__init__(
            headers={"User-Agent": f"firnline/{__version__}"}, timeout=patience.timeout, max_retries=retry(patience)
        )
        self._patience = patience

    def request(self, *arguments: Any, **keywords: Any) -> str:
        for attempt in range(1, self._patience.attempts + 1):
            try:
                return str(super().request(*arguments, **keywords))
            except APIError as error:
                broken = _status(error) is None and reason(error) == "the connection broke off"
                if not broken or attempt == self._patience.attempts:
                    raise
                _logger.warning("the answer of the catalogue broke off, asking again")
                time.sleep(self._patience.wait(attempt))
        raise AssertionError
