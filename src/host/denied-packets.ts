/**
 * Events and log lines of packets that firewall rules with `log` have denied, read from the datapath's ring once per
 * interval: one for all packets alike.
 */
import { isIcmp } from '../datapath/frame/echo.ts';
import type { EventSink, NewEvent } from '../events/event.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import { DENIED_ENTRIES, type DeniedLog, type DeniedPacket } from '../tables/firewall/denied-log.ts';
import { FROM_VM } from '../tables/firewall/firewall-rules.ts';
import { formatEndpoint, wordsToAddress } from '../wire/address.ts';
import type { DatapathIds } from './publishing/datapath-ids.ts';

const INTERVAL_MS = 1_000;

export class DeniedPackets {
  private readonly denied: DeniedLog;
  private readonly ids: DatapathIds;
  private readonly events: EventSink;
  private seen: number;
  private runtime: Runtime | undefined;
  private timer: Timer | undefined;

  constructor(denied: DeniedLog, ids: DatapathIds, events: EventSink) {
    this.denied = denied;
    this.ids = ids;
    this.events = events;
    this.seen = denied.written;
  }

  start(runtime: Runtime): void {
    this.runtime = runtime;
    this.timer = runtime.setTicker(() => this.tellNew(), INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    this.runtime?.clearTimer(this.timer);
    this.tellNew();
  }

  /** Tells of packets denied since the last call; if the ring has overflowed, only of the newest. */
  tellNew(): void {
    const { written } = this.denied;
    if (written === this.seen) return;
    const missed = written - this.seen - DENIED_ENTRIES;
    const alike = new Map<string, { packet: DeniedPacket; packets: number }>();
    for (const packet of this.denied.since(this.seen)) {
      const key = this.line(packet);
      const before = alike.get(key);
      alike.set(key, { packet, packets: (before?.packets ?? 0) + 1 });
    }
    for (const [line, { packet, packets }] of alike) this.events.emit(this.event(packet, packets, line));
    if (missed > 0)
      this.events.emit({
        type: 'drop.denied',
        subject: 'firewalls',
        reason: 'more packets of rules with log than can be told apart',
        details: { packets: missed },
        line: `firewalls denied ${missed} more packets of rules with log`,
      });
    this.seen = written;
  }

  private event(packet: DeniedPacket, packets: number, line: string): NewEvent {
    const { rule, port, protocol, ports, direction, source, destination } = packet;
    const [firewall, name] = this.ids.firewallRuleOf(rule);
    const times = packets === 1 ? '' : ` (${packets} packets)`;
    return {
      type: 'drop.denied',
      subject: this.ids.portName(port) ?? '',
      reason: `firewall ${firewall}, rule ${name}`,
      details: {
        protocol: protocolName(protocol),
        source: endpoint(source, protocol, ports >>> 16),
        destination: endpoint(destination, protocol, ports & 0xffff),
        direction: direction === FROM_VM ? 'from-vm' : 'to-vm',
        packets,
      },
      apart: line,
      line: `${line}${times}`,
    };
  }

  private line({ rule, port, protocol, ports, direction, source, destination }: DeniedPacket): string {
    const [firewall, name] = this.ids.firewallRuleOf(rule);
    const from = endpoint(source, protocol, ports >>> 16);
    const to = endpoint(destination, protocol, ports & 0xffff);
    const way = direction === FROM_VM ? 'from' : 'to';
    return `firewall ${firewall}, rule ${name}: denied ${protocolName(protocol)} ${from} > ${to} ${way} port ${this.ids.portName(port)}`;
  }
}

const endpoint = (address: Int32Array, protocol: number, port: number): string => {
  const text = wordsToAddress(address, 0);
  return isIcmp(protocol) || port === 0 ? text : formatEndpoint(text, port);
};

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };

const protocolName = (protocol: number): string => NAMES[protocol] ?? `protocol ${protocol}`;
