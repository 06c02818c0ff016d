/** Single probes: a TCP connection, an HTTP request, an ICMP echo. They resolve, never reject. */
import { request } from 'node:http';
import { connect } from 'node:net';
import type { Runtime } from '../../runtime/runtime.ts';
import { formatEndpoint } from '../../wire/address.ts';
import { EchoSocket } from './echo-socket.ts';
import type { ProbeSpec } from './prober-protocol.ts';

export interface ProbeOutcome {
  /** Undefined: the probe could not be made, for a reason of this host, which does not concern the member. */
  readonly isGood: boolean | undefined;
  /** The result in words. */
  readonly detail: string;
}

/** Resolves within `timeoutMs`, plus delays of this thread, which do not count against a member. */
export function probe(spec: ProbeSpec, runtime: Runtime): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    let abort = (): void => {};
    let isSettled = false;
    const settle: Settle = (isGood, detail) => {
      if (isSettled) return;
      isSettled = true;
      runtime.clearTimer(timer);
      abort();
      resolve({ isGood, detail });
    };
    // Replies already in the socket are read first: a delay of this thread must not fail the member.
    const timer = runtime.setTimer(
      () => runtime.soon(() => settle(false, `no answer within ${spec.timeoutMs} ms`)),
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

/** Returns a function that cancels the probe. */
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
  // An error after cancellation is ignored.
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

/** Errors that concern only this host. */
const OWN_ERRORS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'ENETDOWN']);

function failed(error: NodeJS.ErrnoException, settle: Settle): void {
  const { code = '', message } = error;
  settle(OWN_ERRORS.has(code) ? undefined : false, REASONS[code] ?? message);
}
