/**
 * Single probes: a TCP connection, a SYN, an HTTP request, an ICMP echo, a question to an agent or to gRPC's health service,
 * a UDP datagram. They resolve, never reject.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Runtime } from '../../runtime/runtime.ts';
import { addressFamily } from '../../wire/address.ts';
import { parseAgentWords } from './answers/agent-words.ts';
import { printable } from './load-questions.ts';
import type { ProbeOutcome } from './probe-outcome.ts';
import type { PreparedKind, ProbeSpec } from './prober-protocol.ts';
import { type Ask, askWithin, socketError } from './question.ts';
import { EchoSocket } from './raw/echo-socket.ts';
import { SynSocket } from './raw/syn-socket.ts';
import { httpGet, readLine } from './servers.ts';

export const probe = (spec: ProbeSpec, runtime: Runtime): Promise<ProbeOutcome> =>
  askWithin<ProbeOutcome>(spec.timeoutMs, runtime, (settle) => PROBES[spec.kind](spec, runtime)(settle), {
    late: () => ({ isGood: false, detail: `no answer within ${spec.timeoutMs} ms` }),
    broken: ({ message }) => ({ isGood: undefined, detail: message }),
  });

/**
 * Opens and loads what the kinds of probes need, while the process still has the permission to. `onClosed`: a raw socket
 * was lost.
 */
export async function prepareProbes(kinds: readonly string[], onClosed: () => void): Promise<void> {
  EchoSocket.openAll(onClosed);
  if (kinds.includes('tcp-syn' satisfies PreparedKind)) SynSocket.openAll(onClosed);
  if (kinds.includes('grpc' satisfies PreparedKind)) ({ probeGrpc } = await import('./grpc-health.ts'));
}

let probeGrpc: typeof import('./grpc-health.ts').probeGrpc | undefined;

type Probe = (spec: ProbeSpec, runtime: Runtime) => Ask<ProbeOutcome>;

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

const probeSyn: Probe = (spec, runtime) => (settle) =>
  SynSocket.for(spec.address).ask(
    spec,
    Math.floor(runtime.random() * 2 ** 32),
    (isOpen) => settle({ isGood: isOpen, detail: isOpen ? 'SYN/ACK' : 'connection refused' }),
    (error) => settle(failed(error)),
  );

const probeAgent: Probe = (spec) => (settle) =>
  readLine(
    spec,
    (line) => {
      const said = parseAgentWords(line);
      if (said === undefined) settle({ isGood: false, detail: `no agent's word in ${printable(line)}` });
      else settle({ isGood: true, detail: '', said });
    },
    (error) => settle(failed(error)),
  );

/** Connected, so that a port unreachable by ICMP is an error at once, and answers of others are not read. */
const probeUdp: Probe =
  ({ address, port, payload, answer }) =>
  (settle) => {
    const socket = createSocket(addressFamily(address) === 4 ? 'udp4' : 'udp6');
    const expected = Buffer.from(answer, 'latin1');
    socket.on('message', (message) => {
      if (message.includes(expected))
        settle({ isGood: true, detail: `an answer of ${message.length} bytes` });
      else settle({ isGood: false, detail: `found ${printable(message.toString('latin1'))} as answer` });
    });
    socket.on('error', (error) => settle(failed(error)));
    socket.connect(port, address, () => socket.send(Buffer.from(payload, 'latin1')));
    return () => socket.close();
  };

const askGrpc: Probe = (spec) => {
  if (probeGrpc === undefined) throw new Error('gRPC has not been loaded');
  return probeGrpc(spec);
};

const PROBES: Readonly<Record<ProbeSpec['kind'], Probe>> = {
  tcp: probeTcp,
  http: probeHttp,
  icmp: probeEcho,
  'tcp-syn': probeSyn,
  agent: probeAgent,
  grpc: askGrpc,
  udp: probeUdp,
};

function failed(error: NodeJS.ErrnoException): ProbeOutcome {
  const { isOwn, reason } = socketError(error);
  return { isGood: isOwn ? undefined : false, detail: reason };
}
