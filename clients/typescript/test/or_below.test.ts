import assert from "node:assert/strict";
import { test } from "node:test";

import { Code } from "@connectrpc/connect";

import type { Claim } from "../src/gen/mulligan/resource/v1/resource_pb.js";
import { refusal } from "./served.js";
import { full, gone, northId, notHere, top, uuid, type World, world } from "./sites.js";

const project = uuid("7");

/** Claim something anywhere below the top. */
function claim(there: World, more: object = {}): Promise<Claim> {
  const spec = { region: top.toUpperCase(), orBelow: true };
  return there.client.resource.createClaim({ project, spec, ...more });
}

test("a claim or below goes on only where it was refused, and comes back there", async (at) => {
  const there = await world(at);
  there.answers["CreateClaim"] = (_, site) => (site === "north" ? full() : gone());
  await assert.rejects(claim(there, { requestId: "one" }), { code: "UNAVAILABLE" });
  assert.deepEqual([...new Set(there.asked("CreateClaim"))], ["north", "south"]);
  // It may have been done at the second, so the first is not asked again though it has room now.
  there.calls = [];
  there.answers["CreateClaim"] = () => ({});
  await claim(there, { requestId: "one" });
  await claim(there, { requestId: "two" });
  assert.deepEqual(there.asked("CreateClaim"), ["south", "north"]);
  // It is bound to a site only until that refuses it.
  there.calls = [];
  there.answers["CreateClaim"] = (_, site) => (site === "south" ? full() : {});
  await claim(there, { requestId: "one" });
  await claim(there, { requestId: "one" });
  assert.deepEqual(there.asked("CreateClaim"), ["south", "north", "north"]);
  there.answers["CreateClaim"] = full;
  await assert.rejects(claim(there), { code: "NO_CAPACITY", message: /^site .*; site / });
});

test("where a claim was sent is forgotten for later ones only, not for long lists", async (at) => {
  const there = await world(at);
  there.answers["CreateClaim"] = (_, site) => (site === "north" ? full() : {});
  await claim(there, { requestId: "one" });
  there.answers["ListOperations"] = () => ({
    operations: Array.from({ length: 11_000 }, (_, at) => ({ metadata: { id: `of a list ${at}` } })),
  });
  await there.client.control.listOperations({});
  there.calls = [];
  there.answers["CreateClaim"] = () => ({});
  await claim(there, { requestId: "one" });
  assert.deepEqual(there.asked("CreateClaim"), ["south"]);
});

test("a claim or below waits where no site has room at once", async (at) => {
  const there = await world(at);
  there.answers["CreateClaim"] = ({ waitUntil }) => (waitUntil ? {} : full());
  const waiting = { requestId: "one", waitUntil: { seconds: 9n } };
  await claim(there, waiting);
  assert.deepEqual(there.asked("CreateClaim"), ["north", "south", "north"]);
  const ids = there.calls.filter(({ method }) => method === "CreateClaim");
  const sent = ids.map(({ request }) => request["requestId"] as string);
  // As the Python client makes it: uuid5(NAMESPACE_OID, "one").
  const derived = "aa67c98c-d81f-5a9c-b0bc-26caa0051aea";
  assert.deepEqual(sent, [derived, derived, "one"]);
  // Made again it is looked for there first.
  there.calls = [];
  await claim(there, waiting);
  assert.deepEqual(there.asked("CreateClaim"), ["north"]);
});

test("a site that can't be called stops no claim, unless it may have been done there", async (at) => {
  const there = await world(at);
  const { addresses } = there.told["north"]!;
  there.told["north"]!.addresses = ["http://berlin.lan:1"];
  await claim(there, { requestId: "one" });
  assert.deepEqual(there.asked("CreateClaim"), ["south"]);
  there.answers["CreateClaim"] = full;
  const said = { code: "NO_SERVICE", message: /no service resource .*not sent to http:\/\/berlin/ };
  await assert.rejects(claim(there), said);

  there.told["north"]!.addresses = addresses;
  there.now += 61_000;
  there.answers["CreateClaim"] = (_, site) => (site === "north" ? gone() : {});
  await assert.rejects(claim(there, { requestId: "two" }), { code: "UNAVAILABLE" });
  there.told["north"]!.addresses = [];
  there.now += 61_000;
  there.calls = [];
  await assert.rejects(claim(there, { requestId: "two" }), { code: "NO_SERVICE" });
  assert.deepEqual(there.asked("CreateClaim"), []);
});

test("a claim of another process may be done at a site that is not heard of", async (at) => {
  const there = await world(at);
  there.told["north"]!.addresses = [];
  await assert.rejects(claim(there, { requestId: "one" }), { code: "NO_SERVICE" });
  assert.deepEqual(there.asked("CreateClaim"), []);
  // An id that is made up here nobody has sent.
  await claim(there);
  assert.deepEqual(there.asked("CreateClaim"), ["south"]);
});

test("a site that did not answer may have done it, also if iam does not hear of it", async (at) => {
  const there = await world(at);
  there.told["north"]!.alive = false;
  there.answers["CreateClaim"] = (_, site) => (site === "north" ? gone() : {});
  const said = {
    code: "NO_SERVICE",
    status: Code.Unavailable,
    objectId: northId,
    message: /^no process of service resource of site .* is alive: /,
  };
  await assert.rejects(claim(there, { requestId: "one" }), said);
  assert.deepEqual([...new Set(there.asked("CreateClaim"))], ["north"]);
});

test("a claim that a site may have done is asked of it when the region has left that", async (at) => {
  for (const more of [{}, { waitUntil: { seconds: 9n } }]) {
    const there = await world(at, { attempts: 1 });
    there.answers["CreateClaim"] = (_, site) => (site === "north" ? gone() : {});
    const again = (): Promise<Claim> => claim(there, { requestId: "one", ...more });
    await assert.rejects(again(), { code: "UNAVAILABLE" });
    there.told["north"]!.regions = [uuid("9")];
    there.told["south"]!.regions = [top];
    there.now += 3_600_000;
    await assert.rejects(again(), { code: "UNAVAILABLE" });
    assert.deepEqual(there.asked("CreateClaim"), ["north", "north"]);
    // It did not do it, and says so: then it may go to where the region is.
    there.answers["CreateClaim"] = (_, site) => {
      if (site === "north") {
        throw refusal(Code.FailedPrecondition, "REGION_ELSEWHERE");
      }
      return {};
    };
    await again();
    assert.deepEqual(there.asked("CreateClaim").slice(2), ["north", "south"]);
  }
});

test("a claim that a site may have done that is no more is made at no other one", async (at) => {
  for (const more of [{}, { waitUntil: { seconds: 9n } }]) {
    const west = { west: { addresses: [], alive: false, regions: [] } };
    for (const others of [{}, west] as World["told"][]) {
      const there = await world(at, { attempts: 1 });
      there.answers["CreateClaim"] = (_, site) => (site === "north" ? gone() : {});
      const made = claim(there, { requestId: "one", ...more });
      await assert.rejects(made, { code: "UNAVAILABLE" });
      there.told = { south: there.told["south"]!, ...others };
      there.now += 3_600_000;
      const again = claim(there, { requestId: "one", ...more });
      await assert.rejects(again, { code: "SITE_GONE", field: "request_id", objectId: northId });
      assert.deepEqual(there.asked("CreateClaim"), ["north"]);
      await claim(there, { requestId: "two", ...more });
    }
  }
});

test("which regions are below is what iam told last", async (at) => {
  const there = await world(at);
  await claim(there);
  there.answers["ListRegions"] = gone;
  await claim(there);
  assert.equal(there.asked("CreateClaim").length, 2);
  there.answers["ListRegions"] = () => {
    throw refusal(Code.PermissionDenied, "PERMISSION_DENIED");
  };
  await assert.rejects(claim(there), { code: "PERMISSION_DENIED" });
});

test("reservations or below are made where there is room", async (at) => {
  const there = await world(at);
  there.answers["CreateReservations"] = (_, site) => (site === "north" ? full() : {});
  const asked = { project, region: top };
  await assert.rejects(there.client.resource.createReservations(asked), { code: "NO_SITE" });
  for (const part of ["claim", "machine"]) {
    there.calls = [];
    const spec = { [part]: { orBelow: true } };
    await there.client.resource.createReservations({ ...asked, spec });
    assert.deepEqual(there.asked("CreateReservations"), ["north", "south"]);
  }
});

test("openings or below are the earliest of all sites", async (at) => {
  const there = await world(at);
  const free: Record<string, bigint[]> = { north: [30n, 40n], south: [10n, 35n] };
  there.answers["FindOpenings"] = (_, site) => {
    return { openings: free[site]!.map((seconds) => ({ window: { acquireAt: { seconds } } })) };
  };
  const starts = async (): Promise<(bigint | undefined)[]> => {
    const asked = { spec: { region: top, orBelow: true }, limit: 3 };
    const { openings } = await there.client.resource.findOpenings(asked);
    return openings.map(({ window }) => window?.acquireAt?.seconds);
  };
  assert.deepEqual(await starts(), [10n, 30n, 35n]);
  there.answers["FindOpenings"] = full;
  await assert.rejects(starts(), { code: "NO_CAPACITY" });
});

test("candidates are those of the first site that has some", async (at) => {
  const there = await world(at);
  const answers: Record<string, () => void> = { north: full, south: () => undefined };
  there.streams["ProposeCandidates"] = async function* (_, site) {
    answers[site]!();
    yield { tree: site };
  };
  const propose = async (): Promise<string[]> => {
    const found: string[] = [];
    const spec = { region: top, orBelow: true };
    for await (const one of there.client.resource.proposeCandidates({ project, spec })) {
      found.push(one.tree);
    }
    return found;
  };
  assert.deepEqual(await propose(), ["south"]);
  Object.assign(answers, { north: gone, south: notHere });
  await assert.rejects(propose(), { code: "UNAVAILABLE" });
});
