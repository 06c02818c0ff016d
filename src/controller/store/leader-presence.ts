/**
 * Whether the process that leads is still there, as its followers can tell sooner than its lease.
 *
 * Theory of operation. A connection to where the leader takes agents is held open, and nothing is said on it. When a
 * process dies its kernel ends the connection, and refuses the next one: whoever was there and is refused twice in a row
 * is gone. Silence says nothing, and neither does an address that was never reached: a paused process, a machine or a
 * network that fails, and an address that only agents can reach are left to the lease.
 *
 * A wrong verdict costs a change of leader and nothing more (etcd-campaign.ts): the writes of the old one are fenced.
 */
import { connect, type Socket } from 'node:net';
import type { Runtime, Timer } from '../../runtime/runtime.ts';

export interface PresenceTiming {
  /** After a connection that ended or was refused, until the next one tells more. */
  readonly recheckMs: number;
  /** Where there is nothing to be found out soon, as after a second connection in a row that was shorter than this. */
  readonly retryMs: number;
}

export const PRESENCE_TIMING: PresenceTiming = { recheckMs: 50, retryMs: 1000 };

const REFUSALS = 2;

/** The part of a socket that is used here. */
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

  /** `address`: `host:port`. `gone` is called once, if ever. */
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
    socket.resume(); // what a server says first is of no interest
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

/** undefined: nothing to connect to from elsewhere, as a unix socket. */
function endpointOf(address: string): { host: string; port: number } | undefined {
  const parts = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(address);
  return parts === null ? undefined : { host: (parts[1] ?? parts[2])!, port: Number(parts[3]) };
}
