import assert from "node:assert/strict";
import { test } from "node:test";

import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, type Transport } from "@connectrpc/connect";

import { urlOf } from "../src/addresses.js";
import type { Calls } from "../src/attempts.js";
import {
  ControlService,
  type MachineSpecSchema,
  type Operation,
} from "../src/gen/mulligan/control/v1/control_pb.js";
import { Placement } from "../src/gen/mulligan/common/v1/common_pb.js";
import { ResourceService } from "../src/gen/mulligan/resource/v1/resource_pb.js";
import type { Method } from "../src/methods.js";
import { SignIn } from "../src/tokens.js";
import { Caller } from "../src/transport.js";
import { refusal } from "./served.js";

const newer: Method = {
  path: "/mulligan.control.v1.ControlService/ProvisionMachine",
  retry: "request_id",
  anonymous: false,
  leads: [],
  references: [],
  since: "",
  newer: [
    { path: ["spec", "image"], since: "0.2.0" },
    { path: ["spec", "nics"], since: "0.3.0" },
    { path: ["changes", "under"], since: "0.4.0" },
    { path: ["spec", "placement"], since: "0.10.0", value: Placement.NEAREST },
  ],
};

/** A service of some version; notes what it is called. */
class Fake {
  called: string[] = [];
  refuses: Error | undefined;
  private readonly caller: Caller;

  constructor(public version: string) {
    const transport = {
      unary: async (method: { name: string }) => {
        this.called.push(method.name);
        if (this.refuses && method.name !== "Check") {
          throw this.refuses;
        }
        const trailer = new Headers({ "mulligan-version": this.version });
        return { trailer, message: {} as Operation };
      },
    } as unknown as Transport;
    const signIn = new SignIn();
    const calls = { signIn, timeoutMs: 1000, attempts: 1, now: Date.now } as unknown as Calls;
    this.caller = new Caller("here", transport, () => calls);
  }

  ask(spec: MessageInitShape<typeof MachineSpecSchema>): Promise<string[]> {
    return this.send(ControlService.method.provisionMachine, { spec });
  }

  async send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<string[]> {
    await this.caller.unary(newer, method, request);
    return this.called;
  }
}

const needsNewer = (what: string, since: string): object => ({
  code: "NEEDS_NEWER_SERVICE",
  message:
    `ProvisionMachine with ${what} needs control ≥ ${since} (the one at here is 0.1.0); ` +
    "leave it out, or have the service updated",
});

test("what an older service does not know is not sent", async () => {
  const older = new Fake("0.1.0");
  const nearest = { image: "a", placement: Placement.NEAREST };
  await assert.rejects(older.ask({ image: "a" }), needsNewer("spec.image", "0.2.0"));
  await assert.rejects(older.ask(nearest), needsNewer("spec.placement", "0.10.0"));
  assert.ok(!older.called.includes("ProvisionMachine"));
});

test("a field counts that is said, if only to be taken away, not one that is empty", async () => {
  const older = new Fake("0.1.0");
  const { updateServer } = ControlService.method;
  const { updateProviders } = ResourceService.method;
  await older.ask({ image: "", nics: [] });
  await older.send(updateProviders, { changes: [{}] });
  await older.send(updateServer, { updateMask: { paths: ["name", "spec.image_name"] } });
  assert.deepEqual(new Set(older.called), new Set(["ProvisionMachine", "UpdateProviders", "UpdateServer"]));
  await assert.rejects(older.ask({ nics: [{}] }), needsNewer("spec.nics", "0.3.0"));
  const atTheTop = older.send(updateProviders, { changes: [{}, { under: "" }] });
  await assert.rejects(atTheTop, needsNewer("changes.under", "0.4.0"));
  const taken = older.send(updateServer, { updateMask: { paths: ["spec.image"] } });
  await assert.rejects(taken, needsNewer("spec.image", "0.2.0"));
});

test("what the service knows is sent", async () => {
  for (const version of ["0.2.0", "0.9.1", "1.0.0rc1", "0.2"]) {
    assert.deepEqual(await new Fake(version).ask({ image: "a" }), ["Check", "ProvisionMachine"]);
  }
});

test("a refusal tells the version, too, and what is not known is asked for again", async () => {
  const fake = new Fake("0.1.0");
  fake.refuses = refusal(Code.NotFound, "NOT_FOUND", { trailer: { "mulligan-version": "0.2.0" } });
  await assert.rejects(fake.ask({}), { code: "NOT_FOUND" });
  fake.refuses = refusal(Code.InvalidArgument, "UNKNOWN_FIELD");
  await assert.rejects(fake.ask({ image: "a" }), { code: "UNKNOWN_FIELD" });
  fake.refuses = undefined;
  await assert.rejects(fake.ask({ image: "a" }), needsNewer("spec.image", "0.2.0"));
  assert.deepEqual(fake.called, ["ProvisionMachine", "ProvisionMachine", "Check"]);
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
