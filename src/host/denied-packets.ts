/** Log lines of packets that firewall rules with `log` have denied, read from the datapath's ring once per interval. */
import { isIcmp } from '../datapath/frame/echo.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import { DENIED_ENTRIES, type DeniedLog, type DeniedPacket } from '../tables/firewall/denied-log.ts';
import { FROM_VM } from '../tables/firewall/firewall-rules.ts';
import { formatEndpoint, wordsToAddress } from '../wire/address.ts';
import type { DatapathIds } from './publishing/datapath-ids.ts';

const INTERVAL_MS = 1_000;

interface Log {
  info(text: string): void;
}

export class DeniedPackets {
  private readonly denied: DeniedLog;
  private readonly ids: DatapathIds;
  private readonly log: Log;
  private seen: number;
  private runtime: Runtime | undefined;
  private timer: Timer | undefined;

  constructor(denied: DeniedLog, ids: DatapathIds, log: Log) {
    this.denied = denied;
    this.ids = ids;
    this.log = log;
    this.seen = denied.written;
  }

  start(runtime: Runtime): void {
    this.runtime = runtime;
    this.timer = runtime.setTicker(() => this.logNew(), INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    this.runtime?.clearTimer(this.timer);
    this.logNew();
  }

  /** Logs packets denied since the last call; if the ring has overflowed, only the newest. */
  logNew(): void {
    const { written } = this.denied;
    if (written === this.seen) return;
    const missed = written - this.seen - DENIED_ENTRIES;
    for (const packet of this.denied.since(this.seen)) this.log.info(this.line(packet));
    if (missed > 0) this.log.info(`firewalls denied ${missed} more packets of rules with log`);
    this.seen = written;
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
