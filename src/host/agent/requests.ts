/** Calls of the other side's JSON API over a link: the questions that wait for their answers, and the answering. */
import type { Answerer } from '../../api/routes.ts';
import { messageOf, Refusal } from '../../config/refusal.ts';
import type { Reply, Request } from '../../messages/messages.ts';

const TIMEOUT_MS = 10_000;
/** Questions under way at a time. */
const MAX_WAITING = 256;

interface Waiting {
  readonly timer: NodeJS.Timeout;
  resolve(body: unknown): void;
  reject(error: Error): void;
}

export class PeerRequests {
  private readonly send: (request: Request) => boolean;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  /** `send` answers whether somebody is there to be asked. */
  constructor(send: (request: Request) => boolean) {
    this.send = send;
  }

  /** The body of the answer; rejects with the Refusal of the other side, or one of 503 when nobody answers. */
  ask(method: string, path: string, body?: unknown): Promise<unknown> {
    if (this.waiting.size >= MAX_WAITING) {
      return Promise.reject(new Refusal(503, `${MAX_WAITING} questions are waiting for answers already`));
    }
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Refusal(503, `${method} ${path}: no answer within ${TIMEOUT_MS} ms`));
      }, TIMEOUT_MS);
      timer.unref();
      this.waiting.set(id, { timer, resolve, reject });
      if (this.send({ id, method, path, body: body === undefined ? '' : JSON.stringify(body) })) return;
      this.take(id)?.reject(new Refusal(503, 'no controller is connected now'));
    });
  }

  replied({ id, status, body }: Reply): void {
    const waiting = this.take(id);
    if (waiting === undefined) return;
    try {
      const parsed: unknown = body === '' ? {} : JSON.parse(body);
      if (status < 400) waiting.resolve(parsed);
      else waiting.reject(refusalOf(status, parsed));
    } catch (error) {
      waiting.reject(new Refusal(502, `an answer that is no JSON: ${messageOf(error)}`));
    }
  }

  failAll(reason: string): void {
    for (const id of [...this.waiting.keys()]) this.take(id)?.reject(new Refusal(503, reason));
  }

  private take(id: number): Waiting | undefined {
    const waiting = this.waiting.get(id);
    clearTimeout(waiting?.timer);
    this.waiting.delete(id);
    return waiting;
  }
}

function refusalOf(status: number, body: unknown): Refusal {
  const { error, problems } = body as { error?: string; problems?: Refusal['problems'] };
  return new Refusal(status, error ?? `the other side answered ${status}`, problems ?? []);
}

/** Never rejects. */
export async function replyTo({ id, method, path, body }: Request, answer: Answerer): Promise<Reply> {
  try {
    const url = new URL(path, 'http://localhost');
    const segments = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const parsed: unknown = body === '' ? undefined : JSON.parse(body);
    const value = await answer({ method, path: segments, query: url.searchParams, body: parsed });
    return { id, status: 200, body: JSON.stringify(value) };
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 500;
    const problems = error instanceof Refusal && error.problems.length > 0 ? error.problems : undefined;
    return { id, status, body: JSON.stringify({ error: messageOf(error), problems }) };
  }
}
