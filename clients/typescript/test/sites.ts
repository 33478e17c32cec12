import type { DescService, Message } from "@bufbuild/protobuf";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import { Code, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

import { Client, type Options } from "../src/client.js";
import { ControlService } from "../src/gen/mulligan/control/v1/control_pb.js";
import { IamService } from "../src/gen/mulligan/iam/v1/iam_pb.js";
import { MetaService } from "../src/gen/mulligan/meta/v1/meta_pb.js";
import { ResourceService } from "../src/gen/mulligan/resource/v1/resource_pb.js";
import { refusal } from "./served.js";

/** A UUID that is easily told from others, and that is another text in upper case. */
export function uuid(letter: string): string {
  return `${letter.repeat(8)}-0000-5000-8000-abcdef${letter.repeat(6)}`;
}

/** Regions: one that north serves, one that south does, and one above both. */
export const [near, far, top] = [uuid("1"), uuid("2"), uuid("3")];
export const [northId, southId] = [uuid("a"), uuid("b")];

/** A request as a test reads it. */
export type Asked = Message & Record<string, any>;
/** Answers a call at a site. */
export type Answer = (request: Asked, site: string) => unknown;
/** Answers a stream at a site. */
export type Stream = (request: Asked, site: string, signal: AbortSignal) => AsyncIterable<object>;

/** One call of a service at iam, north or south. */
export interface Called {
  site: string;
  method: string;
  request: Asked;
}

/** An iam and two sites, whose services answer as the test says; nobody sleeps. */
export class World {
  client!: Client;
  calls: Called[] = [];
  answers: Record<string, Answer> = {};
  streams: Record<string, Stream> = {};
  /** What iam tells of each site: its addresses, and whether it is alive. */
  told: Record<string, { addresses: string[]; alive: boolean; regions: string[] }> = {};
  readonly urls: Record<string, string> = {};
  readonly pauses: number[] = [];
  readonly away: string[] = [];
  now = 0;
  private readonly servers: Http2Server[] = [];

  constructor() {
    const ids: Record<string, string> = { north: northId, south: southId, west: uuid("c") };
    this.answers["ListServices"] = () => ({
      sites: Object.entries(this.told).map(([name, { addresses, alive, regions }]) => ({
        id: ids[name],
        regions,
        services: addresses.map((address) => ({
          kinds: ["meta", "resource", "control"],
          address,
          alive,
        })),
      })),
    });
    const above = { metadata: { id: top } };
    const below = [near, far].map((id) => ({ metadata: { id }, parent: top }));
    this.answers["ListRegions"] = () => ({ regions: [above, ...below] });
  }

  /** Give the sites that were asked, as far as it is of a method. */
  asked(method: string): string[] {
    return this.calls.filter((one) => one.method === method).map(({ site }) => site);
  }

  /** Begin services at an address; gives it. */
  async serve(site: string, ...services: DescService[]): Promise<string> {
    const routes = (router: ConnectRouter): void =>
      services.forEach((one) => void router.service(one, this.handlers(site, one)));
    const answer = connectNodeAdapter({ routes, grpcWeb: false, connect: false });
    const server = createServer(answer);
    this.servers.push(server);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Make another client of it, with waits that take no time. */
  connect(options: Options = {}, address = this.urls["iam"] as string): Client {
    const client = new Client(address, { token: "token", ...options });
    client["calls"].now = () => this.now;
    client["calls"].pause = async (delayMs, signal) => {
      this.pauses.push(delayMs);
      await new Promise((next) => setImmediate(next));
      signal?.throwIfAborted();
    };
    return client;
  }

  close(): void {
    this.client.close();
    this.servers.forEach((server) => server.close());
  }

  private handlers(site: string, service: DescService): object {
    const handlers: Record<string, object> = {};
    for (const { methodKind, localName, name } of service.methods) {
      const note = (request: Asked): void => void this.calls.push({ site, method: name, request });
      if (methodKind === "unary") {
        handlers[localName] = async (request: Asked) => {
          note(request);
          return (await this.answers[name]?.(request, site)) ?? {};
        };
      } else {
        const streams = this.streams;
        handlers[localName] = async function* (request: Asked, context: { signal: AbortSignal }) {
          note(request);
          yield* streams[name]?.(request, site, context.signal) ?? [];
        };
      }
    }
    return handlers;
  }
}

/** Give an iam that tells of two sites, and a client that knows its address only. */
export async function world(at: TestContext, options: Options = {}): Promise<World> {
  const made = new World();
  const services = [MetaService, ResourceService, ControlService];
  made.urls["iam"] = await made.serve("iam", IamService);
  for (const [name, region] of [["north", near], ["south", far]] as const) {
    const url = await made.serve(name, ...services);
    made.urls[name] = url;
    made.told[name] = { addresses: [url], alive: true, regions: [region] };
  }
  made.client = made.connect({ away: (site) => made.away.push(site.id), ...options });
  at.after(() => made.close());
  return made;
}

/** Refuse as a site does that has nothing of what is asked for. */
export function notHere(): never {
  throw refusal(Code.NotFound, "NOT_FOUND");
}

/** Refuse as a site does that has no room. */
export function full(): never {
  throw refusal(Code.ResourceExhausted, "NO_CAPACITY");
}

/** Fail as a site does that can't answer now. */
export function gone(): never {
  throw refusal(Code.Unavailable, "UNAVAILABLE");
}

/** A stream in which nothing comes until its caller ends it. */
export function silence(signal: AbortSignal): Promise<void> {
  return new Promise((over) => {
    signal.addEventListener("abort", () => over(), { once: true });
    if (signal.aborted) {
      over();
    }
  });
}
