// SPDX-License-Identifier: EUPL-1.2

// A sidecar as a process, which a test may kill and start again at the same addresses.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

let binary;

/** Builds storebus once. */
export function build() {
  if (!binary) {
    binary = join(mkdtempSync(join(tmpdir(), "storebus-page-")), "storebus");
    execFileSync("go", ["build", "-o", binary, "dappco.re/go/storebus/cmd/storebus"], { stdio: "inherit" });
  }
  return binary;
}

/** An address of this machine that nobody uses now. */
async function freeAddress() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

export class Sidecar {
  /** Starts a sidecar with a folder, a broker and a page of its own. */
  static async start(...flags) {
    const sidecar = new Sidecar();
    sidecar.folder = mkdtempSync(join(tmpdir(), "storebus-page-"));
    sidecar.listen = await freeAddress();
    sidecar.http = await freeAddress();
    sidecar.flags = flags;
    await sidecar.serve();
    return sidecar;
  }

  get url() { return `nats://${this.listen}`; }

  get page() { return `http://${this.http}/`; }

  async serve() {
    // An outside broker is that of the flags; run calls the sidecar there.
    const broker = this.flags.includes("--nats") ? [] : ["--listen", this.listen];
    this.process = spawn(build(), ["serve", ...broker, "--http", this.http, "--database", join(this.folder, "storebus.db"), ...this.flags], {
      cwd: this.folder,
      env: { PATH: process.env.PATH, HOME: this.folder }, // none of the settings of who runs this
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.exited = once(this.process, "exit");
    for await (const line of createInterface({ input: this.process.stdout })) {
      if (line.startsWith("storebus ready")) return;
    }
    throw new Error("storebus serve ended before it was ready");
  }

  /** Runs a command of the shell against the sidecar. */
  run(...words) {
    return execFileSync(build(), words, { env: { PATH: process.env.PATH, HOME: this.folder, STOREBUS_NATS: this.url }, encoding: "utf8" });
  }

  async kill() {
    this.process.kill("SIGKILL");
    await this.exited;
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.exited;
    rmSync(this.folder, { recursive: true });
  }
}
