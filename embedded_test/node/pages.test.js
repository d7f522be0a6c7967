// SPDX-License-Identifier: EUPL-1.2

// The programs for Node on the pages, as they stand there but for the address of the broker.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { startSidecar } from "./sidecar.js";

const repository = dirname(execFileSync("go", ["env", "GOMOD"], { encoding: "utf8" }).trim());
const here = dirname(fileURLToPath(import.meta.url)); // where the client is installed

/** The blocks of a language on a page: what stands behind the language, and the text. */
function blocksOf(page, language) {
  const text = readFileSync(join(repository, page), "utf8");
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language} ?([^\n]*)\n(.*?)^\`\`\`$`, "gms"));
  return [...blocks].map(([, purpose, content]) => ({ purpose, content }));
}

/** The lines that a program prints, up to those that are enough. Then it is ended. */
async function linesOf(program, sidecar, areEnough) {
  const folder = mkdtempSync(join(here, "page-"));
  try {
    const path = join(folder, "program.mjs");
    writeFileSync(path, program.replaceAll("127.0.0.1:4222", sidecar.url));
    const child = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (areEnough(lines)) {
        break;
      }
    }
    child.kill();
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function withSidecar(use) {
  const sidecar = await startSidecar();
  try {
    await use(sidecar);
  } finally {
    await sidecar.stop();
  }
}

test("the README's program prints the change that it makes", () =>
  withSidecar(async (sidecar) => {
    const [block] = blocksOf("README.md", "js");
    const isThere = (lines) => lines.some((line) => line.includes("'light'"));
    const lines = await linesOf(block.content, sidecar, isThere);
    assert.ok(isThere(lines), lines.join("\n"));
  }));

test("the programs of the page for Node print what the page shows", () =>
  withSidecar(async (sidecar) => {
    const page = "docs/how-to/use-from-node.md";
    const shown = new Map(
      blocksOf(page, "console").map(({ content }) => {
        const [command, ...lines] = content.trim().split("\n");
        return [command.replace("$ node ", ""), lines];
      }),
    );
    const programs = blocksOf(page, "js");
    assert.equal(programs.length, 2);
    for (const { purpose, content } of programs) {
      const expected = shown.get(purpose);
      assert.deepEqual(await linesOf(content, sidecar, ({ length }) => length === expected.length), expected);
    }
  }));
