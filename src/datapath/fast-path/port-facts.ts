/**
 * Facts of ports that the fast path needs, as rows of words: one cache line per port in place of a port, its network and
 * its source check. Written when a snapshot is applied or a port goes; the lookahead's note changes per packet.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';

export const FACT_WORDS = 16;

/** Words of a port. */
export const FACT = {
  /** FACT_… bits; 0: there is no such port. */
  bits: 0,
  network: 1,
  /** The VM's configured MAC; high 16 bits -1, which no frame has, if there is none. */
  macHigh: 2,
  macLow: 3,
  mtu: 4,
  routerMacHigh: 5,
  routerMacLow: 6,
  /** Range of the port's IPv4 source addresses in `own`; both -1: sources are not checked. */
  ownFirst: 7,
  ownEnd: 8,
  /**
   * The lookahead's note about the port's last IPv4 packet, as successive packets of a VM tend to have the same
   * addresses: source, destination, the result (endpoint and PACKET_REPLY), and the state of the endpoint table.
   */
  lastSource: 9,
  lastDestination: 10,
  lastService: 11,
  lastReply: 12,
  lastChanges: 13,
  /** Number of the load balancer in both chains of the port, or NONE. */
  balancer: 14,
  /** Millisecond in which the port's budget for measuring was used up. */
  unmeteredMs: 15,
} as const;

export const FACT_PRESENT = 1;
/** The fast path may act for all operators of the port's chains. */
export const FACT_SIMPLE = 2;
/** The device takes partial checksums. */
export const FACT_OFFLOADS = 4;

export class PortFacts {
  readonly words: Int32Array;
  /** IPv4 source addresses that need no further check, port by port. */
  own = new Int32Array(0);

  constructor(maxPorts: number) {
    this.words = new Int32Array(maxPorts * FACT_WORDS);
  }

  /** Writes the rows of all ports of a snapshot. */
  replace(ports: readonly (Port | undefined)[], networks: Networks): void {
    const { words } = this;
    const own: number[] = [];
    words.fill(0);
    for (const port of ports) {
      if (port === undefined) continue;
      const at = port.id * FACT_WORDS;
      const network = networks.at(port.network);
      words[at + FACT.bits] =
        FACT_PRESENT | (port.hasFastPath ? FACT_SIMPLE : 0) | (port.offloads ? FACT_OFFLOADS : 0);
      words[at + FACT.network] = port.network;
      words[at + FACT.macHigh] = port.macHigh;
      words[at + FACT.macLow] = port.macLow;
      words[at + FACT.mtu] = network.mtu;
      words[at + FACT.routerMacHigh] = network.routerMacHigh;
      words[at + FACT.routerMacLow] = network.routerMacLow;
      const { ownSources } = port;
      words[at + FACT.ownFirst] = ownSources === undefined ? -1 : own.length;
      own.push(...(ownSources?.ipv4 ?? []));
      words[at + FACT.ownEnd] = ownSources === undefined ? -1 : own.length;
      words[at + FACT.lastService] = NONE;
      words[at + FACT.balancer] = port.balances ? port.balancer : NONE;
      words[at + FACT.unmeteredMs] = -1;
    }
    this.own = Int32Array.from(own);
  }

  forget(port: number): void {
    this.words[port * FACT_WORDS + FACT.bits] = 0;
  }
}
