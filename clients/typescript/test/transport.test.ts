import assert from "node:assert/strict";
import { test } from "node:test";

import { Code } from "@connectrpc/connect";

import { IamService } from "../src/gen/mulligan/iam/v1/iam_pb.js";
import { ControlService } from "../src/gen/mulligan/control/v1/control_pb.js";
import { MetaService } from "../src/gen/mulligan/meta/v1/meta_pb.js";
import { ResourceService } from "../src/gen/mulligan/resource/v1/resource_pb.js";
import { SignIn } from "../src/tokens.js";
import { refusal, serve } from "./served.js";

const id = "55555555-5555-4555-8555-55555555555";
const server = `${id}5`;
const renewable = { access: "access-0", refresh: "refresh-0", renewAt: Infinity, requestId: "" };

test("a call whose connection is lost is made again with the same request_id", async (at) => {
  const asked: string[] = [];
  const served = await serve(at, ({ service }) =>
    service(ControlService, {
      verifyServer: ({ requestId }) => {
        asked.push(requestId);
        served.breaks = asked.length < 2 ? 2 : 0;
        throw refusal(Code.Unavailable, "UNAVAILABLE");
      },
    }),
  );
  served.breaks = 1;
  const failed = { code: "UNAVAILABLE", status: Code.Unavailable };
  await assert.rejects(served.client.control.verifyServer({ id: server }), failed);
  // Of four attempts the first one and the last two were lost.
  assert.equal(asked.length, 1);
  assert.match(asked[0] ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(served.pauses.length, 3);
});

test("what may have been done is not done again", async (at) => {
  const served = await serve(at, () => undefined);
  served.breaks = 1;
  const failed = { code: "UNAVAILABLE", requestId: "" };
  await assert.rejects(served.client.iam.bootstrap({ token: "x" }), failed);
  assert.deepEqual([served.breaks, served.pauses], [0, []]);
});

test("a call that its caller gives up is not made again", async (at) => {
  const enough = new AbortController();
  let asked = 0;
  const served = await serve(at, ({ service }) =>
    service(ControlService, {
      verifyServer: (_, { signal }) => {
        asked++;
        enough.abort();
        return new Promise((_, fail) => signal.addEventListener("abort", fail));
      },
    }),
  );
  const call = served.client.control.verifyServer({ id: server, requestId: "mine" }, enough.signal);
  await assert.rejects(call, { code: "CANCELLED", requestId: "mine" });
  assert.deepEqual([asked, served.pauses], [1, []]);
});

test("what a closed client was asking is not asked again", async (at) => {
  let asked = 0;
  const served = await serve(at, ({ service }) =>
    service(ControlService, {
      verifyServer: (_, { signal }) => {
        asked++;
        served.client.close();
        return new Promise((_, fail) => signal.addEventListener("abort", fail));
      },
    }),
  );
  await assert.rejects(served.client.control.verifyServer({ id: server }), { code: "CANCELLED" });
  assert.equal(asked, 1);
});

test("a watch ends with its client", async (at) => {
  let asked = 0;
  const served = await serve(at, ({ service }) =>
    service(ControlService, {
      async *watch() {
        asked++;
        yield { revision: 1n };
        await new Promise(() => undefined);
      },
    }),
  );
  await assert.rejects(async () => {
    for await (const event of served.client.control.watch({})) {
      assert.equal(event.revision, 1n);
      served.client.close();
    }
  }, { code: "CANCELLED" });
  assert.equal(asked, 1);
});

test("who called too often waits as long as it is told, unless that is too long", async (at) => {
  const answers = [7, 0, 99];
  const served = await serve(at, ({ service }) =>
    service(ControlService, {
      verifyServer: () => {
        const retryAfterS = answers.shift();
        if (retryAfterS) {
          throw refusal(Code.ResourceExhausted, "RATE_LIMITED", { retryAfterS });
        }
        return {};
      },
    }),
  );
  await served.client.control.verifyServer({ id: server });
  await assert.rejects(served.client.control.verifyServer({ id: server }), { code: "RATE_LIMITED" });
  assert.deepEqual(served.pauses, [7_000]);
});

test("a list is read to its end, and its names are looked up once", async (at) => {
  const [asked, looked]: [string[], string[]] = [[], []];
  const served = await serve(at, ({ service }) => {
    service(MetaService, {
      resolveNames: ({ names }) => {
        looked.push(...names);
        return { objects: names.map((name) => ({ asked: name, id: server })) };
      },
    });
    service(ControlService, {
      listServers: ({ region, page }) => {
        asked.push(`${region} ${page?.size} ${page?.token}`);
        const metadata = { name: `s-${asked.length}` };
        return { servers: [{ metadata }], nextPageToken: asked.length < 3 ? "more" : "" };
      },
    });
  });
  const names: (string | undefined)[] = [];
  for await (const one of served.client.control.allServers({ region: "home", page: { size: 1 } })) {
    names.push(one.metadata?.name);
  }
  assert.deepEqual(names, ["s-1", "s-2", "s-3"]);
  assert.deepEqual(asked, [`${server} 1 `, `${server} 1 more`, `${server} 1 more`]);
  assert.deepEqual(looked, ["home"]);
});

test("a watch goes on while iam is away as its token ends, and when it is quiet for long", async (at) => {
  const after: (bigint | undefined)[] = [];
  let renewals = 0;
  const signIn = new SignIn(renewable);
  const routes: Parameters<typeof serve>[1] = ({ service }) => {
    service(IamService, {
      refreshToken: () => {
        if (++renewals <= 4) {
          throw refusal(Code.Unavailable, "UNAVAILABLE");
        }
        const lifetime = { seconds: 900n };
        return { accessToken: `access-${renewals}`, refreshToken: `refresh-${renewals}`, lifetime };
      },
    });
    service(ControlService, {
      async *watch({ afterRevision }) {
        after.push(afterRevision);
        served.now += 61_000;
        if (after.length < 15) {
          throw refusal(Code.Unauthenticated, "TOKEN_EXPIRED", { metadata: { revision: "9" } });
        }
        yield { revision: 10n };
      },
    });
  };
  const served = await serve(at, routes, { signIn });
  for await (const event of served.client.control.watch({})) {
    assert.equal(event.revision, 10n);
    break;
  }
  assert.deepEqual(after, [undefined, ...Array.from({ length: 14 }, () => 9n)]);
  assert.ok(served.pauses.every((delay) => delay < 2_000), "each began to count anew");
});

test("a watch whose revision is gone, and one that nobody answers, end", async (at) => {
  let refused = refusal(Code.OutOfRange, "REVISION_GONE");
  let asked = 0;
  const served = await serve(at, ({ service }) =>
    service(ControlService, {
      // eslint-disable-next-line require-yield
      async *watch() {
        asked++;
        throw refused;
      },
    }),
  );
  const watch = async (): Promise<void> => {
    for await (const event of served.client.control.watch({ afterRevision: 1n })) {
      assert.fail(String(event.revision));
    }
  };
  await assert.rejects(watch(), { code: "REVISION_GONE" });
  assert.equal(asked, 1);
  refused = refusal(Code.Unavailable, "UNAVAILABLE");
  await assert.rejects(watch(), { code: "UNAVAILABLE" });
  assert.equal(asked, 15);
});

test("a stream that nobody answers is begun again, until something came of it", async (at) => {
  let asked = 0;
  const served = await serve(at, ({ service }) =>
    service(ResourceService, {
      async *proposeCandidates() {
        if (++asked > 1) {
          yield { tree: server };
        }
        throw refusal(Code.Unavailable, "UNAVAILABLE");
      },
    }),
  );
  const [candidates, asking] = [[] as unknown[], served.client.resource.proposeCandidates({})];
  await assert.rejects(async () => {
    for await (const one of asking) {
      candidates.push(one);
    }
  }, { code: "UNAVAILABLE" });
  assert.deepEqual([candidates.length, asked], [1, 2]);
});

test("a name is looked for in the region that is said nearest to it", async (at) => {
  const [looked, sent]: [string[], unknown[]] = [[], []];
  const ids: Record<string, string> = { north: `${id}1`, south: `${id}2`, lab: `${id}3` };
  const served = await serve(at, ({ service }) => {
    service(MetaService, {
      resolveNames: ({ objectType, names, region }) => {
        looked.push(`${objectType} ${names.join()} ${region.slice(-1)}`);
        const known = names.filter((name) => ids[name] && /region|provider/.test(objectType));
        return { objects: known.map((name) => ({ asked: name, id: ids[name] })) };
      },
    });
    service(ResourceService, {
      changeClaims: ({ changes }) => {
        sent.push(...changes.map(({ move }) => [move?.spec?.region, move?.spec?.provider]));
        return {};
      },
    });
  });
  const moves = ["north", "south", ""].map((region) => ({ spec: { region, provider: "lab" } }));
  const changes = moves.map((move) => ({ id: server, move }));
  await served.client.resource.changeClaims({ project: server, changes });
  const providers = looked.filter((one) => one.startsWith("provider"));
  assert.equal(looked[0], "region north,south ");
  assert.deepEqual(providers, ["provider lab 1", "provider lab 2", "provider lab "]);
  assert.deepEqual(sent, [[`${id}1`, `${id}3`], [`${id}2`, `${id}3`], ["", `${id}3`]]);
});

test("many names are asked for by the thousand, each once", async (at) => {
  const asked: number[] = [];
  const served = await serve(at, ({ service }) => {
    service(MetaService, {
      resolveNames: ({ objectType, names }) => {
        asked.push(objectType === "provider" ? names.length : 0);
        const found = objectType === "provider" ? names : [];
        return { objects: found.map((name) => ({ asked: name, id: server })) };
      },
    });
    service(ResourceService, { deleteProviders: () => ({}) });
  });
  const names = Array.from({ length: 1001 }, (_, number) => `p-${number}`);
  await served.client.resource.deleteProviders({ ids: [...names, ...names] });
  assert.deepEqual(asked.filter(Boolean), [1000, 1]);
});
