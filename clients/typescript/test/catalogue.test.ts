import assert from "node:assert/strict";
import { test } from "node:test";

import { isTrusted, urlOf } from "../src/addresses.js";
import { gone, near, northId, southId, uuid, world } from "./sites.js";

const project = uuid("7");

test("a token goes only where it may", () => {
  const lan = ["https://iam.lan:9", "http://iam.lan:9", "http://127.0.0.1:9"] as const;
  const told: [string, ...boolean[]][] = [
    ["https://berlin:7600", true, true, true],
    // Without TLS on one machine nobody has trusted the network.
    ["http://berlin:7600", false, true, false],
    ["http://127.0.0.1:1", false, false, true],
    ["berlin", false, false, false],
    ["ftp://berlin:1", false, false, false],
    ["http://user@berlin:1", false, false, false],
    ["http://%3127.0.0.1:1", false, false, false],
    ...[
      ...["127.0.0.1", "127.1", "127.0.0.1.", "127.0.0.1..", "0x7f.1", "0X7F.1", "0177.0.0.01"],
      ...["2130706433", "017700000001", "0x7f000001", "127.255.0.9", "0", "0.0.0.0"],
      ...["[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"],
      ...["[::FFFF:0.0.0.0]", "LOCALHOST", "localhost.", "a.localhost", "１２７.0.0.1"],
    ].flatMap((host) =>
      ["http", "https"].map((scheme): [string, ...boolean[]] => {
        return [`${scheme}://${host}:1`, false, false, true];
      }),
    ),
    ...[
      // What only may be this machine is sent nothing in the clear.
      ...["localhost.localdomain", "localhost.berlin.lan", "ip6-localhost", "ip6-loopback"],
      ...["localhost4", "localhost6", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]"],
      "[64:ff9b::7f00:1]",
    ].flatMap((host) =>
      ["http", "https"].map((scheme): [string, ...boolean[]] => {
        return [`${scheme}://${host}:1`, false, false, scheme === "https"];
      }),
    ),
    ...[
      // What another might read as another host.
      ...["%6cocalhost", "berlin%2elan", "[::1%eth0]", "[fe80::1%a/b]", "me@127.0.0.1"],
      ...["berlin@127.0.0.1", "me:word@berlin", "berlin/..", "berlin?", "b\\erlin", "berl in"],
    ].map((host): [string, ...boolean[]] => [`https://${host}:1`, false, false, false]),
    ...["[64:ff9b::a00:1]", "[fe80::1]", "[::2]"].map((host): [string, ...boolean[]] => {
      return [`https://${host}:1`, true, true, true];
    }),
  ];
  for (const [address, ...may] of told) {
    assert.deepEqual(lan.map((iam) => isTrusted(address, iam)), may, address);
  }
  for (const address of ["http://berlin:7600", "https://127.0.0.1:1"]) {
    // An iam of which that can't be told is none of this machine, nor of a network without TLS.
    assert.equal(isTrusted(address, "http://localhost.berlin.lan:9"), false, address);
  }
  assert.throws(() => urlOf("http://berlin%2elan:1"), /has a % in it/);
});

test("calls that come at once wait for one answer of iam, which holds for a minute", async (at) => {
  const there = await world(at);
  const list = (): Promise<unknown> => there.client.control.listHosts({ region: near });
  await Promise.all([list(), list(), list()]);
  assert.deepEqual(there.asked("ListServices"), ["iam"]);
  there.now += 59_000;
  await list();
  assert.equal(there.asked("ListServices").length, 1);
  there.now += 2_000;
  there.told["north"]!.addresses = [there.urls["south"] as string];
  await list();
  assert.deepEqual(there.asked("ListHosts").slice(-2), ["north", "south"]);
  // iam is away: what it told holds, and it is left alone for a while.
  there.answers["ListServices"] = gone;
  there.now += 61_000;
  await Promise.all([list(), list()]);
  assert.equal(there.asked("ListServices").length, 3);
  there.now += 31_000;
  await list();
  assert.equal(there.asked("ListServices").length, 4);
});

test("while iam does not tell nothing goes anywhere", async (at) => {
  const there = await world(at);
  there.answers["ListServices"] = gone;
  const call = there.client.control.listHosts({ region: near });
  await assert.rejects(call, { code: "UNAVAILABLE" });
  assert.deepEqual(new Set(there.calls.map(({ site }) => site)), new Set(["iam"]));
});

test("a chosen site is the only one, and one that is not there is said", async (at) => {
  const there = await world(at);
  const [south, nowhere] = [southId.toUpperCase(), uuid("c")].map((site) => there.connect({ site }));
  await south!.control.listMachines({ project });
  assert.deepEqual(there.asked("ListMachines"), ["south"]);
  await assert.rejects(nowhere!.control.listMachines({ project }), { code: "NOT_FOUND" });
  const nobody = there.connect({ site: northId, token: "" });
  await assert.rejects(nobody.control.listMachines({ project }), { code: "UNAUTHENTICATED" });
  [south, nowhere, nobody].forEach((client) => client!.close());
});

test("what addresses say of a service holds, whatever the catalogue tells", async (at) => {
  const there = await world(at);
  const addresses = { control: there.urls["south"] as string, iam: there.urls["iam"] as string };
  const client = there.connect({ addresses }, "127.0.0.1:1");
  at.after(() => client.close());
  await client.control.listHosts({ region: near });
  await client.resource.listNetworks({ region: near });
  assert.deepEqual(there.asked("ListHosts"), ["south"]);
  assert.deepEqual(there.asked("ListNetworks"), ["north"]);
});
