import { create, type DescMethodUnary, type Message } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";

import type { Calls } from "./attempts.js";
import { MulliganError } from "./errors.js";
import * as methods from "./gen/methods.js";
import { ControlService } from "./gen/mulligan/control/v1/control_pb.js";
import { MetaService } from "./gen/mulligan/meta/v1/meta_pb.js";
import { ResourceService } from "./gen/mulligan/resource/v1/resource_pb.js";
import type { Method } from "./methods.js";
import type { SiteCalls } from "./site_calls.js";
import { noRevision } from "./site_errors.js";
import type { RevisionOf } from "./site_watch.js";

/** A site that does not tell its revision by then is away. */
const revisionWithinMs = 5_000;

/** Lists that everybody may read, and that tell the revision. */
const lists: Record<string, { method: Method; described: DescMethodUnary }> = {
  control: { method: methods.controlListImages, described: ControlService.method.listImages },
  meta: { method: methods.metaListMetadefs, described: MetaService.method.listMetadefs },
  resource: {
    method: methods.resourceListNetworks,
    described: ResourceService.method.listNetworks,
  },
};

/** What asking again will not change. */
const refusals = [
  Code.PermissionDenied,
  Code.NotFound,
  Code.InvalidArgument,
  Code.Unauthenticated,
];

/**
 * Give what finds the revision of a site, of the service that is to be watched there.
 *
 * It fails with NO_REVISION where the site may tell it later; else as the site refused it.
 */
export function revisionOf(service: string, there: SiteCalls, calls: () => Calls): RevisionOf {
  return async (site, signal) => {
    const list = lists[service];
    if (!list) {
      throw new Error(`${service} has no list that tells its revision`);
    }
    const call = { ...list, signal, hasOwnId: false, timeoutMs: revisionWithinMs };
    const request = create(list.described.input, { page: { size: 1 } });
    try {
      return ((await there.ask(site, call, request)) as Message & { revision: bigint }).revision;
    } catch (error) {
      const isOver = signal.aborted || calls().isClosed;
      if (isOver || !(error instanceof MulliganError)) {
        throw error;
      }
      throw error.ofRenewal || refusals.includes(error.status) ? error : noRevision(site, error);
    }
  };
}
