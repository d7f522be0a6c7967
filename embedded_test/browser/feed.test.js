// SPDX-License-Identifier: EUPL-1.2

// The changes of a namespace: the live feed, and the way back through the log.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect } from "@nats-io/transport-node";

import { look, open, phone, start, tabTo } from "./browser.js";

const revisions = (page, table) => page.locator(`#${table} tbody tr`).evaluateAll((rows) => rows.map((row) => Number(row.dataset.revision)));
const downFrom = (first, last) => Array.from({ length: first - last + 1 }, (_, index) => first - index);

test("the live feed goes on where it was when the sidecar was killed, and misses nothing", async (t) => {
  const sidecar = await start(t);
  sidecar.run("set", "acme", "counter", "first", "0");
  const page = await open(t, sidecar, "#/acme/live");
  await page.getByText("Live, after revision 1").waitFor();
  for (let round = 0; round < 3; round++) {
    await sidecar.kill();
    await page.getByText("Reconnecting, after revision").waitFor();
    await sidecar.serve();
    for (let index = 0; index < 5; index++) sidecar.run("increment", "acme", "counter", "visits");
  }
  await page.getByText("Live, after revision 16").waitFor();
  assert.deepEqual(await revisions(page, "feed"), downFrom(16, 1));
  await look(page, "killed");
});

test("a pause loses nothing, and a filter hides without forgetting", async (t) => {
  const sidecar = await start(t);
  sidecar.run("set", "acme", "config", "theme", "dark");
  const page = await open(t, sidecar, "#/acme/live");
  await page.getByText("Live, after revision 1").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  sidecar.run("set", "acme", "other", "colour", "red");
  sidecar.run("delete", "acme", "config", "theme");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Live, after revision 3").waitFor();
  await page.locator("#feed-filter").fill("colour");
  assert.equal(await page.locator("#feed tbody tr:visible").count(), 1);
  await page.locator("#feed-filter").fill("");
  await page.locator("#feed-type").selectOption("delete");
  assert.equal(await page.locator("#feed tbody tr:visible").count(), 1);
  await page.locator("#feed-type").selectOption("every type");
  assert.equal(await page.locator("#feed tbody tr:visible").count(), 3);
});

test("a change of any text arrives, and links to its entry", async (t) => {
  const sidecar = await start(t);
  const connection = await connect({ servers: sidecar.url });
  t.after(() => connection.close());
  const page = await open(t, sidecar, "#/acme/live");
  await page.getByText("Live, after revision 0").waitFor();
  const texts = ["\u2028line\u2029separators\u0085", "\r\n\n", "data: x\n\nid: 7\n\n", "\u0000", "💾"];
  for (const text of texts) await connection.request("store.acme.set", JSON.stringify({ group: "a/b", key: text, value: text }));
  await page.getByText("Live, after revision 5; 5 changes read.").waitFor();
  assert.deepEqual(await revisions(page, "feed"), downFrom(5, 1));
  await page.locator("#feed [data-revision='1'] a").click();
  await page.getByRole("region", { name: "Entry" }).getByText("revision", { exact: false }).first().waitFor();
  assert.equal(await page.evaluate(() => decodeURIComponent(location.hash)), `#/acme/data/a/b/${texts[0]}`);
});

test("a thousand changes at once are all read, and the newest are shown", async (t) => {
  const sidecar = await start(t);
  const connection = await connect({ servers: sidecar.url });
  t.after(() => connection.close());
  const page = await open(t, sidecar, "#/acme/live");
  await page.getByText("Live, after revision 0").waitFor();
  const then = Array.from({ length: 1000 }, (_, index) => ({ op: "set", key: `key-${index}`, value: "v" }));
  await connection.request("store.acme.transaction", JSON.stringify({ then }));
  await page.getByText("Live, after revision 1000; 1,000 changes read.").waitFor();
  assert.deepEqual(await revisions(page, "feed"), downFrom(1000, 501));
  await page.locator("#feed [data-revision='1000']", { hasText: "in one transaction: 1 to 1000" }).waitFor();
});

test("the log can be gone back through, also with the keyboard alone", async (t) => {
  const sidecar = await start(t);
  for (let index = 1; index <= 60; index++) sidecar.run("set", "acme", "counter", `key-${index}`, String(index));
  const page = await open(t, sidecar, "#/acme/live");
  await page.getByText("The log holds revisions 1 to 60").waitFor();
  await tabTo(page, "The log holds revisions 1 to 60");
  await page.keyboard.press("ArrowLeft");
  await page.getByText("Revision 59: set counter/key-59").waitFor();
  assert.deepEqual(await revisions(page, "history"), downFrom(60, 39));
  await page.keyboard.press("Home");
  await page.getByText("Revision 1: set counter/key-1").waitFor();
  assert.deepEqual(await revisions(page, "history"), downFrom(41, 1));
  await look(page, "scrubbed");
  await tabTo(page, "Older");
  await page.keyboard.press("Space");
  await page.getByText("Revision 1: set counter/key-1").waitFor();
  await tabTo(page, "Newer");
  await page.keyboard.press("Enter");
  await page.locator("#history [aria-current]", { hasText: "counter/key-2" }).waitFor();
  await page.getByRole("spinbutton", { name: "Revision" }).fill("30");
  await page.keyboard.press("Enter");
  await page.locator("#history [aria-current]", { hasText: "counter/key-30" }).waitFor();
  assert.deepEqual(await revisions(page, "history"), downFrom(50, 10));
  assert.equal(await page.evaluate(() => location.hash), "#/acme/live/30");
  await page.locator("#feed-filter").fill("key-3");
  assert.equal(await page.locator("#history tbody tr:visible").count(), 10);
  await page.locator("#feed-filter").fill("");
  sidecar.run("delete", "acme", "counter", "key-1");
  await page.getByText("The log holds revisions 1 to 61").waitFor();
  await page.locator("#history [aria-current] a").click();
  await page.getByRole("heading", { name: "counter/key-30" }).waitFor();
  await page.goBack();
  await page.locator("#history [aria-current]", { hasText: "counter/key-30" }).waitFor();
  await page.getByRole("button", { name: "Live", exact: true }).click();
  await page.locator("#feed [data-revision='61']", { hasText: "delete" }).waitFor();
});

test("what the log holds no longer is told", async (t) => {
  const sidecar = await start(t, "--change-retention-count", "20");
  for (let index = 1; index <= 30; index++) sidecar.run("set", "acme", "counter", `key-${index}`, String(index));
  const page = await open(t, sidecar, "#/acme/live/2");
  await page.getByText(/Revision 2 is no longer in the log/).waitFor();
  await page.getByText(/older changes were compacted/).waitFor();
  const oldest = Number(await page.getByRole("spinbutton", { name: "Revision" }).inputValue());
  assert.ok(oldest > 2 && oldest <= 30, String(oldest));
  assert.equal((await revisions(page, "history")).at(-1), oldest);
  await page.waitForFunction(() => {
    const row = document.querySelector("#history [aria-current]").getBoundingClientRect();
    const box = document.querySelector("#history").parentElement.getBoundingClientRect();
    return box.height > 0 && row.top >= box.top && row.bottom <= box.bottom;
  });
  await look(page, "compacted");
  await page.setViewportSize(phone.viewport);
  await look(page, "compacted-phone");
});

test("a feed that was away for longer than the log reaches back says so", async (t) => {
  const sidecar = await start(t, "--change-retention-count", "20");
  sidecar.run("set", "acme", "counter", "first", "0");
  const page = await open(t, sidecar, "#/acme/live");
  await page.getByText("Live, after revision 1").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  for (let index = 1; index <= 60; index++) sidecar.run("set", "acme", "counter", `key-${index}`, String(index));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Some changes are missing here").waitFor();
  await page.getByText("Live, after revision 61").waitFor();
  await page.getByText(/^The log holds revisions [1-9]\d to 61/).waitFor();
  await look(page, "gap");
});
