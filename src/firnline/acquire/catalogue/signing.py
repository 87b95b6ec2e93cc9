"""Signatures that some catalogues want on the addresses of their pixels: fetched, kept until they run out."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

import requests

from firnline.acquire.catalogue.catalogues import Catalogue
from firnline.acquire.network import PATIENCE, Patience, RemoteError, reason, require_good, session

_EARLY: Final = dt.timedelta(minutes=5)
"""A token is renewed this long before it runs out: a copy that began with it shall end with it."""


@dataclass(frozen=True)
class _Token:
    text: str
    until: dt.datetime


@dataclass
class Signer:
    """Signs addresses as a catalogue wants them; others stay as they are. Several threads may share one.

    Signed addresses are for reading only: they are never written to a file.
    """

    catalogue: Catalogue
    patience: Patience = PATIENCE
    _tokens: dict[str, _Token] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def sign(self, href: str, collection: str) -> str:
        """The address with a signature, where its host wants one.

        Raises
        ------
        RemoteError
            When there is no token to be had.
        """
        host = urlsplit(href).netloc
        if self.catalogue.token_url is None or not host.endswith(self.catalogue.signed_hosts):
            return href
        token = self._token(collection).text
        return f"{href}{'&' if '?' in href else '?'}{token}"

    def _token(self, collection: str) -> _Token:
        with self._lock:  # one asks, the others wait for the answer
            token = self._tokens.get(collection)
            if token is None or token.until - _EARLY < dt.datetime.now(dt.UTC):
                token = self._tokens[collection] = self._fetch(collection)
            return token

    def _fetch(self, collection: str) -> _Token:
        assert self.catalogue.token_url is not None
        url = self.catalogue.token_url.format(collection=quote(collection, safe=""))
        try:
            with session(self.patience) as ask:
                response = ask.get(url, timeout=self.patience.timeout)
        except requests.RequestException as error:
            raise RemoteError(f"gives no signature: {reason(error)}", where=url, do="try again later") from None
        require_good(response, what="no signature")
        try:
            answer = response.json()
            until = dt.datetime.fromisoformat(str(answer["msft:expiry"]))
            if until.tzinfo is None:
                until = until.replace(tzinfo=dt.UTC)
            return _Token(str(answer["token"]), until)
        except (ValueError, KeyError, TypeError):
            raise RemoteError(
                "answers with something else than a signature", where=url, do="try again later"
            ) from None
