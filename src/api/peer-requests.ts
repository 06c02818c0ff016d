/** JSON API calls over a stream between controller and agent, in either direction: numbered, bounded in number and time. */

import { messageOf, Refusal, type RefusalStatus } from '../config/problems/refusal.ts';
import type { Reply, Request } from '../messages/messages.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import type { RowPage } from './rows.ts';
import type { ApiError } from './shapes.ts';

/** Longer than a host takes to list its flows; a peer that is silent for this long hangs or is gone. */
const TIMEOUT_MS = 5_000;
const MAX_PENDING = 64;

interface Pending {
  resolve(body: unknown): void;
  reject(error: Refusal): void;
  readonly timer: Timer;
}

export class PeerRequests {
  private readonly runtime: Runtime;
  private readonly peer: string;
  private readonly send: (message: { readonly type: 'request' } & Readonly<Request>) => boolean;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;

  /** `peer`: its name in errors. `send` returns whether the peer is connected. */
  constructor(
    runtime: Runtime,
    peer: string,
    send: (message: { readonly type: 'request' } & Readonly<Request>) => boolean,
  ) {
    this.runtime = runtime;
    this.peer = peer;
    this.send = send;
  }

  /** `actor`: who asks here. Resolves with the answer's body. Rejects with the peer's Refusal, or with status 503 if it does not answer. */
  ask<Answer>(method: string, path: string, body?: object, actor?: string): Promise<Answer> {
    if (this.pending.size >= MAX_PENDING) {
      return Promise.reject(new Refusal(503, `${this.peer}: ${MAX_PENDING} requests wait for it already`));
    }
    const id = ++this.lastId;
    return new Promise<unknown>((resolve, reject) => {
      const timer = this.runtime.setTimer(() => {
        this.pending.delete(id);
        reject(new Refusal(503, `${this.peer} has not answered within ${TIMEOUT_MS / 1000} s`));
      }, TIMEOUT_MS);
      this.pending.set(id, { resolve, reject, timer });
      const text = body === undefined ? '' : JSON.stringify(body);
      if (this.send({ type: 'request', id, method, path, body: text, actor })) return;
      this.take(id)?.reject(new Refusal(503, `${this.peer} is not connected`));
    }) as Promise<Answer>;
  }

  /** The rows of a listing, page by page. */
  async *rows<Row>(path: string): AsyncGenerator<readonly Row[]> {
    let page = await this.ask<readonly Row[] | RowPage<Row>>('GET', path);
    while ('next' in page) {
      yield page.rows;
      page = await this.ask<readonly Row[] | RowPage<Row>>('GET', page.next);
    }
    yield page;
  }

  replied({ id, status, body }: Reply): void {
    const pending = this.take(id);
    if (pending === undefined) return; // the answer came too late
    try {
      const answer: unknown = JSON.parse(body);
      if (status >= 200 && status < 300) pending.resolve(answer);
      else pending.reject(refusalOf(status, answer as ApiError));
    } catch (error) {
      pending.reject(new Refusal(503, `${this.peer}: ${messageOf(error)}`));
    }
  }

  /** The stream has ended. */
  end(): void {
    for (const id of [...this.pending.keys()]) {
      this.take(id)?.reject(new Refusal(503, `${this.peer} has left`));
    }
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    if (pending === undefined) return undefined;
    this.runtime.clearTimer(pending.timer);
    this.pending.delete(id);
    return pending;
  }
}

const STATUSES: readonly number[] = [400, 403, 404, 409, 500, 503] satisfies RefusalStatus[];

const refusalOf = (status: number, { error, problems }: ApiError): Refusal =>
  new Refusal(STATUSES.includes(status) ? (status as RefusalStatus) : 500, error, problems);
