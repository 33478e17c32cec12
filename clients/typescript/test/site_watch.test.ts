import assert from "node:assert/strict";
import { test } from "node:test";

import { Code } from "@connectrpc/connect";

import type { Event } from "../src/gen/mulligan/common/v1/common_pb.js";
import { refusal } from "./served.js";
import { gone, northId, silence, southId, type Stream, uuid, type World, world } from "./sites.js";

const project = uuid("7");
const machine = uuid("d");

/** Streams of each site, one after the other; a number is a change, true a failure. */
function streams(told: Record<string, (number | true)[][]>): Stream {
  return async function* (_, site, signal) {
    for (const one of told[site]?.shift() ?? []) {
      if (one === true) {
        gone();
      }
      yield { revision: BigInt(one as number) };
    }
    await silence(signal);
  };
}

/** Read some changes, and say of which revisions they are. */
async function some(events: AsyncIterable<Event>, count: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { revision } of events) {
    found.push(Number(revision));
    if (found.length === count) {
      break;
    }
  }
  return found.sort((a, b) => a - b);
}

/** From where each watch of a site began. */
function begins(there: World, site: string): (bigint | undefined)[] {
  const calls = there.calls.filter((one) => one.method === "Watch" && one.site === site);
  return calls.map(({ request }) => request["afterRevision"] as bigint | undefined);
}

test("a watch of all sites tells what each has from its call on, and takes up each", async (at) => {
  const there = await world(at);
  there.answers["ListImages"] = (_, site) => ({ revision: site === "north" ? 800n : 4n });
  there.streams["Watch"] = streams({ north: [[900]], south: [[5, true], [6]] });
  const events = there.client.control.watch({ project });
  // Before anything is read: what comes from now on is told.
  while (there.asked("ListImages").length < 2) {
    await new Promise((next) => setImmediate(next));
  }
  there.answers["ListImages"] = () => ({ revision: 9_999n });
  assert.deepEqual(await some(events, 3), [5, 6, 900]);
  assert.deepEqual([begins(there, "north"), begins(there, "south")], [[800n], [4n, 5n]]);
  assert.deepEqual(await some(events, 1), [], "read again it is over, like that of one site");
  const from = there.client.control.watch({ project, afterRevision: 3n });
  await assert.rejects(some(from, 1), { code: "WHICH_SITE", field: "after_revision" });
});

test("a site that does not tell where it is is taken up later, with a remark", async (at) => {
  const there = await world(at, { attempts: 1 });
  let tells = false;
  there.answers["ListImages"] = (_, site) => {
    if (site === "south" && !tells) {
      tells = true;
      gone();
    }
    return { revision: 7n };
  };
  there.streams["Watch"] = streams({ north: [[]], south: [[8]] });
  assert.deepEqual(await some(there.client.control.watch({ project }), 1), [8]);
  assert.deepEqual(there.away, [southId]);
  assert.deepEqual(begins(there, "south"), [7n]);

  const strict = there.connect({ attempts: 1 });
  at.after(() => strict.close());
  tells = false;
  const untold = { code: "NO_REVISION", status: Code.Unavailable, objectId: southId };
  await assert.rejects(some(strict.control.watch({ project }), 1), untold);
});

test("whatever keeps a site from telling where it is, only a refusal ends the watch", async (at) => {
  const there = await world(at, { attempts: 1 });
  const told: [Code, string][] = [
    [Code.Internal, "INTERNAL"],
    [Code.Unimplemented, "UNIMPLEMENTED"],
    [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
  ];
  there.answers["ListImages"] = (_, site) => {
    const failure = site === "south" ? told.shift() : undefined;
    if (failure) {
      throw refusal(...failure);
    }
    return { revision: 7n };
  };
  there.streams["Watch"] = streams({ north: [[]], south: [[8]] });
  assert.deepEqual(await some(there.client.control.watch({ project }), 1), [8]);
  assert.deepEqual(there.away, [southId, southId, southId]);

  told.push([Code.PermissionDenied, "CREDENTIAL_LIMITED"]);
  const limited = some(there.client.control.watch({ project }), 1);
  await assert.rejects(limited, { code: "CREDENTIAL_LIMITED" });
});

test("each service that is watched tells itself where a site is", async (at) => {
  const lists = { control: "ListImages", meta: "ListMetadefs", resource: "ListNetworks" } as const;
  for (const [service, list] of Object.entries(lists)) {
    const there = await world(at);
    there.answers[list] = (_, site) => ({ revision: site === "north" ? 800n : 4n });
    there.streams["Watch"] = streams({ north: [[900]], south: [[5]] });
    const events = there.client[service as keyof typeof lists].watch({ project });
    assert.deepEqual(await some(events, 2), [5, 900]);
    assert.deepEqual([begins(there, "north"), begins(there, "south")], [[800n], [4n]], service);
    const asked = there.calls.map(({ method }) => method);
    assert.deepEqual([...new Set(asked)], ["ListServices", list, "Watch"]);
  }
});

test("a site that was away for long is watched again where it was", async (at) => {
  const there = await world(at);
  const away = Array.from({ length: 14 }, (): true[] => [true]);
  there.answers["ListImages"] = () => ({ revision: 4n });
  there.streams["Watch"] = streams({ north: [[]], south: [[5, true], ...away, [6]] });
  assert.deepEqual(await some(there.client.control.watch({ project }), 2), [5, 6]);
  assert.deepEqual(there.away, [southId]);
  assert.deepEqual(new Set(begins(there, "south").slice(1)), new Set([5n]));
});

test("a watch ends with its client, and with its signal", async (at) => {
  const there = await world(at);
  there.answers["DescribeObjects"] = ({ ids }, site) =>
    site === "south" ? { objects: ids.map((id: string) => ({ id, asked: id })) } : {};
  for (const asked of [{ project }, { objectId: machine.toUpperCase(), afterRevision: 4n }]) {
    there.streams["Watch"] = streams({ north: [[]], south: [[5]] });
    const enough = new AbortController();
    await assert.rejects(async () => {
      for await (const event of there.client.control.watch(asked, enough.signal)) {
        assert.equal(event.revision, 5n);
        enough.abort();
      }
    }, { name: "AbortError" });
    there.streams["Watch"] = streams({ north: [[]], south: [[5]] });
    const client = there.connect();
    await assert.rejects(async () => {
      for await (const event of client.control.watch(asked)) {
        assert.equal(event.revision, 5n);
        client.close();
      }
    }, { code: "CANCELLED" });
  }
});

test("a watch of an object stays at its site, wherever that is, and ends when it goes", async (at) => {
  const there = await world(at);
  there.answers["GetMachine"] = () => ({ metadata: { id: machine } });
  await there.client.control.getMachine({ project, id: machine });
  there.streams["Watch"] = async function* () {
    yield { revision: 5n };
    // It is at the address of the other one from now on.
    there.told["north"]!.addresses = [there.urls["south"] as string];
    there.now += 61_000;
    gone();
  };
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const { revision } of there.client.control.watch({ objectId: machine })) {
      seen.push(Number(revision));
      there.streams["Watch"] = async function* () {
        yield { revision: 6n };
        there.told = { south: there.told["south"]! };
        there.now += 61_000;
        gone();
      };
    }
  }, { code: "NOT_FOUND", objectId: northId });
  assert.deepEqual(seen, [5, 6]);
  assert.deepEqual(there.asked("Watch"), ["north", "south"]);
});

test("a watch that one site refuses ends", async (at) => {
  const there = await world(at);
  there.answers["ListImages"] = () => ({ revision: 4n });
  there.streams["Watch"] = async function* (_, site, signal) {
    if (site === "south") {
      throw refusal(Code.OutOfRange, "REVISION_GONE");
    }
    await silence(signal);
  };
  await assert.rejects(some(there.client.control.watch({ project }), 1), { code: "REVISION_GONE" });
});
