import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";

import { Code } from "@connectrpc/connect";

import { OrderBy } from "../src/gen/mulligan/common/v1/common_pb.js";
import { SignIn } from "../src/tokens.js";
import { refusal } from "./served.js";
import { far, full, gone, near, northId, notHere, southId, top, uuid, world } from "./sites.js";

const [project, machine, other] = [uuid("7"), uuid("d"), uuid("e")];

test("a region leads to its site, however its UUID is written, and so does its name", async (at) => {
  const there = await world(at);
  there.answers["ResolveNames"] = ({ objectType, names }, site) =>
    // Each site has a copy of what is of the installation.
    ({ objects: names.map((asked: string) => ({ asked, objectType, id: far, name: site })) });
  there.told["south"]!.regions = [far.toUpperCase()];
  await there.client.control.listHosts({ region: far.toUpperCase() });
  await there.client.control.listHosts({ region: far });
  await there.client.control.createHost({ region: "far", name: "h", spec: { uri: "test:///" } });
  assert.deepEqual(there.asked("ListHosts"), ["south", "south"]);
  assert.deepEqual(there.asked("CreateHost"), ["south"]);
  const nowhere = there.client.control.createHost({ region: uuid("9"), name: "h" });
  await assert.rejects(nowhere, { code: "NO_SITE", field: "region" });
  await assert.rejects(there.client.control.freeze({ reason: "smoke" }), { code: "WHICH_SITE" });
});

test("an object is looked for once, and found in any case of its UUID", async (at) => {
  const there = await world(at);
  there.answers["DescribeObjects"] = ({ ids }, site) => {
    return { objects: site === "south" ? ids.map((id: string) => ({ id, asked: id })) : [] };
  };
  await there.client.control.decommissionMachine({ project, id: machine.toUpperCase() });
  await there.client.control.decommissionMachine({ project, id: machine });
  assert.deepEqual(there.asked("DecommissionMachine"), ["south", "south"]);
  assert.equal(there.asked("DescribeObjects").length, 2);
});

test("what an audit event mentions is not where that is told", async (at) => {
  const there = await world(at);
  there.answers["ListAuditEvents"] = (_, site) =>
    site === "north" ? { events: [{ objectId: machine, operation: other }] } : {};
  there.answers["GetMachine"] = (_, site) => (site === "south" ? {} : notHere());
  await there.client.control.listAuditEvents({});
  await there.client.control.getMachine({ project, id: machine });
  await assert.rejects(async () => {
    for await (const event of there.client.control.watch({ operation: other })) {
      assert.fail(String(event.revision));
    }
  }, { code: "WHICH_SITE", field: "object_id" });
});

test("a name that one type has is found while another site is away", async (at) => {
  const there = await world(at, { attempts: 1 });
  const strict = there.connect({ attempts: 1 });
  at.after(() => strict.close());
  there.answers["ResolveNames"] = ({ objectType, names }, site) => {
    if (site === "north") {
      gone();
    }
    const has = objectType === "server" && names[0] === "web";
    return { objects: has ? [{ asked: "web", objectType, id: machine }] : [] };
  };
  for (const client of [strict, there.client]) {
    there.calls = [];
    await client.resource.getProvider({ id: "web" });
    assert.equal(there.asked("ResolveNames").length, 6, "each type is looked for at each");
    assert.deepEqual(there.away, []);
  }
  await assert.rejects(strict.resource.getProvider({ id: "other" }), { code: "UNAVAILABLE" });
  await assert.rejects(there.client.resource.getProvider({ id: "other" }), { code: "NOT_FOUND" });
  assert.deepEqual(there.away, [northId], "it is told once, not for each type");
});

test("objects of several sites are read at once, in the order of their ids", async (at) => {
  const there = await world(at);
  const has: Record<string, string[]> = { north: ["1", "3"].map(uuid), south: [uuid("2")] };
  const hosts = (ids: string[]): object => ({ hosts: ids.map((id) => ({ metadata: { id } })) });
  there.answers["BatchGetHosts"] = ({ ids }, site) =>
    ids.every((one: string) => has[site]?.includes(one)) ? hosts(ids) : notHere();
  const ids = ["3", "2", "1"].map(uuid);
  for (const calls of [4, 2]) {
    there.calls = [];
    const found = await there.client.control.batchGetHosts({ ids });
    assert.deepEqual(found.hosts.map(({ metadata }) => metadata?.id), ids);
    assert.equal(there.asked("BatchGetHosts").length, calls, "where they are is remembered");
  }
  const more = there.client.control.batchGetHosts({ ids: [...ids, uuid("9")] });
  await assert.rejects(more, { code: "NOT_FOUND" });
});

test("a list goes on from site to site, without one that is away, which is told", async (at) => {
  const there = await world(at);
  there.answers["ListMachines"] = ({ page }, site) => {
    const metadata = { id: uuid("d"), name: `${site}${page?.token}` };
    const isMore = site === "north" && !page?.token;
    return { machines: [{ metadata }], nextPageToken: isMore ? "a/b" : "", revision: 5n };
  };
  const all = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const one of there.client.control.allMachines({ project, page: { size: 1 } })) {
      found.push(one.metadata?.name ?? "");
    }
    return found;
  };
  assert.deepEqual(await all(), ["north", "northa/b", "south"]);
  assert.equal((await there.client.control.listMachines({ project })).revision, 0n);
  there.told["south"]!.addresses = ["http://127.0.0.1:1"];
  there.now += 61_000;
  assert.deepEqual(await all(), ["north", "northa/b"]);
  assert.deepEqual(there.away, [southId]);
  assert.ok(there.pauses.length > 0);
  const { length } = there.pauses.splice(0);
  assert.deepEqual(await all(), ["north", "northa/b"]);
  assert.deepEqual(there.pauses, [], `it was asked ${length + 1} times, and once from then on`);
  const strict = there.connect();
  at.after(() => strict.close());
  await assert.rejects(async () => {
    for await (const one of strict.control.allMachines({ project })) {
      assert.ok(one);
    }
  }, { code: "UNAVAILABLE" });
  const foreign = there.client.control.listMachines({ project, page: { token: "at:west/x" } });
  await assert.rejects(foreign, { code: "INVALID_PAGE_TOKEN" });
});

test("an order holds over all sites, where a page ends early, too", async (at) => {
  const there = await world(at);
  const has: Record<string, number[]> = { north: [1, 2, 3, 4], south: [5, 6, 7, 8] };
  there.answers["ListHosts"] = ({ page }, site) => {
    const start = Number(page.token || 0);
    const end = start + Math.min(page.size, site === "north" ? 2 : 9);
    const moments = has[site]!.slice(start, end);
    const hosts = moments.map((moment) => {
      return { metadata: { id: uuid(`${moment}`), createdAt: { seconds: BigInt(moment) } } };
    });
    return { hosts, nextPageToken: end < 4 ? `${end}` : "" };
  };
  const pages: string[][] = [];
  for (let token = ""; pages.length === 0 || token; ) {
    const page = { size: 4, token };
    const asked = { page, orderBy: OrderBy.CREATED_AT };
    const found = await there.client.control.listHosts(asked);
    pages.push(found.hosts.map(({ metadata }) => metadata?.id[0] ?? ""));
    token = found.nextPageToken;
  }
  assert.deepEqual(pages, [["1", "2"], ["3", "4", "5", "6"], ["7", "8"]]);
});

test("an order holds over all sites, where pages end early or are empty, too", async (at) => {
  const there = await world(at);
  const has: Record<string, string[]> = { north: [..."acef"], south: [..."bdg"] };
  there.answers["ListHosts"] = ({ page }, site) => {
    if (site === "north" && !page.token) {
      return { nextPageToken: "0" };
    }
    const start = Number(page.token || 0);
    // Neither gives more than two at once, whatever is asked.
    const end = start + Math.min(page.size, 2);
    const hosts = has[site]!.slice(start, end).map((name) => ({ metadata: { name } }));
    return { hosts, nextPageToken: end < has[site]!.length ? `${end}` : "" };
  };
  const names: string[] = [];
  const asked = { orderBy: OrderBy.NAME, page: { size: 3 } };
  for await (const one of there.client.control.allHosts(asked)) {
    names.push(one.metadata?.name ?? "");
  }
  assert.deepEqual(names, [..."abcdefg"]);
});

test("words of all sites come in one order, though they have no metadata", async (at) => {
  const orders = [
    [OrderBy.NAME, "abcdef"],
    [OrderBy.ID, "abcdef"],
    [OrderBy.CREATED_AT, "fedcba"],
  ] as const;
  for (const [orderBy, expected] of orders) {
    const there = await world(at);
    there.answers["ListCapabilities"] = (_, site) => {
      const capabilities = [...(site === "north" ? "ace" : "bdf")].map((name) => {
        return { name, createdAt: { seconds: BigInt(999 - name.charCodeAt(0)) } };
      });
      return { capabilities: orderBy === OrderBy.CREATED_AT ? capabilities.reverse() : capabilities };
    };
    const { capabilities } = await there.client.resource.listCapabilities({ orderBy });
    assert.equal(capabilities.map(({ name }) => name).join(""), expected);
  }
});

test("a page read once more is read on where it is short, or without a site that went", async (at) => {
  const there = await world(at, { attempts: 1 });
  const has: Record<string, string[]> = { north: [..."abcef"], south: [..."d"] };
  let goes = false;
  there.answers["ListHosts"] = ({ page }, site) => {
    const start = Number(page.token || 0);
    const isAgain = page.size < 4;
    if (goes && isAgain) {
      gone();
    }
    const end = start + (isAgain ? 1 : page.size);
    const hosts = has[site]!.slice(start, end).map((name) => ({ metadata: { name } }));
    return { hosts, nextPageToken: end < has[site]!.length ? `${end}` : "" };
  };
  const page = async (token = ""): Promise<[string, string]> => {
    const asked = { orderBy: OrderBy.NAME, descending: true, page: { size: 4, token } };
    const { hosts, nextPageToken } = await there.client.control.listHosts(asked);
    return [hosts.map(({ metadata }) => metadata?.name).join(""), nextPageToken];
  };
  has["north"]!.reverse();
  const [first, token] = await page();
  assert.deepEqual([first, await page(token)], ["fedc", ["ba", ""]]);
  goes = true;
  assert.deepEqual(await page(), ["d", ""]);
  assert.equal(there.away.length, 1);
});

test("what every site has a tag of is listed once, also where a page ends with it", async (at) => {
  const there = await world(at);
  const has: Record<string, string[]> = { north: ["4", "7", "8"], south: ["7", "9"] };
  there.answers["ListObjectsByTag"] = ({ page }, site) => {
    const start = Number(page.token || 0);
    const end = start + page.size;
    const objects = has[site]!.slice(start, end).map((one) => ({ objectId: uuid(one) }));
    return { objects, nextPageToken: end < has[site]!.length ? `${end}` : "" };
  };
  for (const size of [1, 2, 3, 9]) {
    const found: string[] = [];
    const asked = { tags: ["web"], page: { size } };
    for await (const one of there.client.meta.allObjectsByTag(asked)) {
      found.push(one.objectId[0] ?? "");
    }
    assert.deepEqual(found, ["4", "7", "8", "9"], `pages of ${size}`);
  }
});

test("tags of a project are changed at all sites, and those of several sites at none", async (at) => {
  const there = await world(at);
  const places: Record<string, string> = { [machine]: "north", [other]: "south" };
  there.answers["DescribeObjects"] = ({ ids }, site) => ({
    objects: ids.flatMap((id: string) => {
      const objectType = id === project ? "project" : "machine";
      return id === project || places[id] === site ? [{ id, asked: id, objectType }] : [];
    }),
  });
  const tag = (...objectIds: string[]): Promise<unknown> =>
    there.client.meta.updateTags({ objectIds, add: ["web"] });
  await tag(project);
  assert.deepEqual(there.asked("UpdateTags"), ["north", "south"]);
  assert.equal(new Set(there.calls.flatMap((one) => one.request["requestId"] ?? [])).size, 1);
  await assert.rejects(tag(machine, other), { code: "SEVERAL_SITES" });
  await tag(other);
  assert.deepEqual(there.asked("UpdateTags").slice(2), ["south"]);
});

test("a region that moved is followed, with the same request id", async (at) => {
  const there = await world(at);
  await there.client.control.listHosts({ region: near });
  there.answers["CreateHost"] = (_, site) => {
    if (site === "north") {
      there.told["north"]!.regions = [];
      there.told["south"]!.regions = [near, far];
      throw refusal(Code.FailedPrecondition, "REGION_ELSEWHERE");
    }
    return {};
  };
  there.now += 1;
  await there.client.control.createHost({ region: near, name: "h" });
  assert.deepEqual(there.asked("CreateHost"), ["north", "south"]);
  const ids = there.calls.filter(({ method }) => method === "CreateHost");
  assert.equal(new Set(ids.map(({ request }) => request["requestId"])).size, 1);
});

test("a change whose answer is lost is made at another address, first from then on", async (at) => {
  const there = await world(at);
  let lost = 0;
  const dying = createHttp2Server(({ stream }) => {
    lost++;
    stream.session?.destroy();
  });
  await new Promise<void>((ready) => dying.listen(0, "127.0.0.1", ready));
  at.after(() => dying.close());
  const url = `http://127.0.0.1:${(dying.address() as AddressInfo).port}`;
  there.told["north"]!.addresses.unshift(url);
  const created = { region: near, name: "h", requestId: "mine" };
  await there.client.control.createHost(created);
  await there.client.control.createHost(created);
  const made = there.calls.filter(({ method }) => method === "CreateHost");
  assert.deepEqual(made.map(({ request }) => request["requestId"]), ["mine", "mine"]);
  assert.equal(lost, 1);
  const client = there.connect();
  at.after(() => client.close());
  there.told["north"]!.addresses = [url];
  await assert.rejects(client.control.createHost(created), { code: "UNAVAILABLE" });
  assert.equal(lost, 5, "the only address is asked as often as is usual");
});

test("an address that never lets anybody connect is passed over in time", async (at) => {
  const there = await world(at, { timeoutMs: 2_000 });
  // It takes what is sent, and says nothing, so there is never a connection over TLS.
  const mute = createServer((socket) => void socket.on("error", () => undefined).resume());
  const open = new Set<{ destroy: () => void }>();
  mute.on("connection", (socket) => open.add(socket));
  await new Promise<void>((ready) => mute.listen(0, "127.0.0.1", ready));
  at.after(() => {
    open.forEach((socket) => socket.destroy());
    mute.close();
  });
  const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`;
  there.told["north"]!.addresses.unshift(url);
  const created = { region: near, name: "h" };
  await there.client.control.createHost(created);
  await there.client.control.createHost(created);
  assert.deepEqual(there.asked("CreateHost"), ["north", "north"]);
  assert.equal(open.size, 1, "it was asked once, and later than the others from then on");

  // Neither such a connection nor a wait keeps a program alive that is done with its client.
  const src = new URL("../src/index.js", import.meta.url).href;
  const program = `
    const { Client } = await import(${JSON.stringify(src)});
    const [busy, muted] = ["http://127.0.0.1:1", ${JSON.stringify(url)}].map(
      (address) => new Client(address, { token: "t", attempts: 99, timeoutMs: 600_000 }));
    const ends = [busy, muted].map((one) => one.control.listHosts({}).catch(({ code }) => code));
    setTimeout(() => { busy.close(); muted.close(); }, 100);
    console.log((await Promise.all(ends)).join());`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
  const killed = setTimeout(() => child.kill(), 20_000);
  let said = "";
  child.stdout.on("data", (some: Buffer) => (said += some.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(killed);
  assert.deepEqual([code, said.trim()], [0, "UNAVAILABLE,CANCELLED"]);
});

test("a call that was given up is not sent, and a wait for the sites ends with it", async (at) => {
  const there = await world(at);
  // Not even its token is renewed for it.
  const signIn = new SignIn({ access: "a", refresh: "r", renewAt: 0, requestId: "" });
  const client = there.connect({ signIn });
  at.after(() => client.close());
  const over = AbortSignal.abort();
  await assert.rejects(client.control.listHosts({}, over), { code: "CANCELLED" });
  await assert.rejects(client.iam.listRegions({}, over), { code: "CANCELLED" });
  await client.iam.login({ account: "a", password: "p" });
  assert.deepEqual(there.calls.map(({ method }) => method), ["Login"]);
  const enough = new AbortController();
  let release = (): void => undefined;
  const told = there.answers["ListServices"]!;
  there.answers["ListServices"] = async (request, site) => {
    enough.abort();
    await new Promise<void>((next) => (release = next));
    return told(request, site);
  };
  const other = client.control.listHosts({ region: near });
  await assert.rejects(client.control.listHosts({ region: near }, enough.signal), {
    code: "CANCELLED",
  });
  release();
  await other;
  assert.deepEqual(there.asked("ListHosts"), ["north"]);
});

test("a read goes on where one site is away or full, a list that all refuse fails", async (at) => {
  const there = await world(at);
  there.answers["GetMachine"] = (_, site) => (site === "north" ? gone() : {});
  await there.client.control.getMachine({ project, id: machine });
  there.answers["ListMachines"] = full;
  await assert.rejects(there.client.control.listMachines({ project }), { code: "NO_CAPACITY" });
});

test("what was given up between two rounds is no short list", async (at) => {
  const there = await world(at);
  const { reach } = there.client["callers"]["routes"];
  const usual = reach.answered.bind(reach);
  /** Make a signal that comes when so many have answered. */
  const endsAfter = (left: number): AbortSignal => {
    const late = new AbortController();
    reach.answered = (site, address) => {
      usual(site, address);
      if (--left === 0) {
        late.abort(new DOMException("its time is over", "TimeoutError"));
      }
    };
    return late.signal;
  };
  const isLate = { code: "DEADLINE_EXCEEDED" };

  // The second has more than belongs to the page, and is asked once more.
  const moments: Record<string, number[]> = { north: [1], south: [2, 3, 4] };
  there.answers["ListHosts"] = (_, site) => {
    const hosts = moments[site]!.map((moment) => {
      return { metadata: { id: uuid(`${moment}`), createdAt: { seconds: BigInt(moment) } } };
    });
    return { hosts };
  };
  const asked = { orderBy: OrderBy.CREATED_AT, page: { size: 3 } };
  await assert.rejects(there.client.control.listHosts(asked, endsAfter(2)), isLate);

  // One site after the other is asked for what is of the installation.
  const names = { objectType: "project", names: ["shop"] };
  await assert.rejects(there.client.meta.resolveNames(names, endsAfter(1)), isLate);

  const spec = { region: top, orBelow: true };
  there.answers["FindOpenings"] = async (_, site) => {
    while (site === "south" && !signal.aborted) {
      await new Promise((next) => setImmediate(next));
    }
    return site === "south" ? gone() : {};
  };
  const signal = endsAfter(1);
  await assert.rejects(there.client.resource.findOpenings({ spec }, signal), isLate);
  assert.deepEqual(there.away, []);
});
