"""One HTTP/2 connection, on the protocol library h2: many requests at once, GOAWAY told apart.

A request whose stream is above the last that the server names was not looked at (RFC 9113, section
6.8) and may be sent again elsewhere at once; those up to it are still answered on this connection.
A server that vanishes says nothing: whoever gives up waiting ends the connection if nothing at all
has come for a while, and otherwise its own stream.
"""

import asyncio
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error

CONNECT_WITHIN_S = 3.0
SILENT_S = 5.0
"""A server that is asked and says nothing for so long is no more."""
_HEAD, _GOAWAY = 9, 7


class NotTaken(Exception):
    """The server certainly has not looked at the request."""


class Lost(Exception):
    """The connection ended before the answer: the outcome is unknown."""


@dataclass(frozen=True, slots=True)
class H2Answer:
    """An answer with its headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class _Stream:
    answer: "asyncio.Future[H2Answer]"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class H2Client(asyncio.Protocol):
    """A connection to one server. Made by `open_h2`."""

    def __init__(self) -> None:
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._streams: dict[int, _Stream] = {}
        self._buffer = bytearray()
        self._room = asyncio.Condition()
        self._transport: asyncio.Transport | None = None
        self._silent_since_s: float | None = None
        """Since when an answer has been waited for and nothing has come."""
        self.is_open = True
        """Whether it takes new requests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no such class
        self._h2.initiate_connection()
        self._flush()

    async def request(self, headers: Sequence[tuple[str, str]], body: bytes) -> H2Answer:
        """Send a request and wait for its answer. Raises NotTaken and Lost."""
        async with self._room:
            await self._room.wait_for(lambda: not self.is_open or self._has_room(len(body)))
            if not self.is_open:
                raise NotTaken("the connection takes no more")
            stream_id = self._h2.get_next_available_stream_id()
            stream = self._streams[stream_id] = _Stream(asyncio.get_running_loop().create_future())
            self._h2.send_headers(stream_id, headers)
            self._h2.send_data(stream_id, body, end_stream=True)
            self._flush()
            self._silent_since_s = self._silent_since_s or time.monotonic()
        try:
            return await stream.answer
        except asyncio.CancelledError:
            self._give_up(stream_id)
            raise
        finally:
            self._streams.pop(stream_id, None)
            await self._wake()

    def data_received(self, data: bytes) -> None:
        """Sort what came by stream."""
        self._silent_since_s = None
        self._buffer += data
        try:
            for frame in self._take_frames():
                if frame[3] == _GOAWAY:
                    # the library would take nothing more from a server that goes away
                    self._go_away(int.from_bytes(frame[9:13], "big") & 0x7FFF_FFFF)
                    continue
                for event in self._h2.receive_data(frame):
                    self._note(event)
        except H2Error:
            self.close()
            return
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        """What is not answered is unknown."""
        self.is_open = False
        for stream in self._streams.values():
            if not stream.answer.done():
                stream.answer.set_exception(Lost("the connection ended"))
        self._wake_soon()

    def close(self) -> None:
        """End it at once, whatever the server still takes; what waits is lost."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self, stream_id: int) -> None:
        since_s = self._silent_since_s
        if since_s is not None and time.monotonic() - since_s >= SILENT_S:
            self.close()
            return
        with suppress(H2Error):  # it may have ended meanwhile
            self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
        self._flush()

    def _take_frames(self) -> Iterator[bytes]:
        """The whole frames that have come: nine bytes of head (RFC 9113, section 4.1), payload."""
        while len(self._buffer) >= _HEAD:
            size = _HEAD + int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < size:
                return
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            yield frame

    def _note(self, event: object) -> None:
        match event:
            case ResponseReceived():
                if (stream := self._streams.get(event.stream_id)) is not None:
                    stream.headers = {str(name): str(value) for name, value in event.headers}
            case DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if (stream := self._streams.get(event.stream_id)) is not None:
                    stream.body += event.data
            case StreamEnded():
                self._finish(event.stream_id)
            case StreamReset():
                # REFUSED_STREAM (7): not looked at, RFC 9113, section 8.7
                error = NotTaken("refused") if event.error_code == 7 else Lost("reset")
                self._fail(event.stream_id, error)
            case RemoteSettingsChanged() | WindowUpdated():
                self._wake_soon()

    def _go_away(self, last_stream_id: int) -> None:
        self.is_open = False
        for stream_id in [each for each in self._streams if each > last_stream_id]:
            self._fail(stream_id, NotTaken("the server goes away"))
        self._wake_soon()

    def _finish(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None or stream.answer.done():
            return
        status = int(stream.headers.get(":status", "0"))
        stream.answer.set_result(H2Answer(status, stream.headers, bytes(stream.body)))

    def _fail(self, stream_id: int, error: Exception) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.answer.done():
            stream.answer.set_exception(error)

    def _has_room(self, size: int) -> bool:
        streams = self._h2.remote_settings.max_concurrent_streams
        return (
            self._h2.open_outbound_streams < streams
            and size <= self._h2.outbound_flow_control_window
        )

    def _flush(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._h2.data_to_send())

    def _wake_soon(self) -> None:
        self._waking = asyncio.ensure_future(self._wake())

    async def _wake(self) -> None:
        async with self._room:
            self._room.notify_all()


async def open_h2(host: str, port: int, *, tls: ssl.SSLContext | None) -> H2Client:
    """Connect; without `tls` in the clear, as to a server of a test. Raises NotTaken."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, client = await loop.create_connection(H2Client, host, port, ssl=tls)
    except OSError as error:
        raise NotTaken(type(error).__name__) from None
    return client
