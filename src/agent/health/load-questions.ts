/**
 * Single questions to members for their load. They resolve, never reject.
 *
 * Whatever a member answers, its load is a finite number from 0 to MAX_LOAD, or unknown: anything else (NaN, negative,
 * too large, no number) is refused with the reason. Prometheus text is read line by line, so a long page takes no memory.
 */
import { parseMetricSelector } from '../../config/metric-selector.ts';
import { MAX_LOAD } from '../../messages/messages.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { MAX_LINE_BYTES, parseAgentWords } from './answers/agent-words.ts';
import { orcaValue, valueAt } from './answers/json-load.ts';
import { MetricSum } from './answers/prometheus-text.ts';
import type { LoadSpec } from './prober-protocol.ts';
import { type Ask, askWithin, socketError } from './question.ts';
import { httpGet, readLine } from './servers.ts';

export interface LoadAnswer {
  /** 0 … MAX_LOAD; undefined: unknown. */
  readonly load: number | undefined;
  /** The answer, or why there is none, in words. */
  readonly detail: string;
}

/** Characters of a page of metrics; node_exporter's have about 100 000. */
const MAX_PAGE_LENGTH = 4 << 20;
/** Longer lines are not read. */
const MAX_METRIC_LINE_LENGTH = 16_384;
const MAX_JSON_LENGTH = 65_536;

export const askLoad = (spec: LoadSpec, runtime: Runtime): Promise<LoadAnswer> =>
  askWithin(spec.timeoutMs, runtime, (settle) => ASKS[spec.kind](spec)(settle), {
    late: () => unknown(`no complete answer within ${spec.timeoutMs} ms`),
    broken: ({ message }) => unknown(message),
  });

const unknown = (detail: string): LoadAnswer => ({ load: undefined, detail });

const failed = (error: NodeJS.ErrnoException): LoadAnswer => unknown(socketError(error).reason);

function loadFrom(value: unknown, what: string): LoadAnswer {
  if (value === undefined) return unknown(`no ${what} in the answer`);
  if (typeof value !== 'number') return unknown(`${what}: found a ${typeof value}, expected a number`);
  if (!(value >= 0 && value <= MAX_LOAD))
    return unknown(`${what}: found ${value}, expected 0 to ${MAX_LOAD}`);
  return { load: value, detail: `${what} ${value}` };
}

const askMetric = (spec: LoadSpec, metric: string): Ask<LoadAnswer> => {
  const selector = parseMetricSelector(metric);
  if (selector === undefined) throw new Error(`metric: found ${metric}, expected name{label="value"}`);
  return (settle) => {
    const sum = new MetricSum(selector);
    let length = 0;
    let rest = '';
    return httpGet(spec, spec.path, {
      headed: (status) => isOk(status, settle),
      read: (text) => {
        length += text.length;
        if (length > MAX_PAGE_LENGTH) {
          settle(unknown(`more than ${MAX_PAGE_LENGTH} characters`));
          return false;
        }
        const lines = (rest + text).split('\n');
        rest = lines.pop()!.slice(0, MAX_METRIC_LINE_LENGTH);
        for (const line of lines) sum.take(line);
        return true;
      },
      ended: () => {
        sum.take(rest);
        settle(loadFrom(sum.sum, metric));
      },
      failed: (error) => settle(failed(error)),
    });
  };
};

/** `choose`: the value in the answer. */
const askJson =
  (
    spec: LoadSpec,
    what: string,
    choose: (header: string | undefined, body: string) => unknown,
  ): Ask<LoadAnswer> =>
  (settle) => {
    let body = '';
    let header: string | undefined;
    return httpGet(spec, spec.path, {
      headed: (status, headerOf) => {
        header = headerOf('endpoint-load-metrics');
        return isOk(status, settle);
      },
      read: (text) => {
        body += text;
        if (body.length <= MAX_JSON_LENGTH) return true;
        settle(unknown(`more than ${MAX_JSON_LENGTH} characters`));
        return false;
      },
      ended: () => settle(loadFrom(choose(header, body), what)),
      failed: (error) => settle(failed(error)),
    });
  };

function isOk(status: number, settle: (answer: LoadAnswer) => void): boolean {
  if (status >= 200 && status < 300) return true;
  settle(unknown(`HTTP status ${status}`));
  return false;
}

const askHttp = (spec: LoadSpec): Ask<LoadAnswer> => {
  const { metric, pointer = '' } = spec;
  if (metric !== undefined) return askMetric(spec, metric);
  return askJson(spec, pointer === '' ? 'number' : pointer, (_header, body) => valueAt(body, pointer));
};

const askOrca = (spec: LoadSpec): Ask<LoadAnswer> =>
  askJson(spec, spec.metric ?? 'utilization', (header, body) => orcaValue(header, body, spec.metric));

/** The protocol tells capacity: none of it is a load of 100. */
const askAgent =
  (spec: LoadSpec): Ask<LoadAnswer> =>
  (settle) =>
    readLine(
      spec,
      (line) => {
        const { percent } = parseAgentWords(line) ?? {};
        if (percent === undefined) settle(unknown(`no percentage in ${printable(line)}`));
        else settle({ load: Math.max(0, 100 - percent), detail: printable(line) });
      },
      (error) => settle(failed(error)),
    );

const ASKS: Readonly<Record<LoadSpec['kind'], (spec: LoadSpec) => Ask<LoadAnswer>>> = {
  http: askHttp,
  'agent-check': askAgent,
  orca: askOrca,
};

/** For logs and listings. */
export const printable = (text: string): string =>
  JSON.stringify(text.slice(0, Math.min(MAX_LINE_BYTES, 200)));
