/** One probe each: a TCP connection, an HTTP request, an ICMP echo. They resolve, never reject. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { formatEndpoint } from '../../wire/address.ts';
import { EchoSocket } from './echo-socket.ts';
import type { ProbeSpec } from './prober-protocol.ts';

export interface ProbeOutcome {
  /** undefined: the probe could not be made, for a reason of this host; that says nothing about the member. */
  readonly isGood: boolean | undefined;
  /** What was found, in words. */
  readonly detail: string;
}

/** Resolves after `timeoutMs` at the latest, apart from delays of this thread, which do not count against a member. */
export function probe(spec: ProbeSpec): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    let abort = (): void => {};
    let isSettled = false;
    const settle: Settle = (isGood, detail) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      abort();
      resolve({ isGood, detail });
    };
    // Answers that lie in the socket already are read first: a thread that was held up must not blame the member.
    const timer = setTimeout(
      () => setImmediate(() => settle(false, `no answer within ${spec.timeoutMs} ms`)),
      spec.timeoutMs,
    );
    try {
      abort = START[spec.kind](spec, settle);
    } catch (error) {
      settle(undefined, (error as Error).message);
    }
  });
}

type Settle = (isGood: boolean | undefined, detail: string) => void;

/** Answers how to give it up. */
type Start = (spec: ProbeSpec, settle: Settle) => () => void;

const startTcp: Start = ({ address, port }, settle) => {
  const socket = connect({ host: address, port });
  socket.once('connect', () => settle(true, 'connected'));
  socket.on('error', (error) => failed(error, settle));
  return () => socket.destroy();
};

const startHttp: Start = ({ address, port, path, expectStatus }, settle) => {
  const call = request({
    host: address,
    port,
    path,
    agent: false,
    headers: { host: formatEndpoint(address, port), 'user-agent': 'sluice-health', connection: 'close' },
  });
  call.once('response', ({ statusCode = 0 }) => {
    const isGood =
      expectStatus.length === 0 ? statusCode >= 200 && statusCode < 400 : expectStatus.includes(statusCode);
    settle(isGood, `HTTP status ${statusCode}`);
  });
  // One that comes after the request was given up is nobody's any more.
  call.on('error', (error) => failed(error, settle));
  call.end();
  return () => call.destroy();
};

const startEcho: Start = ({ address }, settle) =>
  EchoSocket.for(address).ask(
    address,
    () => settle(true, 'echo reply'),
    (error) => failed(error, settle),
  );

const START: Readonly<Record<ProbeSpec['kind'], Start>> = { tcp: startTcp, http: startHttp, icmp: startEcho };

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
};

/** Errors that are about this host alone. */
const OWN_ERRORS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'ENETDOWN']);

function failed(error: NodeJS.ErrnoException, settle: Settle): void {
  const { code = '', message } = error;
  settle(OWN_ERRORS.has(code) ? undefined : false, REASONS[code] ?? message);
}
