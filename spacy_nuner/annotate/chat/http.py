"""A session with a server: one request -> the body of its response, or a `Failure`."""

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from spacy_nuner.annotate.chat.failure import Failure, judge_status
from spacy_nuner.annotate.chat.key import Key, make_redactor, read_key
from spacy_nuner.annotate.chat.settings import Settings

_CONNECT_TIME = 10.0  # seconds, of a try's time


class Http:
    """Requests to one server."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: Settings,
        redact: Callable[[str], str],
        *,
        has_key: bool,
    ) -> None:
        """Wrap a session, see `open_http`.

        session (aiohttp.ClientSession): With the key in its headers.
        settings (Settings): How the server is reached.
        redact (Callable[[str], str]): Takes the key out of a text.
        has_key (bool): Whether a key is sent.
        """
        self._session = session
        self._settings = settings
        self._proxy = find_proxy(settings.base_url)
        self.redact = redact
        self.has_key = has_key

    async def send(self, method: str, path: str, data: Any = None) -> bytes:
        """Send a request, once.

        method (str): "GET" or "POST".
        path (str): After the base_url, as "/chat/completions".
        data (Any): Body: bytes of JSON, or a form.
        RETURNS (bytes): Body of the response.
        RAISES (Failure): If there is no response, or none with success.
        """
        kind = {"Content-Type": "application/json"} if isinstance(data, bytes) else {}
        try:
            async with self._session.request(
                method,
                self._settings.base_url + path,
                data=data,
                headers=kind,
                proxy=self._proxy,
                # a server elsewhere must not get the prompts
                allow_redirects=False,
            ) as response:
                content = await response.read()
                status, headers = response.status, response.headers
        except TimeoutError:
            seconds = self._settings.max_request_time
            raise Failure(f"no response in {seconds:g} s", "again", "down") from None
        except aiohttp.ClientConnectorError as error:
            raise self._fail("can't connect", error, "unreachable") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._fail("the connection broke", error, "down") from None
        if 200 <= status < 300:
            return content
        raise judge_status(status, headers, content, self.redact)

    def _fail(self, what: str, error: Exception, sign: Any) -> Failure:
        # only the innermost reason: others' messages may hold the request
        cause = getattr(error, "os_error", error)
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        verdict: Any = "again"
        if isinstance(cause, ssl.SSLCertVerificationError):
            verdict = "final"
        return Failure(self.redact(f"{what}: {reason}"), verdict, sign)


@asynccontextmanager
async def open_http(settings: Settings) -> AsyncIterator[Http]:
    """Read the key and open a session, which is closed at the end.

    settings (Settings): How the server is reached.
    YIELDS (Http): For requests to it.
    RAISES (ValueError): If there's something wrong with the key.
    """
    key = read_key(settings.key_env, settings.key_file)
    seconds = settings.max_request_time
    timeout = aiohttp.ClientTimeout(
        total=seconds, sock_connect=min(seconds, _CONNECT_TIME)
    )
    connector = aiohttp.TCPConnector(limit=settings.max_concurrent)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        headers=settings.headers | make_headers(settings.key_header, key),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Http(session, settings, make_redactor(key), has_key=key is not None)
    await asyncio.sleep(0)  # lets the connections say goodbye


def make_headers(name: str, key: Key | None) -> dict[str, str]:
    """RETURNS (dict[str, str]): The header that carries the key, if there is one."""
    if key is None:
        return {}
    is_bearer = name.lower() == "authorization"
    return {name: f"Bearer {key.reveal()}" if is_bearer else key.reveal()}


def find_proxy(url: str) -> str | None:
    """RETURNS (str | None): The proxy that the environment names for an address."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)
