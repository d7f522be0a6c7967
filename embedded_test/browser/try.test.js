// SPDX-License-Identifier: EUPL-1.2

// The form that asks a verb, and the ways to ask it elsewhere.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { connect } from "@nats-io/transport-node";

import { fill, look, open, phone, start, tabTo } from "./browser.js";
import { build } from "./sidecar.js";

// samples are fields for each verb, with names that a shell could misread.
const named = { group: "it's", key: "-k $HOME\n\"" };
const samples = {
  get: named, exists: named, fields: named, split: { ...named, separator: "=" },
  get_many: { entries: '[{"group":"config","key":"theme"},{"key":"absent"}]' },
  list: { group: "config", prefix: "t", limit: "10", keys_only: "true", descending: "false" },
  scan: { prefix: "con", limit: "10", keys_only: "false" }, changes: { after: "1", group: "config", limit: "10" },
  count: { prefix: "con" }, groups: { prefix: "c", limit: "10" }, render: { template: "It's {{.theme}}", group: "config", strict: "true" },
  usage: {}, journal_status: {}, journal_rejected: { limit: "10" }, workspaces: { limit: "10" },
  journal_query: { flux: 'from(bucket: "journal") |> range(start: 2026-01-01T00:00:00Z, stop: 2026-01-02T00:00:00Z)' },
  workspace_aggregate: { workspace: "import-42" }, workspace_query: { workspace: "import-42", sql: "SELECT 'it''s' AS text, 9007199254740993 AS number" },
  quota: { namespace: "acme" }, namespaces: { prefix: "ac", limit: "10" }, status: {}, describe: {},
};
const changing = ["status"]; // their replies differ from one moment to the next

async function fillIn(page, verb, fields) {
  await page.getByRole("combobox", { name: "Verb" }).selectOption(verb);
  for (const [name, text] of Object.entries(fields)) {
    const input = page.locator(`#try-${name}`);
    if (await input.evaluate((element) => element.tagName) === "SELECT") await input.selectOption(text);
    else await input.fill(text);
  }
}

/** What a button of "Copy as" gives. */
async function copied(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
  return page.getByLabel("Copied").textContent();
}

const byOrder = (verbs) => (one, other) => verbs.findIndex(({ name }) => name === one) - verbs.findIndex(({ name }) => name === other);

const shell = (sidecar, command) => execFileSync("bash", ["-c", command], { encoding: "utf8", env: { PATH: process.env.PATH, HOME: sidecar.folder, STOREBUS_NATS: sidecar.url } });

for (const [place, operator] of [["#/acme/try", false], ["#/admin/try", true]]) {
  test(`every verb that reads can be tried, and asked elsewhere: ${place}`, async (t) => {
    const sidecar = await start(t);
    fill(sidecar);
    const connection = await connect({ servers: sidecar.url });
    t.after(() => connection.close());
    // A line feed in an <input> is none, so that the key has it nowhere.
    const key = named.key.replace("\n", "");
    await connection.request("store.acme.set", JSON.stringify({ group: named.group, key, value: "a=b c" }));
    const { verbs } = (await connection.request("store.admin.describe", "")).json();
    const page = await open(t, sidecar, place);
    await page.locator("#try-verb option").first().waitFor({ state: "attached" });
    const offered = await page.locator("#try-verb option").allTextContents();
    assert.deepEqual(offered, operator ? ["status", "describe", "namespaces", "quota"].toSorted(byOrder(verbs))
      : verbs.filter((verb) => !verb.admin && !verb.writes).map(({ name }) => name));
    for (const verb of offered) {
      assert.ok(samples[verb], `a sample of ${verb}`);
      await fillIn(page, verb, { ...samples[verb], ...samples[verb].key && { key } });
      for (const help of await page.locator("form .help").allTextContents()) assert.match(help, /\.$/, `${verb} says what its fields mean`);
      await page.getByRole("button", { name: "Send the request" }).click();
      await page.getByRole("heading", { name: /^Reply 200, \d+ ms$/ }).waitFor();
      const [subject, body] = shell(sidecar, (await copied(page, "nats")).replace("nats req", "printf '%s\\0'")).split("\0");
      const wanted = (await connection.request(subject, body)).json();
      assert.equal(wanted.error, undefined, verb);
      if (changing.includes(verb)) continue;
      assert.deepEqual(JSON.parse(shell(sidecar, `${await copied(page, "curl")} --silent`)), wanted, `curl ${verb}`);
      const command = await copied(page, "storebus");
      if (verb === "get_many") assert.match(command, /no such command/);
      else assert.deepEqual(JSON.parse(shell(sidecar, command.replace(/^storebus ((journal |workspace )?\w+)/, `${build()} $1 -o json`))), wanted, command);
    }
    await look(page, operator ? "tried-operator" : "tried");
  });
}

test("what is wrong is told beside its field, with the code", async (t) => {
  const sidecar = await start(t);
  fill(sidecar);
  const page = await open(t, sidecar, "#/acme/try/get");
  await page.getByRole("button", { name: "Send the request" }).click();
  await page.locator("#try-key-wrong", { hasText: "key is required" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "try-key");
  await page.locator("#try-key").fill("absent");
  await page.keyboard.press("Enter");
  await page.getByText("404 not_found:").waitFor();
  await fillIn(page, "list", { limit: "ten" });
  await page.getByRole("button", { name: "Send the request" }).click();
  await page.locator("#try-limit-wrong", { hasText: "limit is a whole number" }).waitFor();
  await page.locator("#try-limit").fill("0");
  await page.getByRole("button", { name: "Send the request" }).click();
  await page.getByText("400 bad_request:").waitFor();
  await page.locator("#try-limit-wrong", { hasText: "limit" }).waitFor();
  assert.equal(await page.locator("#try-limit").getAttribute("aria-invalid"), "true");
  await look(page, "wrong");
  await page.setViewportSize(phone.viewport);
  await look(page, "wrong-phone");
  await fillIn(page, "get_many", { entries: "[" });
  await page.getByRole("button", { name: "Send the request" }).click();
  await page.locator("#try-entries-wrong", { hasText: "entries is JSON" }).waitFor();
});

test("the form can be used with the keyboard alone", async (t) => {
  const sidecar = await start(t);
  fill(sidecar);
  const page = await open(t, sidecar, "#/acme/try/count");
  await page.getByText("Count the keys of a group, of all groups").waitFor();
  await tabTo(page, "Verb");
  await page.keyboard.type("usage");
  await page.getByText("This verb has no fields").waitFor();
  await tabTo(page, "Send the request");
  await page.keyboard.press("Enter");
  await page.getByText('"max_keys"').waitFor();
  assert.equal(await page.evaluate(() => location.hash), "#/acme/try/usage");
});
