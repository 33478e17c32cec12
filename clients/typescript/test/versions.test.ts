import assert from "node:assert/strict";
import { test } from "node:test";

import { type Transport } from "@connectrpc/connect";

import { urlOf } from "../src/client.js";
import { ControlService, type Operation } from "../src/gen/mulligan/control/v1/control_pb.js";
import { Placement } from "../src/gen/mulligan/common/v1/common_pb.js";
import type { Method } from "../src/methods.js";
import { SignIn } from "../src/tokens.js";
import { Caller, type Calls } from "../src/transport.js";

const newer: Method = {
  path: "/mulligan.control.v1.ControlService/ProvisionMachine",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [
    { path: ["spec", "image"], since: "0.2.0" },
    { path: ["spec", "placement"], since: "0.10.0", value: Placement.NEAREST },
  ],
};

/** Ask a service of some version; gives what was called. */
async function ask(version: string, placement: Placement): Promise<string[]> {
  const called: string[] = [];
  const transport = {
    unary: async (method: { name: string }) => {
      called.push(method.name);
      return { trailer: new Headers({ "mulligan-version": version }), message: {} as Operation };
    },
  } as unknown as Transport;
  const signIn = new SignIn();
  const calls = { signIn, timeoutMs: 1000, attempts: 1 } as unknown as Calls;
  const caller = new Caller("here", transport, () => calls);
  const request = { spec: { image: "a", placement } };
  await caller.unary(newer, ControlService.method.provisionMachine, request);
  return called;
}

test("what an older service does not know is not sent", async () => {
  const needs = (what: string, since: string): object => ({
    code: "NEEDS_NEWER_SERVICE",
    message:
      `ProvisionMachine with ${what} needs control ≥ ${since} (the one at here is 0.1.0); ` +
      "leave it out, or have the service updated",
  });
  await assert.rejects(ask("0.1.0", Placement.PACK), needs("spec.image", "0.2.0"));
  await assert.rejects(ask("0.1.0", Placement.NEAREST), needs("spec.placement", "0.10.0"));
});

test("what the service knows is sent", async () => {
  for (const version of ["0.2.0", "0.9.1", "1.0.0rc1"]) {
    assert.deepEqual(await ask(version, Placement.PACK), ["Check", "ProvisionMachine"]);
  }
});

test("an address says whether it speaks TLS", () => {
  const urls = {
    "127.0.0.1:7600": "http://127.0.0.1:7600",
    "[::1]:7600": "http://[::1]:7600",
    "mulligan.example:7600": "https://mulligan.example:7600",
    "grpc://mulligan.example": "http://mulligan.example",
    "grpcs://[fd00::1]": "https://[fd00::1]",
  };
  for (const [address, url] of Object.entries(urls)) {
    assert.equal(urlOf(address), url);
  }
  for (const address of ["", "host", "ftp://host:1", "user:secret@host:1", "host:1/path"]) {
    assert.throws(() => urlOf(address), address);
  }
});
