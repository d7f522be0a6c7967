# SPDX-License-Identifier: EUPL-1.2

"""The NATS client protocol over a TCP socket, as far as storebus needs it.

https://docs.nats.io/reference/reference-protocols/nats-protocol describes it. Use a
NATS client library where there is one; this shows that none is needed.
"""

import collections
import itertools
import json
import secrets
import socket
import urllib.parse
from dataclasses import dataclass, field

CRLF = b"\r\n"
HEADER_VERSION = "NATS/1.0"
STATUS_NO_RESPONDERS = "503"


class WireError(Exception):
    """The broker refused something, or went away."""


class NoResponders(WireError):
    """Nobody serves the subject of a request."""


@dataclass
class Message:
    """A message that came, its headers by name, and the status of one of the broker's own."""

    subject: str
    payload: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: str = ""


class Connection:
    """A connection to a broker, for one thread. Its waits end after timeout seconds."""

    def __init__(self, url: str, timeout: float = 10):
        address = urllib.parse.urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port or 4222), timeout)
        self._reader = self._socket.makefile("rb")
        self._waiting: dict[str, collections.deque[Message]] = {}
        self._subscriptions = itertools.count(1)
        self._inbox = f"_INBOX.{secrets.token_hex(12)}"
        self._requests = itertools.count(1)
        self._greet()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def subscribe(self, subject: str) -> str:
        """Subscribes, waits until the broker knows of it, and gives the subscription's id."""
        identifier = str(next(self._subscriptions))
        self._waiting[identifier] = collections.deque()
        self._send(f"SUB {subject} {identifier}")
        self._flush()
        return identifier

    def receive(self, identifier: str) -> Message:
        """Gives the next message of a subscription; TimeoutError where none comes."""
        messages = self._waiting[identifier]
        while not messages:
            self._read_operation()
        return messages.popleft()

    def publish(self, subject: str, payload: bytes, reply_to: str = "", headers: dict[str, str] | None = None) -> None:
        """Publishes a message, with HPUB where it has headers."""
        if not headers:
            self._send(f"PUB {subject} {reply_to} {len(payload)}", payload)
            return
        lines = [HEADER_VERSION, *(f"{name}: {value}" for name, value in headers.items())]
        block = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
        self._send(f"HPUB {subject} {reply_to} {len(block)} {len(block) + len(payload)}", block + payload)

    def request(self, subject: str, payload: bytes = b"", headers: dict[str, str] | None = None) -> Message:
        """Publishes a message and gives the reply to it; NoResponders where nobody listens."""
        inbox = f"{self._inbox}.{next(self._requests)}"
        identifier = self.subscribe(inbox)
        try:
            self.publish(subject, payload, inbox, headers)
            reply = self.receive(identifier)
        finally:
            self._send(f"UNSUB {identifier}")
            del self._waiting[identifier]
        if reply.status == STATUS_NO_RESPONDERS:
            raise NoResponders(subject)
        return reply

    def _greet(self) -> None:
        operation, _, information = self._read_line().partition(" ")
        if operation != "INFO" or not json.loads(information).get("headers"):
            raise WireError("no NATS server with headers")
        options = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "lang": "python",
            "version": "1.0.0",
            "protocol": 1,
        }
        self._send(f"CONNECT {json.dumps(options)}")
        self._flush()

    def _flush(self) -> None:
        """Waits until the broker has taken everything sent before."""
        self._send("PING")
        while self._read_operation() != "PONG":
            pass

    def _send(self, line: str, payload: bytes | None = None) -> None:
        data = line.encode() + CRLF
        if payload is not None:
            data += payload + CRLF
        self._socket.sendall(data)

    def _read_line(self) -> str:
        line = self._reader.readline()
        if not line.endswith(CRLF):
            raise WireError("the broker went away")
        return line.decode().removesuffix("\r\n")

    def _read_operation(self) -> str:
        """Reads one thing that the broker says and gives its name."""
        line = self._read_line()
        operation, _, arguments = line.partition(" ")
        match operation:
            case "MSG":
                self._read_message(arguments.split(), has_headers=False)
            case "HMSG":
                self._read_message(arguments.split(), has_headers=True)
            case "PING":
                self._send("PONG")
            case "-ERR":
                raise WireError(arguments)
        return operation

    def _read_message(self, arguments: list[str], *, has_headers: bool) -> None:
        """Reads what follows MSG subject id [reply-to] size, or HMSG with two sizes."""
        subject, identifier, size = arguments[0], arguments[1], int(arguments[-1])
        header_size = int(arguments[-2]) if has_headers else 0
        data = self._reader.read(size + len(CRLF))
        if len(data) != size + len(CRLF):
            raise WireError("the broker went away")
        status, headers = parse_headers(data[:header_size])
        if identifier in self._waiting:
            self._waiting[identifier].append(Message(subject, data[header_size:size], headers, status))


def parse_headers(block: bytes) -> tuple[str, dict[str, str]]:
    """Gives the status, mostly empty, and the headers of a header block."""
    version, *lines = block.decode().split("\r\n")
    status = version.removeprefix(HEADER_VERSION).strip().partition(" ")[0]
    headers = {}
    for line in filter(None, lines):
        name, _, value = line.partition(":")
        headers[name] = value.strip()
    return status, headers
