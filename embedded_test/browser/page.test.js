// SPDX-License-Identifier: EUPL-1.2

// The page in a real browser. Pictures of what was seen land in the folder SCREENSHOTS.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { connect } from "@nats-io/transport-node";
import axe from "axe-core";
import { chromium } from "playwright-core";

import { Sidecar } from "./sidecar.js";

const screenshots = process.env.SCREENSHOTS ?? "screenshots";
const desktop = { viewport: { width: 1200, height: 760 } };
const phone = { viewport: { width: 360, height: 740 } };

let browser;

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(() => browser?.close());

/** Opens a place of the page, and fails the test if the browser complains. */
async function open(t, sidecar, place = "", options = desktop) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    // A sidecar that is away is part of some tests; the browser logs each failed request.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(sidecar.page + place);
  await page.locator("#state", { hasText: "ready" }).waitFor();
  return page;
}

/** Takes a picture, and looks for what hinders people: axe's rules, and lines that are too wide. */
async function look(page, name) {
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
  const session = await page.context().newCDPSession(page);
  // The page's own policy lets no script in; the check comes from outside.
  await session.send("Runtime.evaluate", { expression: axe.source });
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "nothing is wider than the page");
}

async function start(t, ...flags) {
  const sidecar = await Sidecar.start(...flags);
  t.after(() => sidecar.stop());
  return sidecar;
}

/** Ada's shop, with a bit of everything. */
function fill(sidecar) {
  sidecar.run("set", "acme", "config", "theme", "dark");
  sidecar.run("set", "acme", "config", "size", "12", "--ttl", "1h");
  sidecar.run("set", "acme", "docs", "readme", '{"title":"Hello","tags":["a","b"],"nested":{"deep":[1,2]}}');
  sidecar.run("set", "acme", "sessions", "ada", "<img src=x onerror=alert(1)>");
  sidecar.run("delete", "acme", "sessions", "ada");
  sidecar.run("set", "shop", "sold", "apples", "3");
  sidecar.run("quota", "acme", "--max-keys", "10", "--max-bytes", "2000000");
  sidecar.run("workspace", "open", "acme", "import-42");
}

test("an empty store says what to do first, and shows what comes", async (t) => {
  const sidecar = await start(t);
  const page = await open(t, sidecar);
  await page.getByText("Nothing is stored yet").waitFor();
  await look(page, "empty");
  sidecar.run("set", "acme", "config", "theme", "dark");
  await page.locator("#namespaces a", { hasText: "acme" }).click();
  await page.getByRole("link", { name: "config" }).click();
  await page.getByRole("link", { name: "theme" }).click();
  await page.locator("pre", { hasText: "dark" }).waitFor();
});

for (const [name, options] of Object.entries({
  light: desktop, dark: { ...desktop, colorScheme: "dark" }, phone, "phone-dark": { ...phone, colorScheme: "dark" },
})) {
  test(`every view, ${name}`, async (t) => {
    const sidecar = await start(t);
    fill(sidecar);
    const page = await open(t, sidecar, "", options);
    await page.getByRole("cell", { name: "set", exact: true }).waitFor();
    await look(page, `home-${name}`);
    for (const [view, place, there] of [
      ["data", "#/acme/data/docs/readme", "Copy as"], ["live", "#/acme/live", "changes shown"], ["journal", "#/acme/journal", "No point was refused"], ["workspaces", "#/acme/workspaces", "import-42"],
    ]) {
      await page.goto(sidecar.page + place);
      await page.getByText(there).first().waitFor();
      await look(page, `${view}-${name}`);
    }
  });
}

test("ten thousand groups come in pages, and are found by their beginnings", async (t) => {
  const sidecar = await start(t);
  const connection = await connect({ servers: sidecar.url });
  t.after(() => connection.close());
  for (let first = 0; first < 10_000; first += 1000) {
    const then = Array.from({ length: 1000 }, (_, index) => ({ op: "set", group: `group-${String(first + index).padStart(5, "0")}`, key: "k", value: "v" }));
    const reply = await connection.request("store.busy.transaction", JSON.stringify({ then }), { timeout: 30_000 });
    assert.equal(reply.json().succeeded, true);
  }
  const page = await open(t, sidecar, "#/busy");
  const groups = page.getByRole("list", { name: "Groups" });
  await groups.getByText("group-00099").waitFor();
  assert.equal(await groups.getByRole("listitem").count(), 100);
  await page.getByRole("button", { name: "More", exact: true }).click();
  await groups.getByText("group-00199").waitFor();
  await look(page, "busy");
  await page.locator("#group-prefix").fill("group-0777");
  await groups.getByText("group-07779").waitFor();
  assert.equal(await groups.getByRole("listitem").count(), 10);
});

test("a value of a mebibyte is shown in part, and whole if wanted", async (t) => {
  const sidecar = await start(t);
  const connection = await connect({ servers: sidecar.url });
  t.after(() => connection.close());
  const value = new Uint8Array(1_000_000).map((_, index) => 97 + index % 26);
  await connection.request("store.acme.set.files.big", value, { timeout: 30_000 });
  await connection.request("store.acme.set.files.binary", Uint8Array.of(0, 255, 16, 32), { timeout: 30_000 });
  const page = await open(t, sidecar, "#/acme/data/files/big");
  await page.getByText("The first 64 KiB of 977 KiB.").waitFor();
  await look(page, "large");
  await page.getByRole("button", { name: "Show all" }).click();
  await page.waitForFunction(() => document.querySelector("pre")?.textContent.length === 1_000_000);
  await page.goto(`${sidecar.page}#/acme/data/files/binary`);
  await page.locator("pre", { hasText: "00 ff 10 20" }).waitFor();
});

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
  const revisions = await page.locator("#feed tbody tr").evaluateAll((rows) => rows.map((row) => Number(row.dataset.revision)));
  assert.deepEqual(revisions, Array.from({ length: 16 }, (_, index) => 16 - index));
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

test("an endpoint that is away is named, with what waits for it", async (t) => {
  const sidecar = await start(t, "--journal-url", "http://127.0.0.1:1", "--journal-bucket", "journal");
  sidecar.run("journal", "commit", "acme", "deploy seconds=12.5");
  const page = await open(t, sidecar, "#/acme/journal");
  await page.getByText("does not answer").waitFor({ timeout: 60_000 });
  await look(page, "endpoint-away");
});

test("a value is never markup", async (t) => {
  const sidecar = await start(t);
  const hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
  sidecar.run("set", "acme", hostile, hostile, hostile);
  const page = await open(t, sidecar, "#/acme/live");
  await page.getByText("Live, after revision 1").waitFor();
  await page.goto(`${sidecar.page}#/acme/data/${encodeURIComponent(hostile)}/${encodeURIComponent(hostile)}`);
  await page.locator("pre", { hasText: hostile }).waitFor();
  assert.equal(await page.locator("main script, main img").count(), 0);
  assert.equal(await page.title(), "storebus");
});

test("all of it can be reached with the keyboard alone", async (t) => {
  const sidecar = await start(t);
  fill(sidecar);
  const page = await open(t, sidecar);
  await page.getByRole("cell", { name: "set", exact: true }).waitFor();
  const tabTo = async (name) => {
    for (let count = 0; count < 60; count++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(() => document.activeElement.textContent.trim()) === name) return;
    }
    assert.fail(`${name} was not reached`);
  };
  await tabTo("Skip to the data");
  await page.keyboard.press("Enter");
  await tabTo("acme");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "acme" }).waitFor();
  await tabTo("Live changes");
  await page.keyboard.press("Enter");
  await page.getByText("changes shown").waitFor();
  await tabTo("Pause");
  await page.keyboard.press("Space");
  await page.locator("main [role=status]", { hasText: "Paused after revision" }).waitFor();
});
