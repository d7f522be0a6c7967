// SPDX-License-Identifier: EUPL-1.2

// The sidecar that the tests talk to: the one at STOREBUS_URL, or one that is built
// from the repository, in which the tests are run, and started with a broker of its own.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Gives the URL of a sidecar's broker, and stop, which ends what was started. */
export async function startSidecar() {
  const url = process.env.STOREBUS_URL;
  if (url) {
    return { url, stop: async () => {} };
  }
  const folder = mkdtempSync(join(tmpdir(), "storebus-node-"));
  try {
    return await serve(folder);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

async function serve(folder) {
  const binary = join(folder, "storebus");
  execFileSync("go", ["build", "-o", binary, "dappco.re/go/storebus/cmd/storebus"], { stdio: "inherit" });
  const database = join(folder, "storebus.db");
  const sidecar = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--database", database], {
    env: { PATH: process.env.PATH, HOME: folder }, // none of the settings of who runs this
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(sidecar, "exit");
  const stop = async () => {
    sidecar.kill("SIGTERM");
    const [code] = await exited;
    rmSync(folder, { recursive: true });
    if (code !== 0) {
      throw new Error(`storebus serve ended with status ${code}`);
    }
  };
  for await (const line of createInterface({ input: sidecar.stdout })) {
    const ready = /^storebus ready at (nats:\S+)/.exec(line);
    if (ready) {
      return { url: ready[1], stop };
    }
  }
  throw new Error("storebus serve ended before it was ready");
}
