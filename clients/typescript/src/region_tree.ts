import { MulliganError } from "./errors.js";
import type { Region } from "./gen/mulligan/iam/v1/iam_pb.js";
import { isAway } from "./site_errors.js";

/** The tree of regions, as iam told of it last; while iam is away that holds. */
export class RegionTree {
  private children: Map<string, string[]> | undefined;

  /** @param read gives all regions. */
  constructor(private readonly read: (signal?: AbortSignal) => AsyncIterable<Region>) {}

  /** Give a region and all below it; throws where iam does not tell, and has not told before. */
  async below(region: string, signal?: AbortSignal): Promise<string[]> {
    const known = await this.told(signal);
    const found = new Set([region.toLowerCase()]);
    for (const one of found) {
      known.get(one)?.forEach((child) => found.add(child));
    }
    return [...found];
  }

  private async told(signal: AbortSignal | undefined): Promise<Map<string, string[]>> {
    try {
      const children = new Map<string, string[]>();
      for await (const { parent, metadata } of this.read(signal)) {
        const [above, id] = [parent.toLowerCase(), metadata?.id.toLowerCase() ?? ""];
        children.set(above, [...(children.get(above) ?? []), id]);
      }
      this.children = children;
      return children;
    } catch (error) {
      const mayGoOn = error instanceof MulliganError && isAway(error) && !signal?.aborted;
      if (this.children && mayGoOn) {
        return this.children;
      }
      throw error;
    }
  }
}
