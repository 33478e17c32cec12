import { Code } from "@connectrpc/connect";

import { MulliganError } from "./errors.js";

/** Say that a caller gave a call up, or that its time was over, before there was an answer. */
export function givenUp(signal: AbortSignal | undefined): MulliganError {
  const isLate = (signal?.reason as { name?: string } | undefined)?.name === "TimeoutError";
  const [code, status]: [string, Code] = isLate
    ? ["DEADLINE_EXCEEDED", Code.DeadlineExceeded]
    : ["CANCELLED", Code.Canceled];
  const words = isLate ? "its time was over" : "its caller gave it up";
  return new MulliganError(code, status, `the call was ended, since ${words}`, {
    cause: signal?.reason,
  });
}

/** End what goes on in rounds for who has given it up meanwhile: what there is is not all. */
export function throwIfGivenUp(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw givenUp(signal);
  }
}

/** Say that a client makes no more calls. */
export function clientClosed(): MulliganError {
  return new MulliganError("CANCELLED", Code.Canceled, "the client was closed");
}

/** Wait for what others wait for too, which goes on when this caller gives up. */
export async function unlessAborted<T>(
  waited: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) {
    return waited;
  }
  let giveUp = (): void => undefined;
  const aborted = new Promise<never>((_, fail) => {
    giveUp = () => fail(givenUp(signal));
  });
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) {
    giveUp();
  }
  try {
    return await Promise.race([waited, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
