// SPDX-License-Identifier: EUPL-1.2

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";

import { connect } from "@nats-io/transport-node";

import { startSidecar } from "./sidecar.js";
import { Namespace } from "./storebus.js";

let sidecar;
let connection;
let acme;

before(async () => {
  sidecar = await startSidecar();
  connection = await connect({ servers: sidecar.url });
});

after(async () => {
  await connection?.close();
  await sidecar?.stop();
});

// A namespace begins with its first write: each test has one of its own.
beforeEach(() => {
  acme = new Namespace(connection, `acme-${randomUUID()}`);
});

/** The changes up to the first of which isLast holds. */
async function take(changes, isLast) {
  const taken = [];
  for await (const change of changes) {
    taken.push(change);
    if (isLast(change)) {
      return taken;
    }
  }
  throw new Error("the changes have ended");
}

const revisionsOf = (changes) => changes.map((change) => change.revision);

test("set stores a value, get reads it", async () => {
  const stored = await acme.call("set", { group: "config", key: "theme", value: "dunkel, тёмная, 暗い" });
  assert.deepEqual(stored, { revision: 1, created: true });

  const entry = await acme.call("get", { group: "config", key: "theme" });
  assert.equal(entry.value, "dunkel, тёмная, 暗い");
  assert.equal(entry.revision, 1);
  assert.ok(!Number.isNaN(Date.parse(entry.updated_at)));
});

test("bytes that are no text travel as base64", async () => {
  const bytes = Buffer.from([0x00, 0xff, 0x80]);
  await acme.call("set", { key: "blob", value: bytes.toString("base64"), encoding: "base64" });

  const { value, encoding } = await acme.call("get", { key: "blob" });
  assert.equal(encoding, "base64");
  assert.deepEqual(Buffer.from(value, "base64"), bytes);
});

test("an error is told by its code", async () => {
  await assert.rejects(acme.call("get", { key: "missing" }), { code: 404, errorName: "not_found" });
  await assert.rejects(acme.call("set", { key: "theme", vlaue: "dark" }), {
    code: 400,
    errorName: "bad_request",
    details: { field: "vlaue" },
  });

  await acme.call("set", { key: "theme", value: "dark" });
  await assert.rejects(acme.call("set", { key: "theme", value: "light", if_revision: 0 }), {
    code: 409,
    errorName: "revision_conflict",
    details: { current_revision: 1 },
  });
  assert.equal((await acme.call("get", { key: "theme" })).value, "dark");
});

test("a transaction is carried out as a whole, or not at all", async () => {
  await acme.call("set", { group: "accounts", key: "ada", value: "100" });
  const transfer = {
    if: [{ group: "transfers", key: "t-1", exists: false }],
    then: [
      { op: "increment", group: "accounts", key: "ada", by: -30 },
      { op: "increment", group: "accounts", key: "bob", by: 30 },
      { op: "set", group: "transfers", key: "t-1", value: "done" },
    ],
    else: [{ op: "get", group: "transfers", key: "t-1" }],
  };

  const first = await acme.call("transaction", transfer);
  assert.equal(first.succeeded, true);
  assert.deepEqual([first.first_revision, first.revision], [2, 4]);
  assert.deepEqual(first.results[0], { value: 70, revision: 2 });
  assert.deepEqual(first.results[1], { value: 30, revision: 3 });
  assert.deepEqual(first.results[2], { revision: 4, created: true });

  const second = await acme.call("transaction", transfer);
  assert.equal(second.succeeded, false);
  assert.equal(second.results[0].value, "done");

  const failing = [
    { op: "set", key: "draft", value: "x" },
    { op: "increment", key: "draft" },
  ];
  await assert.rejects(acme.call("transaction", { then: failing }), (error) => {
    assert.equal(error.code, 400);
    assert.equal(error.details.index, 1);
    return true;
  });
  assert.deepEqual(await acme.call("exists", { key: "draft" }), { exists: false });
});

test("a write with a message id is applied once, however often it is sent", async () => {
  const messageID = randomUUID();
  const first = await acme.call("increment", { key: "visits" }, { messageID });
  assert.deepEqual(await acme.call("increment", { key: "visits" }, { messageID }), first);
  assert.equal((await acme.call("get", { key: "visits" })).value, "1");
});

test("a key whose time has come is announced as expired", async () => {
  const messages = acme.subscribe();
  const stored = await acme.call("set", { group: "sessions", key: "ada", value: "online", ttl: "100ms" });
  assert.ok(Date.parse(stored.expires_at) > 0);

  const [, expired] = await take(acme.follow(messages, 0), ({ type }) => type === "expire");
  assert.equal(expired.group, "sessions");
  assert.equal(expired.key, "ada");
  assert.deepEqual([expired.revision, expired.previous], [2, 1]);
  await assert.rejects(acme.call("get", { group: "sessions", key: "ada" }), { code: 404 });
});

test("an event that was missed is fetched from the log", async () => {
  const messages = acme.subscribe();
  async function* lossy() {
    for await (const message of messages) {
      if (![2, 3].includes(message.json().revision)) {
        yield message;
      }
    }
  }
  for (const value of ["a", "b", "c", "d"]) {
    await acme.call("set", { key: "letter", value });
  }

  const seen = await take(acme.follow(lossy(), 0), ({ revision }) => revision === 4);
  assert.deepEqual(revisionsOf(seen), [1, 2, 3, 4]);
  assert.equal(seen.map(({ value }) => value).join(""), "abcd");
});

test("an event that comes twice is seen once", async () => {
  const messages = acme.subscribe();
  async function* repeated() {
    for await (const message of messages) {
      yield message;
      yield message;
    }
  }
  await acme.call("set", { key: "theme", value: "dark" });
  await acme.call("delete", { key: "theme" });

  const seen = await take(acme.follow(repeated(), 0), ({ type }) => type === "delete");
  assert.deepEqual(revisionsOf(seen), [1, 2]);
});

test("who was away takes what came since", async () => {
  await acme.call("set", { key: "theme", value: "dark" });
  const { revision } = await acme.call("list");

  await acme.call("set", { key: "theme", value: "light" });
  await acme.call("delete", { key: "theme" });

  const missed = await take(acme.changes(revision), ({ type }) => type === "delete");
  assert.deepEqual(missed.map(({ type, revision }) => [type, revision]), [["set", 2], ["delete", 3]]);

  const waiting = acme.call("changes", { after: 3, wait: "30s" }, { wait: 30_000 });
  await acme.call("set", { key: "theme", value: "dark" });
  assert.deepEqual(revisionsOf((await waiting).changes), [4]);

  await assert.rejects(acme.call("changes", { after: 99 }), {
    code: 410,
    errorName: "compacted",
    details: { oldest: 1, revision: 4, store: (await waiting).store },
  });
});
