"""A small HTTP/1.1 client, light enough to measure a server on the same machine."""

import asyncio
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit


@dataclass(slots=True)
class Client:
    """Sends one fixed request repeatedly over persistent connections.

    Attributes:
        host: The host to connect to.
        port: The port to connect to.
        request: The whole request, head and body, as it is sent.
    """

    host: str
    port: int
    request: bytes
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    @classmethod
    def post(cls, url: str, body: bytes, headers: dict[str, str]) -> Self:
        """Prepare a POST of JSON to an `http://` URL."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"not an http:// URL: {url}")
        lines = {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        request = f"POST {parts.path or '/'} HTTP/1.1\r\n{head}\r\n".encode() + body
        return cls(parts.hostname, parts.port or 80, request)

    async def send(self) -> int:
        """Send the request; return the status once the whole response has arrived.

        Raises:
            OSError: The connection failed.
        """
        reader, writer = self._take() or await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(self.request)
            status, close = await _read_response(reader)
        except BaseException:
            writer.close()
            raise
        if close:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return status

    def _take(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return an idle connection that the server has not closed, if there is one."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    async def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop()[1].close()
        await asyncio.sleep(0)  # let the event loop close them


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one response; return its status and whether the connection must be closed."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        await reader.readexactly(length)
    except (asyncio.IncompleteReadError, StopIteration) as error:
        raise ConnectionError("the response was cut short") from error
    return int(head.split(b" ", 2)[1]), b"\r\nconnection: close\r\n" in head
