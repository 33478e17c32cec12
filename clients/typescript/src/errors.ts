import { Code, ConnectError } from "@connectrpc/connect";

import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";

const domain = "mulligan";

/** What a call failed with, whatever went wrong on the way or in the service. */
export class MulliganError extends Error {
  override name = "MulliganError";
  field = "";
  objectType = "";
  objectId = "";
  requestId = "";
  /** Milliseconds after which the service asks to be called again; 0 where it didn't say. */
  retryAfterMs = 0;
  /** Whatever else the service told programs. */
  details: Record<string, string> = {};

  /**
   * @param code What it is exactly: the service's stable code (google.rpc.ErrorInfo.reason), or the
   * name of the gRPC status where no service of Mulligan has spoken.
   * @param status The gRPC status.
   * @param message What happened, to which object, and what can be done.
   */
  constructor(
    public code: string,
    readonly status: Code,
    message: string,
  ) {
    super(message);
  }
}

/** Read a gRPC error with its google.rpc.Status details. */
export function translate(raised: unknown, address: string, path: string): MulliganError {
  const error = ConnectError.from(raised);
  const failed = new MulliganError(statusName(error.code), error.code, error.rawMessage);
  let spoke = false;
  for (const told of error.findDetails(ErrorInfoSchema)) {
    if (told.domain === domain) {
      spoke = true;
      failed.code = told.reason;
      failed.details = told.metadata;
      failed.field = told.metadata["field"] ?? "";
      failed.objectType = told.metadata["object_type"] ?? "";
      failed.objectId = told.metadata["object_id"] ?? "";
    }
  }
  failed.field = error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field ?? failed.field;
  for (const told of error.findDetails(ResourceInfoSchema)) {
    failed.objectType = told.resourceType;
    failed.objectId = told.resourceName;
  }
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay) {
    failed.retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  }
  failed.requestId = error.findDetails(RequestInfoSchema)[0]?.requestId ?? "";
  if (!spoke) {
    failed.message = inWords(error, address, path);
  }
  return failed;
}

function inWords(error: ConnectError, address: string, path: string): string {
  switch (error.code) {
    case Code.Unavailable:
      return (
        `${address} does not answer (${error.rawMessage}); look whether a server runs there, and ` +
        "whether with TLS"
      );
    case Code.DeadlineExceeded:
      return `${address} did not answer ${path} in time; whether it was done is not known`;
    case Code.Unimplemented:
      return `the server at ${address} does not know ${path}: it is older than this client`;
    default:
      return `${path} failed at ${address}: ${error.rawMessage}`;
  }
}

/** Write a status as the other languages do: NOT_FOUND. */
export function statusName(code: Code): string {
  return (Code[code] ?? "Unknown").replace(/(?<!^)(?=[A-Z])/g, "_").toUpperCase();
}
