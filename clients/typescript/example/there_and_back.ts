// A machine there and back: sign in, provision by names, watch it become active, decommission it,
// watch it go. The address is iam's: the client finds the site that serves the region.
//
//   MULLIGAN_PASSWORD=… node dist/example/there_and_back.js --address 127.0.0.1:7600 --name web-1

import { parseArgs } from "node:util";

import { Client } from "mulligan-client";

const { values: given } = parseArgs({
  options: {
    address: { type: "string", default: "127.0.0.1:7600" },
    account: { type: "string", default: "admin" },
    name: { type: "string", default: "web-1" },
    project: { type: "string", default: "default" },
    region: { type: "string", default: "home" },
    image: { type: "string", default: "debian" },
    network: { type: "string", default: "lan" },
  },
});

/** Watch a machine until it is in a state; gives the revision of that event. */
async function reach(client: Client, machine: string, after: bigint, state: string): Promise<bigint> {
  const signal = AbortSignal.timeout(120_000);
  const watched = { afterRevision: after, objectId: machine };
  for await (const event of client.control.watch(watched, signal)) {
    console.log(event.status?.state, event.message);
    if (event.status?.state === state) {
      return event.revision;
    }
    if (event.status?.state === "failed") {
      throw new Error(`machine ${machine} failed: ${event.status.reason}`);
    }
  }
  throw new Error(`the watch of machine ${machine} ended`);
}

const client = new Client(given.address);
try {
  await client.logIn(given.account, process.env["MULLIGAN_PASSWORD"] ?? "");
  const { project, region, name } = given;
  // Of several sites each counts its own revisions: this is that of the region's site.
  const { revision } = await client.control.listImages({ region });
  const operation = await client.control.provisionMachine({
    project,
    region,
    name,
    spec: {
      kind: "virtual",
      image: given.image,
      vcpus: 1,
      memoryMib: 64n,
      diskGib: 1n,
      nics: [{ network: given.network }],
    },
  });
  const active = await reach(client, operation.objectId, revision, "active");
  await client.control.decommissionMachine({ project, id: name });
  await reach(client, operation.objectId, active, "gone");
} finally {
  client.close();
}
