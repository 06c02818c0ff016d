/**
 * Connections that have not yet shown who they are or what they want, bounded in number and time.
 *
 * Theory of operation. Each has `patienceMs`; then it is closed. When there are too many, of one address or in all, the
 * oldest of that address, or of the address with the most, makes room: so whoever opens many connections and says
 * nothing takes room from itself, and one that is honest gets its turn at once. A connection that has settled is no
 * longer counted here.
 */
import { isIPv6, type Socket } from 'node:net';

export interface NewcomerLimits {
  readonly max: number;
  /** IPv6: per /64, of which one machine may have all addresses. */
  readonly maxPerAddress: number;
  readonly patienceMs: number;
}

export class Newcomers {
  /** Connections that were closed before they had settled. */
  turnedAway = 0;
  private readonly limits: NewcomerLimits;
  /** In the order in which they came, with what is done when they settle. */
  private readonly byAddress = new Map<string, Map<Socket, NodeJS.Timeout>>();
  private readonly addresses = new Map<Socket, string>();

  constructor(limits: NewcomerLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.addresses.size;
  }

  add(socket: Socket): void {
    const address = addressKey(socket.remoteAddress);
    if ((this.byAddress.get(address)?.size ?? 0) >= this.limits.maxPerAddress) this.makeRoom(address);
    else if (this.size >= this.limits.max) this.makeRoom(this.fullest());
    const timer = setTimeout(() => this.turnAway(socket), this.limits.patienceMs);
    timer.unref();
    const ofAddress = this.byAddress.get(address) ?? new Map<Socket, NodeJS.Timeout>();
    this.byAddress.set(address, ofAddress);
    ofAddress.set(socket, timer);
    this.addresses.set(socket, address);
    socket.once('close', () => this.settle(socket));
  }

  /** It has shown what it is, or has ended. */
  settle(socket: Socket): void {
    const address = this.addresses.get(socket);
    if (address === undefined) return;
    const ofAddress = this.byAddress.get(address)!;
    clearTimeout(ofAddress.get(socket));
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
