# SPDX-License-Identifier: EUPL-1.2

"""A client of storebus: a NATS connection, JSON, and the words of docs/protocol.md."""

import json
from collections.abc import Iterator
from typing import Any

from wire import Connection, Message

PLAIN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:/=@+~")


class StorebusError(Exception):
    """An error that the sidecar has reported.

    Branch on code or on name, never on the message, which is for people; details
    holds what else is known of it, such as current_revision in a conflict.
    """

    def __init__(self, code: int, name: str, message: str, **details: Any):
        super().__init__(message)
        self.code = code
        self.name = name
        self.details = details


class Namespace:
    """What one namespace of a sidecar can be asked."""

    def __init__(self, connection: Connection, name: str):
        self._connection = connection
        self._name = name

    def call(self, verb: str, **body: Any) -> dict[str, Any]:
        """Asks a verb with a JSON body and gives its reply.

        acme.call("set", group="config", key="theme", value="dark")
        """
        reply = self._connection.request(f"store.{self._name}.{verb}", json.dumps(body).encode())
        return json.loads(checked(reply).payload)

    def raw(self, verb: str, group: str, key: str, payload: bytes = b"", **headers: str) -> Message:
        """Asks the raw form of a verb, whose payload is the value itself.

        acme.raw("set", "files", "logo.png", image, **{"Nats-TTL": "1h"})
        """
        subject = f"store.{self._name}.{verb}.{token(group)}.{token(key)}"
        return checked(self._connection.request(subject, payload, headers))

    def changes(self, after: int) -> Iterator[dict[str, Any]]:
        """Gives the changes after a revision that the log holds, in order."""
        while True:
            page = self.call("changes", after=after)
            yield from page["changes"]
            after = page["next"]
            if after >= page["revision"]:
                return

    def subscribe(self) -> str:
        """Subscribes to the namespace's events."""
        return self._connection.subscribe(f"store.events.{self._name}.>")


def checked(reply: Message) -> Message:
    """Gives the reply, or raises the error that it reports."""
    if "Nats-Service-Error-Code" in reply.headers:
        raise StorebusError(**json.loads(reply.payload)["error"])
    return reply


def token(name: str) -> str:
    """Encodes the name of a group or a key as one token of a subject.

    >>> token("a.b*")
    'a%2Eb%2A'
    """
    return "".join(chr(byte) if byte in PLAIN_BYTES else f"%{byte:02X}" for byte in name.encode())
