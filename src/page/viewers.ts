/**
 * The open streams of the page's viewers, as server-sent events (WHATWG HTML, 9.2).
 *
 * Theory of operation. A message is made once and written to all. What a viewer has not read yet stays in its connection's
 * buffer, and no further message is written until it has: a slow viewer misses changes, and gets the whole state when it is
 * back. One that has not read for PATIENCE_MS is cut off. So each viewer holds at most one message, whatever it does.
 */
import type { ServerResponse } from 'node:http';
import type { Runtime } from '../runtime/runtime.ts';

/** Streams at a time; below the server's bound on requests, so that others are still answered. */
export const MAX_STREAMS = 32;
export const PATIENCE_MS = 15_000;
/** How long browsers wait before they connect again. */
const RETRY_MS = 2_000;

/** Streams of all feeds of a page. */
export interface StreamBudget {
  open: number;
}

interface Viewer {
  readonly response: ServerResponse;
  /** Since when it has not read all; undefined: it has. */
  waitsSinceMs: number | undefined;
  hasMissed: boolean;
}

export class Viewers {
  private readonly budget: StreamBudget;
  private readonly event: string;
  private readonly runtime: Runtime;
  private readonly onLeft: () => void;
  private readonly viewers = new Set<Viewer>();

  /** `onLeft`: after each viewer that has gone. */
  constructor(budget: StreamBudget, event: string, runtime: Runtime, onLeft: () => void) {
    this.budget = budget;
    this.event = event;
    this.runtime = runtime;
    this.onLeft = onLeft;
  }

  get size(): number {
    return this.viewers.size;
  }

  /**
   * Begins a stream, or answers 503 if all are taken. `whole`: the state now; undefined: it comes with the next `send`.
   */
  add(response: ServerResponse, whole: string | undefined): void {
    if (response.destroyed) return; // its client has gone meanwhile
    if (this.budget.open >= MAX_STREAMS) {
      response.writeHead(503, { 'content-type': 'application/json', connection: 'close' });
      response.end(`${JSON.stringify({ error: `${MAX_STREAMS} streams are open already` })}\n`);
      return;
    }
    this.budget.open++;
    const viewer: Viewer = { response, waitsSinceMs: undefined, hasMissed: true };
    this.viewers.add(viewer);
    response.once('close', () => {
      if (!this.viewers.delete(viewer)) return;
      this.budget.open--;
      this.onLeft();
    });
    response.on('drain', () => {
      viewer.waitsSinceMs = undefined;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    this.write(viewer, `retry: ${RETRY_MS}\n\n`);
    if (whole === undefined) return;
    viewer.hasMissed = false;
    this.write(viewer, this.message(whole));
  }

  /** `delta`: for those who have the state before; `whole`: makes the state for all others. */
  send(delta: string, whole: () => string): void {
    const nowMs = this.runtime.monotonicMs();
    const message = this.message(delta);
    let wholeMessage: string | undefined;
    for (const viewer of this.viewers) {
      const { waitsSinceMs } = viewer;
      if (waitsSinceMs !== undefined) {
        viewer.hasMissed = true;
        if (nowMs - waitsSinceMs > PATIENCE_MS) viewer.response.destroy();
      } else if (viewer.hasMissed) {
        wholeMessage ??= this.message(whole());
        viewer.hasMissed = false;
        this.write(viewer, wholeMessage);
      } else this.write(viewer, message);
    }
  }

  /** Ends all streams; browsers connect again. */
  close(): void {
    for (const { response } of this.viewers) response.end();
  }

  private write(viewer: Viewer, text: string): void {
    if (!viewer.response.write(text)) viewer.waitsSinceMs ??= this.runtime.monotonicMs();
  }

  /** JSON has no line breaks of its own. */
  private message(json: string): string {
    return `event: ${this.event}\ndata: ${json}\n\n`;
  }
}
