/** Single probes: a TCP connection, an HTTP request, an ICMP echo. They resolve, never reject. */
import { connect } from 'node:net';
import type { Runtime } from '../../runtime/runtime.ts';
import { EchoSocket } from './echo-socket.ts';
import type { ProbeSpec } from './prober-protocol.ts';
import { type Ask, askWithin, socketError } from './question.ts';
import { httpGet } from './servers.ts';

export interface ProbeOutcome {
  /** Undefined: the probe could not be made, for a reason of this host, which does not concern the member. */
  readonly isGood: boolean | undefined;
  /** The result in words. */
  readonly detail: string;
}

export const probe = (spec: ProbeSpec, runtime: Runtime): Promise<ProbeOutcome> =>
  askWithin(spec.timeoutMs, runtime, PROBES[spec.kind](spec), {
    late: () => ({ isGood: false, detail: `no answer within ${spec.timeoutMs} ms` }),
    broken: ({ message }) => ({ isGood: undefined, detail: message }),
  });

type Probe = (spec: ProbeSpec) => Ask<ProbeOutcome>;

const probeTcp: Probe =
  ({ address, port }) =>
  (settle) => {
    const socket = connect({ host: address, port });
    socket.once('connect', () => settle({ isGood: true, detail: 'connected' }));
    socket.on('error', (error) => settle(failed(error)));
    return () => socket.destroy();
  };

const probeHttp: Probe = (spec) => (settle) =>
  httpGet(spec, spec.path, {
    headed: (status) => {
      const { expectStatus } = spec;
      const isGood =
        expectStatus.length === 0 ? status >= 200 && status < 400 : expectStatus.includes(status);
      settle({ isGood, detail: `HTTP status ${status}` });
      return false;
    },
    read: () => false,
    ended: () => {},
    failed: (error) => settle(failed(error)),
  });

const probeEcho: Probe =
  ({ address }) =>
  (settle) =>
    EchoSocket.for(address).ask(
      address,
      () => settle({ isGood: true, detail: 'echo reply' }),
      (error) => settle(failed(error)),
    );

const PROBES: Readonly<Record<ProbeSpec['kind'], Probe>> = {
  tcp: probeTcp,
  http: probeHttp,
  icmp: probeEcho,
};

function failed(error: NodeJS.ErrnoException): ProbeOutcome {
  const { isOwn, reason } = socketError(error);
  return { isGood: isOwn ? undefined : false, detail: reason };
}
