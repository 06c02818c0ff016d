/**
 * Detects the end of the leader's process sooner than its lease expires.
 *
 * Theory of operation. A follower holds an idle connection to the leader's address for agents. When the leader's
 * process dies, its kernel closes the connection and refuses the next one: a process that was reachable and then
 * refuses two connections in a row is gone. Silence proves nothing, and neither does an address that was never
 * reached: paused processes, failed machines or networks, and addresses that only agents can reach are left to the
 * lease.
 *
 * A wrong verdict only costs a change of leader (etcd-campaign.ts): the writes of the old one are fenced.
 */
import { connect, type Socket } from 'node:net';
import type { Runtime, Timer } from '../../runtime/runtime.ts';

export interface PresenceTiming {
  /** Delay of the next connection after one that ended or was refused. */
  readonly recheckMs: number;
  /** Delay when quick detection is not possible, e.g. after a second connection in a row shorter than this. */
  readonly retryMs: number;
}

export const PRESENCE_TIMING: PresenceTiming = { recheckMs: 50, retryMs: 1000 };

const REFUSALS = 2;

/** The part of a socket used here. */
export type PresenceSocket = Pick<Socket, 'on' | 'resume' | 'unref' | 'removeAllListeners'> & {
  destroy(): unknown;
};

export type Dial = (target: { readonly host: string; readonly port: number }) => PresenceSocket;

export const dialTcp: Dial = (target) => connect(target);

export class LeaderPresence {
  private readonly timing: PresenceTiming;
  private readonly runtime: Runtime;
  private readonly dial: Dial;
  private socket: PresenceSocket | undefined;
  private timer: Timer | undefined;
  private wasThere = false;
  private refusals = 0;
  private wasShort = false;

  /** `address`: `host:port`. `gone` is called at most once. */
  constructor(address: string, gone: () => void, runtime: Runtime, dial: Dial, timing = PRESENCE_TIMING) {
    this.dial = dial;
    this.timing = timing;
    this.runtime = runtime;
    const target = endpointOf(address);
    if (target !== undefined) this.connect(target, gone);
  }

  close(): void {
    this.runtime.clearTimer(this.timer);
    this.socket?.removeAllListeners('close');
    this.socket?.destroy();
  }

  private connect(target: { host: string; port: number }, gone: () => void): void {
    let connectedMs: number | undefined;
    const socket = this.dial(target);
    this.socket = socket;
    socket.unref();
    socket.resume(); // incoming data is ignored
    socket.on('connect', () => {
      connectedMs = this.runtime.monotonicMs();
      this.wasThere = true;
      this.refusals = 0;
    });
    let error = '';
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      error = code ?? '';
    });
    socket.on('close', () => {
      const isRefused = connectedMs === undefined && error === 'ECONNREFUSED';
      if (isRefused && this.wasThere && ++this.refusals >= REFUSALS) return gone();
      const { recheckMs, retryMs } = this.timing;
      const isShort = connectedMs !== undefined && this.runtime.monotonicMs() - connectedMs < retryMs;
      const isTelling = connectedMs === undefined ? isRefused && this.wasThere : !(isShort && this.wasShort);
      this.wasShort = isShort;
      this.timer = this.runtime.setTimer(() => this.connect(target, gone), isTelling ? recheckMs : retryMs);
      this.timer.unref();
    });
  }
}

/** undefined: an address that other machines cannot connect to, such as a unix socket. */
function endpointOf(address: string): { host: string; port: number } | undefined {
  const parts = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(address);
  return parts === null ? undefined : { host: (parts[1] ?? parts[2])!, port: Number(parts[3]) };
}
