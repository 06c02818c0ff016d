/**
 * The state that all firewalls of a datapath share: flows that they have allowed, timeouts, and the log of denied packets.
 *
 * Theory of operation. A firewall judges the first packet of a flow by its rules and adds a row for the flow; every later
 * packet, of both directions, finds the row. The fast path does not ask: packets of balanced flows that it handles belong
 * to a connection record, which exists only because the slow path, and so the firewalls, let its first packet pass. So that
 * such a flow's row does not expire meanwhile, the row of a firewall behind the load balancer (at the member's port, or at
 * the client's once a reply has come) names the connection record, and lives as long as that.
 *
 * When a port's firewalls change, running flows are judged again: `Rejudging` walks rows and connection records in steps.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import { ANSWERED, BEGUN_BY_VM, CLOSING, type FirewallTable } from '../../tables/firewall/firewall-table.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { DatapathSnapshot } from '../snapshot.ts';

/** A datagram's later fragments pass for as long as Linux waits for them. */
const FRAGMENTS_MS = 30_000;
/** Rows examined per millisecond in which batches are handled. */
const ROWS_PER_TICK = 64;

type Timeouts = Pick<
  DatapathSnapshot['settings'],
  'udpIdleMs' | 'tcpEstablishedIdleMs' | 'tcpTransitoryIdleMs'
>;

export class FirewallFlows {
  readonly table: FirewallTable;
  /** Scratch: the packet's key (firewall-table.ts), its source and destination. */
  readonly key = new Int32Array(10);
  readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  private readonly context: Context;
  private timeouts: Timeouts = {
    udpIdleMs: 120_000,
    tcpEstablishedIdleMs: 7_440_000,
    tcpTransitoryIdleMs: 240_000,
  };
  private hand = 1;

  constructor(context: Context) {
    this.context = context;
    this.table = context.tables.firewallFlows;
  }

  configure(timeouts: Timeouts): void {
    this.timeouts = timeouts;
  }

  /** Fills `key`, `source` and `destination` from a packet that enters or leaves the VM behind `port`. */
  setKey(frame: Frame, isFromVm: boolean, port: number, place: number): void {
    const { key, source, destination } = this;
    source[0] = frame.s0;
    source[1] = frame.s1;
    source[2] = frame.s2;
    source[3] = frame.s3;
    destination[0] = frame.d0;
    destination[1] = frame.d1;
    destination[2] = frame.d2;
    destination[3] = frame.d3;
    const remote = isFromVm ? destination : source;
    const local = isFromVm ? source : destination;
    for (let word = 0; word < 4; word++) {
      key[word] = remote[word]!;
      key[4 + word] = local[word]!;
    }
    const { ports, protocol } = frame;
    key[8] = isFromVm ? ports : (ports << 16) | (ports >>> 16);
    key[9] = (place << 24) | (port << 8) | protocol;
  }

  /** Records a packet of the flow in a row. */
  seen(row: number, frame: Frame, isFromVm: boolean): void {
    const { table } = this;
    let flags = 0;
    if (((table.flags(row) & BEGUN_BY_VM) !== 0) !== isFromVm) flags = ANSWERED;
    if ((frame.tcpFlags & (tcp.FIN | tcp.RST)) !== 0) flags |= CLOSING;
    table.touch(row, flags, this.context.nowMs);
    if (frame.flow !== NONE) table.follow(row, frame.flow, this.recordPorts(frame.flow));
  }

  /** A step of ageing. */
  tick(): void {
    const { table } = this;
    const used = table.highWater;
    for (let i = Math.min(ROWS_PER_TICK, used); i > 0; i--) {
      if (this.hand > used) this.hand = 1;
      const row = this.hand++;
      if (table.isUsed(row) && this.isExpired(row)) table.remove(row);
    }
  }

  /** Removes the flows of a port that has no firewall any more, or is gone. */
  forgetPort(port: number): void {
    const { table } = this;
    for (let row = 1; row <= table.highWater; row++) {
      if (table.isUsed(row) && table.port(row) === port) table.remove(row);
    }
  }

  /** The connection record that a row's flow follows, if it still exists, or NONE. */
  followed(row: number): number {
    const record = this.table.record(row);
    if (record === NONE) return NONE;
    const { connections } = this.context.tables;
    const isSame = connections.isUsed(record) && this.recordPorts(record) === this.table.recordPorts(row);
    return isSame && connections.protocol(record) === this.table.protocol(row) ? record : NONE;
  }

  private isExpired(row: number): boolean {
    const idleMs = this.table.idleMs(row, this.context.nowMs);
    return idleMs > this.timeoutMs(row) && this.followed(row) === NONE;
  }

  private timeoutMs(row: number): number {
    const { table, timeouts } = this;
    const protocol = table.protocol(row);
    const isTcp = protocol === ipv4.PROTOCOL_TCP;
    if (table.ports(row) === 0 && (isTcp || protocol === ipv4.PROTOCOL_UDP)) return FRAGMENTS_MS;
    if (!isTcp) return timeouts.udpIdleMs;
    const flags = table.flags(row);
    const isEstablished = (flags & ANSWERED) !== 0 && (flags & CLOSING) === 0;
    return isEstablished ? timeouts.tcpEstablishedIdleMs : timeouts.tcpTransitoryIdleMs;
  }

  private recordPorts(record: number): number {
    return this.context.tables.connections.forwardPorts(record);
  }
}
