// SPDX-License-Identifier: EUPL-1.2

// The views of the page.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { connect } from "@nats-io/transport-node";

import { desktop, fill, look, open, phone, start, tabTo } from "./browser.js";

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
    await page.locator("td", { hasText: /^set$/ }).waitFor();
    await look(page, `home-${name}`);
    for (const [view, place, there] of [
      ["data", "#/acme/data/docs/readme", "Copy as"], ["live", "#/acme/live", "5 changes read"], ["history", "#/acme/live/3", "Revision 3: set docs/readme"], ["journal", "#/acme/journal", "has refused no point"],
      ["workspaces", "#/acme/workspaces", "import-42"], ["try", "#/acme/try/list", "Read a page of a group"], ["try-operator", "#/admin/try/quota", "Read the quota of a namespace"],
    ]) {
      await page.goto(sidecar.page + place);
      await page.getByText(there).first().waitFor();
      await look(page, `${view}-${name}`);
    }
  });
}

test("the head tells what the sidecar does now", async (t) => {
  const sidecar = await start(t);
  const page = await open(t, sidecar);
  const fact = (name) => page.locator("#facts div", { has: page.locator("dt", { hasText: name }) }).locator("dd");
  await fact("Durability").getByText("fsynced before the reply").waitFor();
  await fact("Event backlog").getByText("0 changes").waitFor();
  await fact("Journal").getByText("no endpoint").waitFor();
  await fact("Database").getByText(/^[0-9.]+ KiB \+ [0-9.]+ [KM]?i?B WAL$/).waitFor();
  assert.match(await page.locator("#version").textContent(), /^\d+\.\d+\.\d+/);
  await fact("Running for").getByText(/^\d+ s$/).waitFor();
  const rate = fact("Writes").getByText(/^[1-9].* a second$|^0\.[1-9] a second$/);
  while (!await rate.isVisible()) sidecar.run("set", "acme", "config", "theme", "dark");
  const changes = page.locator("td[data-label='Changes a second']", { hasText: /[1-9]/ });
  while (!await changes.isVisible()) sidecar.run("set", "acme", "config", "theme", "dark");
  await page.locator(".chart", { hasText: "max" }).first().waitFor();
  await look(page, "writing");
});

test("what is looked at in the list keeps the focus when it is read again", async (t) => {
  const sidecar = await start(t);
  fill(sidecar);
  const page = await open(t, sidecar);
  const link = page.locator("#namespaces a", { hasText: "shop" });
  await link.focus();
  sidecar.run("set", "before", "a", "b", "c");
  await page.locator("#namespaces a", { hasText: "before" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), "#/shop");
});

test("JSON folds, and loses no digit", async (t) => {
  const sidecar = await start(t);
  const json = '{"id":12345678901234567890,"id":1.10,"list":[' + Array.from({ length: 450 }, (_, index) => index).join() + '],"deep":{"under":{"deeper":{"deepest":["\\u0041, [no list]"]}}}}';
  sidecar.run("set", "acme", "docs", "numbers", json);
  const page = await open(t, sidecar, "#/acme/data/docs/numbers");
  await page.getByText("12345678901234567890").waitFor();
  await page.getByText("1.10", { exact: true }).waitFor();
  const shown = page.getByRole("region", { name: "The value as JSON" });
  await shown.getByText('"deepest":').waitFor({ state: "detached" });
  await shown.locator("summary", { hasText: '"deeper"' }).click();
  await shown.locator("summary", { hasText: '"deepest"' }).click();
  await shown.getByText('"\\u0041, [no list]"').waitFor();
  await shown.getByRole("button", { name: "250 more" }).click();
  await shown.getByRole("button", { name: "50 more" }).click();
  assert.equal(await shown.locator(".json-number").count(), 452);
  await look(page, "json");
});

test("an entry that has changed says so, and one that expires counts down", async (t) => {
  const sidecar = await start(t);
  sidecar.run("set", "acme", "sessions", "ada", "first", "--ttl", "1h");
  const page = await open(t, sidecar, "#/acme/data/sessions/ada");
  const entry = page.getByRole("region", { name: "Entry" });
  await entry.getByText(/^in 59 min \d+ s, /).waitFor();
  await page.getByRole("list", { name: "Keys of sessions" }).getByText(/expires in 59 min/).waitFor();
  await entry.getByRole("button", { name: "Hex" }).click();
  await page.route("**/v1/acme/usage*", (route) => route.abort()); // it tells without being asked
  sidecar.run("set", "acme", "sessions", "ada", "second");
  await entry.getByText("it stands at revision 2 now").waitFor();
  await entry.locator("pre", { hasText: "first" }).waitFor();
  await look(page, "changed");
  sidecar.run("touch", "acme", "sessions", "ada", "1s");
  await entry.getByText("This key is gone by now").waitFor();
  await look(page, "gone");
  await entry.getByRole("button", { name: "Read again" }).click();
  await entry.getByText("This key is not there").waitFor();
});

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

test("an endpoint that is away is named, with what waits for it", async (t) => {
  const sidecar = await start(t, "--journal-url", "http://127.0.0.1:1", "--journal-bucket", "journal");
  sidecar.run("journal", "commit", "acme", "deploy seconds=12.5");
  const page = await open(t, sidecar, "#/acme/journal");
  await page.getByText("does not answer").waitFor({ timeout: 60_000 });
  await page.locator("#facts", { hasText: "1 pending, the oldest for" }).waitFor();
  await look(page, "endpoint-away");
});

test("refused points are shown with the reasons", async (t) => {
  // An endpoint as InfluxDB 2 is: it takes numbers of seconds, and refuses what has another type.
  const endpoint = createServer(async (request, response) => {
    const parts = await request.toArray();
    const body = Buffer.concat(parts);
    const lines = (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
    if (!lines.includes('seconds="')) response.writeHead(204).end();
    else response.writeHead(422).end('{"code":"unprocessable entity","message":"field type conflict: seconds is a float"}');
  }).listen(0, "127.0.0.1");
  await once(endpoint, "listening");
  t.after(() => endpoint.close());
  const sidecar = await start(t, "--journal-url", `http://127.0.0.1:${endpoint.address().port}`, "--journal-bucket", "journal");
  sidecar.run("journal", "commit", "acme", 'deploy,host=a1 seconds=12.5,who="Ada"');
  sidecar.run("journal", "commit", "acme", 'deploy,host=a2 seconds="long"');
  const page = await open(t, sidecar, "#/acme/journal");
  const table = page.getByRole("region", { name: "Table of refused points" });
  await table.getByText('host=a2 seconds=long').waitFor({ timeout: 60_000 });
  assert.match(await table.textContent(), /field type conflict/);
  await look(page, "refused");
  await page.setViewportSize(phone.viewport);
  await look(page, "refused-phone");
});

test("a workspace that a crash has left is marked", async (t) => {
  const sidecar = await start(t);
  sidecar.run("workspace", "open", "acme", "import-41");
  sidecar.run("workspace", "put", "acme", "import-41", "row", "{}");
  await sidecar.kill();
  await sidecar.serve();
  sidecar.run("workspace", "open", "acme", "import-42");
  const page = await open(t, sidecar, "#/acme/workspaces");
  await page.getByRole("row", { name: /import-41 1 .* ago orphaned/ }).waitFor();
  await page.getByRole("row", { name: /import-42 0 .* ago open/ }).waitFor();
  await look(page, "orphaned");
});

test("values wait for the token, which is asked for once", async (t) => {
  const broker = await start(t);
  const token = "a-token-of-some-length";
  const file = join(broker.folder, "token");
  writeFileSync(file, token);
  const sidecar = await start(t, "--nats", broker.url, "--prefix", "other", "--http-token-file", file);
  broker.run("set", "acme", "config", "theme", "dark", "--prefix", "other");
  const page = await open(t, sidecar);
  await page.getByRole("region", { name: "Table of namespaces" }).getByText("acme").waitFor();
  assert.equal(await page.getByRole("dialog").isVisible(), false, "counts need no token");
  await page.goto(`${sidecar.page}#/acme/data/config/theme`);
  await page.getByRole("dialog").waitFor();
  await look(page, "token");
  await page.getByRole("button", { name: "Not now" }).click();
  await page.getByText("This needs the token").first().waitFor();
  await page.goto(`${sidecar.page}#/acme/journal`);
  await page.getByText("This needs the token").first().waitFor();
  await look(page, "token-declined");
  assert.equal(await page.getByRole("dialog").isVisible(), false, "who has said no is not asked again");
  await page.goto(`${sidecar.page}#/acme/data/config/theme`);
  await page.getByRole("button", { name: "Enter token" }).click();
  await page.getByRole("textbox", { name: "Token" }).fill("not-the-right-token");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("does not take this token").waitFor();
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("pre", { hasText: "dark" }).waitFor();
  await page.getByRole("button", { name: "curl" }).click();
  await page.getByRole("region", { name: "Entry" }).getByText("Bearer $STOREBUS_HTTP_TOKEN").waitFor();
  assert.doesNotMatch(await page.locator("body").textContent(), new RegExp(token));
  await page.goto(`${sidecar.page}#/acme/live`);
  await page.getByText("Live, after revision 1").waitFor();
  await page.getByRole("button", { name: "Forget token" }).click();
  await page.getByText("This needs the token").first().waitFor();
});

test("without a token nobody is asked for one", async (t) => {
  const broker = await start(t);
  const sidecar = await start(t, "--nats", broker.url, "--prefix", "other");
  broker.run("set", "acme", "config", "theme", "dark", "--prefix", "other");
  const page = await open(t, sidecar, "#/acme/data/config/theme");
  await page.getByText("Start the sidecar with --http-token-file").first().waitFor();
  assert.equal(await page.getByRole("dialog").isVisible(), false);
  assert.doesNotMatch(await page.locator("main").textContent(), /dark/);
  await look(page, "no-token");
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
  await page.locator("td", { hasText: /^set$/ }).waitFor();
  await tabTo(page, "Skip to the data");
  await page.keyboard.press("Enter");
  await tabTo(page, "acme");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "acme" }).waitFor();
  await tabTo(page, "Changes");
  await page.keyboard.press("Enter");
  await page.getByText("changes read").waitFor();
  await tabTo(page, "Pause");
  await page.keyboard.press("Space");
  await page.locator("#feed-state", { hasText: "Paused after revision" }).waitFor();
});
