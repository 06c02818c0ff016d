/**
 * Judges running flows again when the firewalls of their ports change.
 *
 * Theory of operation. A change notes its ports and starts a walk over the rows of the firewalls' flows and over the
 * connection records, some hundred per millisecond. A plain flow that the rules no longer allow loses its row, so its next
 * packet is judged as new. A balanced flow is judged as the firewall of its client's port and that of its member's port
 * would judge its first packet; if one denies it, its connection record is removed, and with it the fast path.
 */
import { ENDPOINT_WORDS } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { FROM_VM, TO_VM } from '../../tables/firewall/firewall-rules.ts';
import { BEGUN_BY_VM } from '../../tables/firewall/firewall-table.ts';
import { isIpv4Mapped } from '../../wire/address.ts';
import type { ConnectionTracking } from '../balancing/connection-tracking.ts';
import type { Context } from '../frame/context.ts';
import { isIcmp, requestType } from '../frame/echo.ts';
import type { Firewall } from './firewall.ts';
import type { FirewallFlows } from './firewall-flows.ts';

/** Rows and records examined per millisecond in which batches are handled. */
const STEPS_PER_TICK = 256;

export class Rejudging {
  private readonly context: Context;
  private readonly flows: FirewallFlows;
  private readonly tracking: ConnectionTracking;
  /** Firewalls by port, in the order of the chain. */
  private firewalls = new Map<number, readonly Firewall[]>();
  /** Ports whose firewalls have changed. */
  private changed = new Set<number>();
  private nextRow = 0;
  private nextRecord = 0;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);

  constructor(context: Context, flows: FirewallFlows, tracking: ConnectionTracking) {
    this.context = context;
    this.flows = flows;
    this.tracking = tracking;
  }

  /** The firewalls in force from now on. */
  replace(firewalls: Map<number, readonly Firewall[]>): void {
    for (const [port, before] of this.firewalls) {
      if (!firewalls.has(port)) this.flows.forgetPort(port);
      else if (!isSame(before, firewalls.get(port)!)) this.changed.add(port);
    }
    for (const port of firewalls.keys()) if (!this.firewalls.has(port)) this.changed.add(port);
    this.firewalls = firewalls;
    if (this.changed.size === 0) return;
    this.nextRow = 1;
    this.nextRecord = 1;
  }

  get isDone(): boolean {
    return this.changed.size === 0;
  }

  tick(): void {
    if (this.isDone) return;
    const { table } = this.flows;
    const { connections } = this.context.tables;
    for (let i = 0; i < STEPS_PER_TICK; i++) {
      const hasRow = this.nextRow <= table.highWater;
      const hasRecord = this.nextRecord <= connections.highWater;
      if (!hasRow && !hasRecord) return this.changed.clear();
      if (hasRow) this.examineRow(this.nextRow++);
      if (hasRecord) this.examineRecord(this.nextRecord++);
    }
  }

  private examineRow(row: number): void {
    const { table } = this.flows;
    if (!table.isUsed(row) || !this.changed.has(table.port(row))) return;
    const firewall = this.firewalls.get(table.port(row))?.[table.place(row)];
    if (firewall !== undefined && this.allowsRow(row, firewall)) return;
    const record = this.flows.followed(row);
    table.remove(row);
    if (record !== NONE) this.tracking.remove(record);
  }

  private allowsRow(row: number, { rules }: Firewall): boolean {
    const { table } = this.flows;
    const isFromVm = (table.flags(row) & BEGUN_BY_VM) !== 0;
    table.readAddresses(
      row,
      isFromVm ? this.destination : this.source,
      isFromVm ? this.source : this.destination,
    );
    const ports = table.ports(row);
    const protocol = table.protocol(row);
    const value = isIcmp(protocol) ? table.value(row) : isFromVm ? ports & 0xffff : ports >>> 16;
    return rules.match(isFromVm ? FROM_VM : TO_VM, protocol, value, this.source, this.destination);
  }

  private examineRecord(record: number): void {
    const { connections, endpoints } = this.context.tables;
    if (!connections.isUsed(record)) return;
    const client = connections.ownerPort(record);
    const via = connections.via(record);
    const member = via === NONE ? NONE : endpoints.wayPort(via, this.context.wayGeneration);
    const isDenied =
      (this.changed.has(client) &&
        !this.allowsRecord(
          record,
          client,
          FROM_VM,
          connections.vip(record),
          connections.forwardPorts(record),
        )) ||
      (this.changed.has(member) &&
        !this.allowsRecord(
          record,
          member,
          TO_VM,
          connections.member(record),
          connections.reversePorts(record),
        ));
    if (isDenied) this.tracking.remove(record);
  }

  private allowsRecord(
    record: number,
    port: number,
    direction: number,
    service: number,
    ports: number,
  ): boolean {
    const { connections, endpoints } = this.context.tables;
    const at = connections.clientAt(record);
    for (let word = 0; word < 4; word++) {
      this.source[word] = connections.hot[at + word]!;
      this.destination[word] = endpoints.rows[service * ENDPOINT_WORDS + word]!;
    }
    const protocol = connections.protocol(record);
    const isIpv4 = isIpv4Mapped(this.source[0]!, this.source[1]!, this.source[2]!);
    const value = isIcmp(protocol) ? requestType(isIpv4) : ports & 0xffff;
    return (this.firewalls.get(port) ?? []).every(({ rules }) =>
      rules.match(direction, protocol, value, this.source, this.destination),
    );
  }
}

const isSame = (a: readonly Firewall[], b: readonly Firewall[]): boolean =>
  a.length === b.length && a.every(({ rules }, i) => rules.memory === b[i]!.rules.memory);
