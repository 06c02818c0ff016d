/**
 * Connections that have not yet authenticated or sent a request, bounded in number and time.
 *
 * Theory of operation. Each is closed after `patienceMs`. When there are too many, from one address or in total, the
 * oldest one of that address, or of the address with the most, is closed: a peer that opens many silent connections
 * only displaces its own, and others are served at once. A settled connection no longer counts.
 */
import { isIPv6, type Socket } from 'node:net';
import type { Runtime, Timer } from '../runtime/runtime.ts';

export interface NewcomerLimits {
  readonly max: number;
  /** IPv6 addresses count per /64, since one machine may have all addresses of one. */
  readonly maxPerAddress: number;
  readonly patienceMs: number;
}

export class Newcomers {
  /** Connections that were closed before they had settled. */
  turnedAway = 0;
  private readonly limits: NewcomerLimits;
  private readonly runtime: Runtime;
  /** In order of arrival, with the function that settles each. */
  private readonly byAddress = new Map<string, Map<Socket, Timer>>();
  private readonly addresses = new Map<Socket, string>();

  constructor(limits: NewcomerLimits, runtime: Runtime) {
    this.limits = limits;
    this.runtime = runtime;
  }

  get size(): number {
    return this.addresses.size;
  }

  add(socket: Socket): void {
    const address = addressKey(socket.remoteAddress);
    if ((this.byAddress.get(address)?.size ?? 0) >= this.limits.maxPerAddress) this.makeRoom(address);
    else if (this.size >= this.limits.max) this.makeRoom(this.fullest());
    const timer = this.runtime.setTimer(() => this.turnAway(socket), this.limits.patienceMs);
    timer.unref();
    const ofAddress = this.byAddress.get(address) ?? new Map<Socket, Timer>();
    this.byAddress.set(address, ofAddress);
    ofAddress.set(socket, timer);
    this.addresses.set(socket, address);
    socket.once('close', () => this.settle(socket));
  }

  /** The connection has authenticated, sent a request, or ended. */
  settle(socket: Socket): void {
    const address = this.addresses.get(socket);
    if (address === undefined) return;
    const ofAddress = this.byAddress.get(address)!;
    this.runtime.clearTimer(ofAddress.get(socket));
    ofAddress.delete(socket);
    if (ofAddress.size === 0) this.byAddress.delete(address);
    this.addresses.delete(socket);
  }

  /** Closes all of them. */
  clear(): void {
    for (const socket of [...this.addresses.keys()]) socket.destroy();
  }

  private makeRoom(address: string): void {
    const oldest = this.byAddress.get(address)?.keys().next().value;
    if (oldest !== undefined) this.turnAway(oldest);
  }

  private fullest(): string {
    let [fullest, most] = ['', 0];
    for (const [address, { size }] of this.byAddress) if (size > most) [fullest, most] = [address, size];
    return fullest;
  }

  private turnAway(socket: Socket): void {
    this.turnedAway++;
    this.settle(socket);
    socket.destroy();
  }
}

function addressKey(address = 'local'): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  const [head, tail] = address.split('::') as [string, string | undefined];
  const groups = head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').length;
  const whole = tail === undefined ? groups : [...groups, ...Array(missing).fill('0'), ...tail.split(':')];
  return whole
    .slice(0, 4)
    .map((group) => group || '0')
    .join(':');
}
