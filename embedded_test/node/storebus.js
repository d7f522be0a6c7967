// SPDX-License-Identifier: EUPL-1.2

// A client of storebus: a NATS connection, JSON, and the words of docs/protocol.md.

import { headers } from "@nats-io/transport-node";

/** How long a reply may take. A request that waits for changes adds its wait. */
const patience = 10_000;

/**
 * An error that the sidecar has reported. Branch on `code` or on `errorName`, never
 * on the message, which is for people; `details` holds what else is known of it, such
 * as `current_revision` in a conflict.
 */
export class StorebusError extends Error {
  constructor({ code, name, message, ...details }) {
    super(message);
    this.name = "StorebusError";
    this.code = code;
    this.errorName = name;
    this.details = details;
  }
}

/** What one namespace of a sidecar can be asked. It leaves the connection open. */
export class Namespace {
  #connection;
  #name;

  constructor(connection, name) {
    this.#connection = connection;
    this.#name = name;
  }

  /**
   * Asks a verb and gives its reply. An error of the sidecar is a StorebusError. With
   * a messageID a write may be sent again after a timeout: it is applied once.
   *
   *     await acme.call("set", { group: "config", key: "theme", value: "dark" })
   */
  async call(verb, body = {}, { messageID, wait = 0 } = {}) {
    const options = { timeout: patience + wait };
    if (messageID !== undefined) {
      options.headers = headers();
      options.headers.set("Nats-Msg-Id", messageID);
    }
    const subject = `store.${this.#name}.${verb}`;
    const reply = await this.#connection.request(subject, JSON.stringify(body), options);
    if (reply.headers?.has("Nats-Service-Error-Code")) {
      throw new StorebusError(reply.json().error);
    }
    return reply.json();
  }

  /** The changes after a revision that the log holds, in order. */
  async *changes(after) {
    for (;;) {
      const page = await this.call("changes", { after });
      yield* page.changes;
      if (page.next >= page.revision) {
        return;
      }
      after = page.next;
    }
  }

  /** A subscription to the namespace's events. */
  subscribe() {
    return this.#connection.subscribe(`store.events.${this.#name}.>`);
  }

  /**
   * Every change after a revision, exactly once and in order: those of the messages
   * of a subscription, and from the log those that are missing in between. Revisions
   * are dense, so a missing one shows as soon as the next event comes.
   *
   *     const messages = acme.subscribe();
   *     for await (const change of acme.follow(messages, lastRevision)) { … }
   */
  async *follow(messages, after) {
    for await (const message of messages) {
      const event = message.json();
      if (event.revision <= after) {
        continue; // an event may come more than once
      }
      // The log has a change before the broker has its event: it reaches this one at least.
      const missed = event.revision > after + 1 ? this.changes(after) : [event];
      for await (const change of missed) {
        yield change;
        after = change.revision;
      }
    }
  }
}
