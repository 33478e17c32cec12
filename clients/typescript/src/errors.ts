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
  /** It comes of a renewal of the token, so it is iam's. */
  ofRenewal = false;
  /** Nobody was called, because nothing is known to call: so nothing was done. */
  unsent = false;
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
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A call, as far as errors speak of it. */
export interface Called {
  address: string;
  path: string;
  requestId: string;
  /** The caller has given it up. */
  isAbandoned: boolean;
}

/** Read a gRPC error with its google.rpc.Status details. */
export function translate(raised: unknown, called: Called): MulliganError {
  const error = ConnectError.from(raised);
  const status = statusOf(error, called);
  const options = { cause: error };
  const failed = new MulliganError(statusName(status), status, error.rawMessage, options);
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
  failed.requestId = error.findDetails(RequestInfoSchema)[0]?.requestId ?? called.requestId;
  if (!spoke) {
    failed.message = inWords(error, status, called);
  }
  return failed;
}

/** What Node says where a connection is lost under a call. */
const lost = [Code.Canceled, Code.Aborted, Code.Internal, Code.Unknown];

/** What could not be put into bytes, or read from them: no connection is to blame. */
const unreadable = /^(?:serialize|parse) binary: /;

/** Give a call's status; other languages say UNAVAILABLE where a connection was lost. */
function statusOf(error: ConnectError, called: Called): Code {
  const saidByServer = error.metadata.has("grpc-status");
  const isLost = lost.includes(error.code) && !unreadable.test(error.rawMessage);
  return isLost && !saidByServer && !called.isAbandoned ? Code.Unavailable : error.code;
}

function inWords(error: ConnectError, status: Code, { address, path }: Called): string {
  switch (status) {
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

/** Write a status as gRPC does: NOT_FOUND, and CANCELLED with two L. */
export function statusName(code: Code): string {
  if (code === Code.Canceled) {
    return "CANCELLED";
  }
  return (Code[code] ?? "Unknown").replace(/(?<!^)(?=[A-Z])/g, "_").toUpperCase();
}
