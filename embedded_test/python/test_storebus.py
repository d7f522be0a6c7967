# SPDX-License-Identifier: EUPL-1.2

"""The wire contract of storebus, seen by a program without any library.

    python3 -m unittest discover -s embedded_test/python
"""

import datetime
import json
import unittest
import uuid

import sidecar
import wire
from storebus import Namespace, StorebusError, token


class StorebusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        url = cls.enterClassContext(sidecar.running_sidecar())
        cls.connection = cls.enterClassContext(wire.Connection(url))

    def setUp(self):
        # A namespace begins with its first write: each test has one of its own.
        self.name = f"acme-{uuid.uuid4()}"
        self.acme = Namespace(self.connection, self.name)

    def assert_error(self, code, name, call, *arguments, **fields):
        with self.assertRaises(StorebusError) as raised:
            call(*arguments, **fields)
        self.assertEqual((code, name), (raised.exception.code, raised.exception.name))
        return raised.exception.details

    def test_set_stores_a_value_and_get_reads_it(self):
        stored = self.acme.call("set", group="config", key="theme", value="dunkel, тёмная, 暗い")
        self.assertEqual({"revision": 1, "created": True}, stored)

        entry = self.acme.call("get", group="config", key="theme")
        self.assertEqual("dunkel, тёмная, 暗い", entry["value"])
        self.assertEqual(1, entry["revision"])

    def test_the_raw_form_carries_any_bytes(self):
        image = bytes(range(256)) + b"\r\nMSG x 1 5\r\n"
        stored = self.acme.raw("set", "files.images", "logo 1.png", image, **{"Nats-TTL": "1h"})
        self.assertEqual("1", stored.headers["Storebus-Revision"])
        self.assertEqual(json.loads(stored.payload)["expires_at"], stored.headers["Storebus-Expires-At"])

        read = self.acme.raw("get", "files.images", "logo 1.png")
        self.assertEqual(image, read.payload)
        self.assertEqual({"Storebus-Revision", "Storebus-Expires-At"}, set(read.headers))
        expires_at = datetime.datetime.fromisoformat(read.headers["Storebus-Expires-At"])
        self.assertGreater(expires_at, datetime.datetime.now(datetime.timezone.utc))
        self.assertEqual("1", self.acme.raw("exists", "files.images", "logo 1.png").headers["Storebus-Revision"])

    def test_an_error_is_told_by_its_code(self):
        self.assertEqual({}, self.assert_error(404, "not_found", self.acme.call, "get", key="missing"))
        self.assert_error(404, "not_found", self.acme.raw, "get", "default", "missing")
        details = self.assert_error(400, "bad_request", self.acme.call, "set", key="theme", vlaue="dark")
        self.assertEqual({"field": "vlaue"}, details)

        self.acme.call("set", key="theme", value="dark")
        details = self.assert_error(409, "revision_conflict", self.acme.call, "set", key="theme", value="light", if_revision=0)
        self.assertEqual({"current_revision": 1}, details)
        with self.assertRaises(wire.NoResponders):
            self.acme.call("sett", key="theme", value="dark")

    def test_every_change_has_its_event(self):
        events = self.acme.subscribe()
        self.acme.call("set", group="config", key="theme", value="dark")
        message = self.connection.receive(events)

        event = json.loads(message.payload)
        self.assertEqual(f"store.events.{self.name}.config", message.subject)
        self.assertEqual({"Nats-Msg-Id": f"{event['store']}:{self.name}:1"}, message.headers)
        self.assertIsNotNone(datetime.datetime.fromisoformat(event.pop("timestamp")).tzinfo)
        del event["store"]
        self.assertEqual(
            {
                "revision": 1,
                "previous": 0,
                "type": "set",
                "namespace": self.name,
                "group": "config",
                "key": "theme",
                "value": "dark",
                "created": True,
            },
            event,
        )

    def test_a_key_whose_time_has_come_is_announced(self):
        events = self.acme.subscribe()
        self.acme.call("set", key="session", value="online", ttl=0.1)
        types = [json.loads(self.connection.receive(events).payload)["type"] for _ in range(2)]
        self.assertEqual(["set", "expire"], types)

    def test_who_was_away_takes_the_changes_since(self):
        for number in range(5):
            self.acme.call("set", key="number", value=str(number))
        self.acme.call("delete", key="number")

        missed = [(change["revision"], change["type"], change.get("value")) for change in self.acme.changes(after=3)]
        self.assertEqual([(4, "set", "3"), (5, "set", "4"), (6, "delete", None)], missed)
        details = self.assert_error(410, "compacted", self.acme.call, "changes", after=7)
        self.assertEqual((1, 6), (details["oldest"], details["revision"]))


class TokenTest(unittest.TestCase):
    def test_a_name_has_one_token(self):
        tokens = {"config": "config", "a.b*": "a%2Eb%2A", "user:42/@+~=-_": "user:42/@+~=-_", "ü %": "%C3%BC%20%25"}
        for name, expected in tokens.items():
            with self.subTest(name):
                self.assertEqual(expected, token(name))


if __name__ == "__main__":
    unittest.main()
