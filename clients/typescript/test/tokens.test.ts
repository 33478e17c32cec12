import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import { MulliganError } from "../src/errors.js";
import { type SignedIn, SignedInSchema } from "../src/gen/mulligan/iam/v1/iam_pb.js";
import { type Keeper, SignIn, type Tokens } from "../src/tokens.js";

const due: Tokens = { access: "access-0", refresh: "refresh-0", renewAt: 0, requestId: "" };
const away = new MulliganError("UNAVAILABLE", Code.Unavailable, "iam is away");

function signedIn(number: number): SignedIn {
  const [accessToken, refreshToken] = [`access-${number}`, `refresh-${number}`];
  return create(SignedInSchema, { accessToken, refreshToken, lifetime: { seconds: 900n } });
}

/** Keeps in memory what processes share, and notes what it is asked. */
class Shared implements Keeper {
  noted: string[] = [];
  kept: Tokens | undefined;

  async locked<T>(run: () => Promise<T>): Promise<T> {
    this.noted.push("lock");
    try {
      return await run();
    } finally {
      this.noted.push("unlock");
    }
  }

  async read(): Promise<Tokens | undefined> {
    return this.kept;
  }

  async write(tokens: Tokens): Promise<void> {
    this.noted.push(`${tokens.access} ${tokens.refresh} ${tokens.requestId !== ""}`);
    this.kept = tokens;
  }
}

test("callers who need a renewal at once share one, and what it fails with", async () => {
  let asked = 0;
  const ask = async (): Promise<SignedIn> => {
    asked++;
    throw away;
  };
  const signIn = new SignIn(due);
  const all = await Promise.all([signIn.fresh(ask), signIn.fresh(ask), signIn.fresh(ask)]);
  assert.deepEqual([all, asked], [["access-0", "access-0", "access-0"], 1]);
  const ended = [signIn.renew("access-0", ask), signIn.renew("access-0", ask)];
  const both = await Promise.allSettled(ended);
  assert.deepEqual([both.map((one) => one.status), asked], [["rejected", "rejected"], 2]);
  assert.equal(await signIn.renew("access-0", async () => signedIn(1)), true);
  assert.equal(signIn.tokens.access, "access-1");
});

test("a request id is kept before it is used, and used until it is answered", async () => {
  const shared = new Shared();
  const signIn = new SignIn(due, shared);
  const ids: string[] = [];
  await signIn.fresh(async (_, requestId) => {
    ids.push(requestId);
    throw away;
  });
  await signIn.renew("access-0", async (_, requestId) => {
    ids.push(requestId);
    return signedIn(1);
  });
  assert.equal(ids[0], ids[1]);
  const asking = ["lock", "access-0 refresh-0 true"];
  const answered = "access-1 refresh-1 false";
  assert.deepEqual(shared.noted, [...asking, "unlock", ...asking, answered, "unlock"]);
});

test("what another process has renewed is taken, and what is over is kept no more", async () => {
  const shared = new Shared();
  const signIn = new SignIn(due, shared);
  shared.kept = { ...due, access: "access-7", refresh: "refresh-7" };
  const ask = (): Promise<SignedIn> => assert.fail("it was renewed already");
  assert.equal(await signIn.renew("access-0", ask), true);
  assert.equal(signIn.tokens.access, "access-7");
  const over = new MulliganError("SESSION_REVOKED", Code.Unauthenticated, "sign in again");
  await assert.rejects(
    signIn.renew("access-7", () => Promise.reject(over)),
    over,
  );
  assert.equal(shared.kept.refresh, "");
});

test("who signs in comes after a renewal that is under way, and locks", async () => {
  const shared = new Shared();
  const signIn = new SignIn(due, shared);
  const renewed = signIn.renew("access-0", async () => signedIn(1));
  await signIn.take(signedIn(2));
  assert.equal(await renewed, true);
  assert.equal(signIn.tokens.access, "access-2");
  assert.deepEqual(shared.noted.slice(-3), ["lock", "access-2 refresh-2 false", "unlock"]);
  assert.doesNotMatch(inspect({ signIn }), /access-2/);
});
