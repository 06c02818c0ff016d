/** Requests of the page to the process's own API. */
import type { Answerer } from '../api/routes.ts';
import { Rows } from '../api/rows.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Rows are taken in parts, with a turn for others in between. */
const CHUNK_BYTES = 1 << 16;

export class Ask {
  private readonly answerer: Answerer;
  private readonly runtime: Runtime;

  constructor(answerer: Answerer, runtime: Runtime) {
    this.answerer = answerer;
    this.runtime = runtime;
  }

  async one<Answer>(...path: string[]): Promise<Answer> {
    return (await this.answerer(requestOf(path))) as Answer;
  }

  /** A listing; at most `max` rows. */
  async rows<Row extends object>(max: number, ...path: string[]): Promise<Row[]> {
    const answer = await this.answerer(requestOf(path));
    if (!(answer instanceof Rows)) return (answer as Row[]).slice(0, max);
    const rows: Row[] = [];
    try {
      for (let isLast = false; !isLast && rows.length < max; ) {
        const chunk = await answer.next(CHUNK_BYTES);
        isLast = chunk.isLast;
        for (const text of chunk.texts) rows.push(JSON.parse(text) as Row);
        await new Promise<void>((resolve) => this.runtime.soon(resolve));
      }
    } finally {
      answer.close();
    }
    return rows.slice(0, max);
  }
}

const requestOf = (path: string[]) => ({
  method: 'GET',
  path: ['v1', ...path],
  query: new URLSearchParams(),
  body: undefined,
});
