// SPDX-License-Identifier: EUPL-1.2

// The page in a real browser. Pictures of what was seen land in the folder SCREENSHOTS.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";

import axe from "axe-core";
import { chromium } from "playwright-core";

import { Sidecar } from "./sidecar.js";

const screenshots = process.env.SCREENSHOTS ?? "screenshots";
export const desktop = { viewport: { width: 1200, height: 760 } };
export const phone = { viewport: { width: 360, height: 740 } };

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
export async function open(t, sidecar, place = "", options = desktop) {
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
export async function look(page, name) {
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
  const session = await page.context().newCDPSession(page);
  // The page's own policy lets no script in; the check comes from outside.
  await session.send("Runtime.evaluate", { expression: axe.source });
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "nothing is wider than the page");
}

/** Starts a sidecar that ends with the test. */
export async function start(t, ...flags) {
  const sidecar = await Sidecar.start(...flags);
  t.after(() => sidecar.stop());
  return sidecar;
}

/** Ada's shop, with a bit of everything. */
export function fill(sidecar) {
  sidecar.run("set", "acme", "config", "theme", "dark");
  sidecar.run("set", "acme", "config", "size", "12", "--ttl", "1h");
  sidecar.run("set", "acme", "docs", "readme", '{"title":"Hello","tags":["a","b"],"nested":{"deep":[1,2]}}');
  sidecar.run("set", "acme", "sessions", "ada", "<img src=x onerror=alert(1)>");
  sidecar.run("delete", "acme", "sessions", "ada");
  sidecar.run("set", "shop", "sold", "apples", "3");
  sidecar.run("quota", "acme", "--max-keys", "10", "--max-bytes", "2000000");
  sidecar.run("quota", "shop", "--max-keys", "1");
  sidecar.run("workspace", "open", "acme", "import-42");
}

/** Presses Tab until the element with a text, or with a label, has the focus. */
export async function tabTo(page, name) {
  for (let count = 0; count < 80; count++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => [document.activeElement.textContent.trim(), document.activeElement.labels?.[0]?.textContent]);
    if (focused.includes(name)) return;
  }
  assert.fail(`${name} was not reached`);
}
