import { Code, ConnectError } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";

/** Who has not let us connect by then is away, like one that refuses. */
const longestConnectMs = 5_000;

/** The connection to an address; one that does not come about fails its calls in time. */
export class Connection extends Http2SessionManager {
  private readonly connectMs: number;
  private isOver = false;

  /** @param timeoutMs deadline of a call, which leaves time for other addresses. */
  constructor(url: string, ca: string | undefined, timeoutMs: number) {
    // A watch that is silent for long notices a peer that has gone; servers count more than one
    // ping in five minutes as abuse.
    super(url, { pingIntervalMs: 310_000 }, { ca });
    this.connectMs = Math.min(longestConnectMs, timeoutMs / 4);
  }

  /** Send a request, once there is a connection. */
  override async request(
    ...asked: Parameters<Http2SessionManager["request"]>
  ): ReturnType<Http2SessionManager["request"]> {
    if (this.isOver) {
      throw closed();
    }
    const late = setInterval(() => {
      // One that is there is asked by a ping, which has a limit of its own.
      if (this.state() === "connecting") {
        const words = `no connection within ${this.connectMs / 1000} s`;
        this.abort(new ConnectError(words, Code.Unavailable));
      }
    }, this.connectMs);
    try {
      if ((await this.connect()) === "error") {
        throw this.error() ?? closed();
      }
    } finally {
      clearInterval(late);
    }
    return super.request(...asked);
  }

  /** End it, for good. */
  close(): void {
    this.isOver = true;
    this.abort();
  }
}

function closed(): ConnectError {
  return new ConnectError("the connection was closed", Code.Canceled);
}
