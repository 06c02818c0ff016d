/**
 * Rows of a listing that are made while they are sent, so that neither side holds all of them.
 *
 * Over HTTP they are the items of one JSON array, or lines if the client accepts `application/jsonl`. Between agents and
 * controllers they go page by page: each page names the path of the next one, which the asker requests when it wants it.
 */
import { randomUUID } from 'node:crypto';
import { Refusal } from '../config/problems/refusal.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import type { Answerer } from './routes.ts';

export interface RowChunk {
  /** As JSON, without line breaks. */
  readonly texts: readonly string[];
  readonly isLast: boolean;
}

type Source = Iterable<object> | AsyncIterable<object>;
type Next = IteratorResult<object>;

export class Rows {
  private readonly iterator: Iterator<object> | AsyncIterator<object>;
  private ahead: Next | undefined;

  private constructor(source: Source) {
    this.iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Resolves when the first row is there; rejects with what the source has thrown by then. */
  static async begin(source: Source): Promise<Rows> {
    const rows = new Rows(source);
    rows.ahead = await rows.iterator.next();
    return rows;
  }

  /** Rows of about so many bytes, at least one unless there are none. */
  async next(bytes: number): Promise<RowChunk> {
    const texts: string[] = [];
    let length = 0;
    while (length < bytes) {
      const pulled = this.ahead ?? this.iterator.next();
      this.ahead = undefined;
      // Awaited only where it must be: most sources have the row at once.
      const { done, value } = pulled instanceof Promise ? await pulled : pulled;
      if (done === true) return { texts, isLast: true };
      const text = JSON.stringify(value);
      texts.push(text);
      length += text.length;
    }
    return { texts, isLast: false };
  }

  /** Nobody wants the rest. */
  close(): void {
    const closed = this.iterator.return?.();
    if (closed instanceof Promise) closed.catch(() => {});
  }
}

// --- pages, between agents and controllers -----------------------------------------------------------------------

/** The answer to a peer if there are more rows than fit into one message; otherwise it is the array of them. */
export interface RowPage<Row> {
  readonly rows: readonly Row[];
  /** Path of the next page. */
  readonly next: string;
}

const PAGE_BYTES = 1 << 18;
/** Listings of which a peer may have read a part: the one that waits longest makes room for another. */
const MAX_OPEN = 16;
/** Longer than a person looks at one screen of a listing that waits for the terminal. */
const PATIENCE_MS = 60_000;
const PAGES = 'pages';

/** Listings that are being read page by page; of one peer. */
export class OpenListings {
  private readonly answerer: Answerer;
  private readonly runtime: Runtime;
  private readonly open = new Map<string, { readonly rows: Rows; readonly timer: Timer }>();

  constructor(answerer: Answerer, runtime: Runtime) {
    this.answerer = answerer;
    this.runtime = runtime;
  }

  /** Answers requests of the peer; rows become pages. */
  readonly answer: Answerer = async (request) => {
    const [, resource, id] = request.path;
    if (resource === PAGES && request.method === 'GET') return this.page(this.take(id ?? ''));
    const answer = await this.answerer(request);
    return answer instanceof Rows ? this.page(answer) : answer;
  };

  /** The peer has gone. */
  close(): void {
    for (const id of this.open.keys()) this.take(id).close();
  }

  private async page(listing: Rows): Promise<unknown> {
    const { texts, isLast } = await listing.next(PAGE_BYTES);
    const rows = texts.map((text) => JSON.parse(text) as object);
    if (isLast) return rows;
    const [oldest] = this.open.keys();
    if (this.open.size >= MAX_OPEN && oldest !== undefined) this.take(oldest).close();
    const id = randomUUID();
    const timer = this.runtime.setTimer(() => this.take(id).close(), PATIENCE_MS);
    timer.unref();
    this.open.set(id, { rows: listing, timer });
    return { rows, next: `/v1/${PAGES}/${id}` } satisfies RowPage<object>;
  }

  private take(id: string): Rows {
    const found = this.open.get(id);
    if (found === undefined)
      throw new Refusal(404, 'the listing has ended: nobody has asked for its next page in time');
    this.open.delete(id);
    this.runtime.clearTimer(found.timer);
    return found.rows;
  }
}
