import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { type TestContext } from "node:test";

import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

import { Client, type Options } from "../src/client.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";

/** A client of a server within the test, and how often that is to break its connections. */
export interface Served {
  client: Client;
  /** So many of the next calls end with the connection, before they are answered. */
  breaks: number;
  /** The waits between attempts, milliseconds; nobody sleeps. */
  pauses: number[];
  /** By which the client goes, milliseconds. */
  now: number;
}

/** Serve what the test says, over HTTP/2, until the test is over. */
export async function serve(
  test: TestContext,
  routes: (router: ConnectRouter) => void,
  options: Options = {},
): Promise<Served> {
  const answer = connectNodeAdapter({ routes, grpcWeb: false, connect: false });
  const server: Http2Server = createServer((request, response) => {
    if (served.breaks > 0) {
      served.breaks--;
      sockets.forEach((socket) => socket.destroy());
    } else {
      answer(request, response);
    }
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const client = new Client(`127.0.0.1:${port}`, options);
  const served: Served = { client, breaks: 0, pauses: [], now: 0 };
  client["calls"].now = () => served.now;
  client["calls"].pause = async (delayMs) => served.pauses.push(delayMs);
  test.after(() => {
    client.close();
    server.close();
  });
  return served;
}

/** What a service refuses with: a stable code, what it tells programs, and when to call again. */
export function refusal(
  status: Code,
  reason: string,
  { metadata = {}, retryAfterS = 0, trailer = {} } = {},
): ConnectError {
  const told = { desc: ErrorInfoSchema, value: { reason, domain: "mulligan", metadata } };
  const retryDelay = { seconds: BigInt(retryAfterS) };
  const again = { desc: RetryInfoSchema, value: { retryDelay } };
  return new ConnectError(reason, status, trailer, retryAfterS ? [told, again] : [told]);
}
