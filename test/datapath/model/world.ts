/**
 * The world of the model: who talks to whom, which groups there are, and how they change. Plain data; the same
 * world describes the datapath's snapshot and what the model believes.
 */
import type { DatapathSnapshot } from '../../../src/datapath/snapshot.ts';
import type { GroupDescription, MemberDescription } from '../../support/topology.ts';
import { PORTS, SETTINGS } from '../../support/topology.ts';

/** Ports that open flows; app1 is a member too, so it may be balanced to itself. */
export const CLIENTS = ['web1', 'web2', 'web3', 'app1'];

export const addressOf = (name: string, family: 4 | 6): string => {
  const port = PORTS.find((spec) => spec.name === name);
  if (port === undefined) throw new Error(`found no port ${name}`);
  return port.addresses[family === 4 ? 0 : 1];
};

/** Port of the VM with an address. */
export const ownerOf = (address: string): string =>
  PORTS.find(({ addresses }) => addresses.includes(address))?.name ?? '';

export const networkOf = (name: string): string => (name.startsWith('db') ? 'db' : 'app');

export interface Group {
  readonly name: string;
  readonly vip: string;
  readonly family: 4 | 6;
  readonly protocol: 'any' | 'tcp' | 'udp' | 'icmp';
  readonly port?: number;
  readonly rewrite: 'address' | 'mac';
  /** Port of every member after translation; absent: unchanged. */
  readonly memberPort?: number;
  /** Absent: weighted round robin. */
  readonly algorithm?: 'least-connections' | 'random-two-choices' | 'maglev';
  readonly affinityMs?: number;
  readonly avoidSelf?: boolean;
  /** While nobody else may have new flows, draining members may. */
  readonly drainFallback?: boolean;
  /** Of datagram flows; absent: the host's timer, and no re-pick. */
  readonly udpIdleMs?: number;
  readonly udpRepickMs?: number;
  /** A member for each datagram; by `random-two-choices`, as a refused one costs a round robin its turn unseen. */
  readonly isPerDatagram?: boolean;
  /** Wall-clock times at which the next set takes over; one set more than times. */
  readonly switchesMs: readonly number[];
  /** One list per set. */
  readonly sets: readonly (readonly Member[])[];
}

export interface Member {
  readonly name: string;
  readonly weight: number;
  readonly state: 'active' | 'draining' | 'failed';
}

const everyone = (names: readonly string[], weights: readonly number[]): Member[] =>
  names.map((name, i) => ({ name, weight: weights[i], state: 'active' }));

const APPS = ['app1', 'app2', 'app3', 'app4', 'app5'];

export const START_WALL_MS = 1_700_000_000_000;

/** Groups at the start: they share members and member ports, so that their flows would clash if they could. */
export const firstGroups = (): Group[] => {
  const usual = { family: 4 as const, rewrite: 'address' as const, switchesMs: [], protocol: 'any' as const };
  return [
    { ...usual, name: 'a', vip: '10.1.0.100', memberPort: 8080, sets: [everyone(APPS, [1, 3, 1, 3, 2])] },
    {
      ...usual,
      name: 'b',
      vip: '10.1.0.101',
      protocol: 'tcp',
      port: 80,
      memberPort: 8080,
      sets: [everyone(APPS, [1, 1, 2, 0, 1])],
    },
    {
      ...usual,
      name: 'c',
      vip: 'fd00:1::100',
      family: 6,
      memberPort: 8080,
      sets: [everyone(APPS.slice(0, 3), [2, 1, 1])],
    },
    {
      ...usual,
      name: 'd',
      vip: '10.1.0.103',
      drainFallback: true,
      sets: [everyone(['db1', 'db2', 'app1'], [1, 2, 1])],
    },
    { ...usual, name: 'e', vip: '10.1.0.104', rewrite: 'mac', sets: [everyone(APPS.slice(1, 4), [1, 1, 1])] },
    {
      ...usual,
      name: 'f',
      vip: '10.1.0.105',
      protocol: 'udp',
      udpRepickMs: 3_000,
      switchesMs: [START_WALL_MS + 60_000, START_WALL_MS + 120_000, START_WALL_MS + 600_000],
      sets: [
        everyone(['app1', 'app2'], [1, 1]),
        everyone(['app2', 'app3'], [1, 2]),
        [],
        everyone(['app3', 'app4'], [3, 1]),
      ],
    },
    {
      ...usual,
      name: 'g',
      vip: '10.1.0.100',
      protocol: 'udp',
      port: 53,
      memberPort: 5353,
      udpIdleMs: 40_000,
      udpRepickMs: 11_000,
      sets: [everyone(['app4', 'app5'], [1, 1])],
    },
    {
      ...usual,
      name: 'h',
      vip: '10.1.0.106',
      memberPort: 8080,
      drainFallback: true,
      algorithm: 'least-connections',
      affinityMs: 30_000,
      sets: [everyone(APPS, [1, 2, 1, 1, 1])],
    },
    {
      ...usual,
      name: 'i',
      drainFallback: true,
      vip: '10.1.0.107',
      algorithm: 'maglev',
      avoidSelf: true,
      sets: [everyone(APPS, [1, 3, 1, 1, 2])],
    },
    {
      ...usual,
      name: 'j',
      vip: '10.1.0.108',
      algorithm: 'random-two-choices',
      avoidSelf: true,
      affinityMs: 8_000,
      sets: [everyone(['app1', 'app2', 'db1'], [2, 1, 1])],
    },
    {
      ...usual,
      name: 'k',
      vip: '10.1.0.109',
      protocol: 'udp',
      algorithm: 'random-two-choices',
      isPerDatagram: true,
      memberPort: 8080,
      sets: [everyone(APPS, [1, 3, 1, 3, 2])],
    },
    { ...usual, name: 'l', vip: '10.1.0.110', protocol: 'icmp', sets: [everyone(APPS, [1, 2, 1, 2, 1])] },
    {
      ...usual,
      name: 'm',
      vip: 'fd00:1::110',
      family: 6,
      protocol: 'icmp',
      udpRepickMs: 9_000,
      sets: [everyone(APPS.slice(0, 3), [1, 2, 1])],
    },
  ];
};

/** Short timers, so that flows end often. */
export const TIMERS: DatapathSnapshot['settings'] = {
  ...SETTINGS,
  udpIdleMs: 20_000,
  tcpEstablishedIdleMs: 60_000,
  tcpTransitoryIdleMs: 15_000,
  activeFlowIdleMs: 5_000,
};

export function describeGroup(group: Group): GroupDescription {
  const { name, vip, protocol, port, rewrite, udpIdleMs, udpRepickMs, switchesMs } = group;
  const { algorithm, affinityMs, avoidSelf, drainFallback, isPerDatagram } = group;
  const member = ({ name: of, weight, state }: Member): MemberDescription => ({
    name: of,
    address: addressOf(of, group.family),
    port: group.memberPort,
    weight,
    state,
  });
  return {
    name,
    vip,
    protocol,
    port,
    rewrite,
    udpIdleMs,
    udpRepickMs,
    algorithm,
    affinityMs,
    avoidSelf,
    drainFallback,
    udpScheduling: isPerDatagram ? 'per-datagram' : undefined,
    criteria: group.sets.map((set, i) => ({
      fromMs: i === 0 ? undefined : switchesMs[i - 1],
      untilMs: switchesMs[i],
      members: set.map(member),
    })),
  };
}

/** The group with the members of all its sets changed. */
export const withMembers = (group: Group, change: (set: readonly Member[]) => readonly Member[]): Group => ({
  ...group,
  sets: group.sets.map(change),
});

/** A criteria set's members as new flows see them: those that drain and serve all the same are active. */
export function servingMembers(group: Group, set: number): readonly Member[] {
  const members = group.sets[set];
  if (group.drainFallback !== true || members.some(isEligible)) return members;
  return members.map((member) => (member.state === 'draining' ? { ...member, state: 'active' } : member));
}

/** Whether a member may have new flows. */
export const isEligible = ({ weight, state }: Member): boolean => weight > 0 && state === 'active';

export const weightsOf = (members: readonly Member[]): string =>
  members.map(({ name, weight, state }) => `${name}=${state === 'active' ? weight : 0}`).join();
