/** Firewalls in the chains of ports: what begins a flow, what belongs to one, and what a change of rules ends. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { OperatorSpec } from '../../../src/datapath/snapshot.ts';
import { compileFirewall, type FirewallRuleSpec } from '../../../src/tables/firewall/firewall-rules.ts';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import {
  countingBytes,
  echoFrame,
  icmpFrame,
  rawFrame,
  tcpFrame,
  UDP,
  udpFrame,
} from '../../support/packets.ts';
import { MINUTE_MS, PORTS } from '../../support/topology.ts';

const test = suite('firewall');

const TCP = 6;
const VIP = '10.1.0.100';
const GROUP = {
  name: 'api',
  vip: VIP,
  port: 80,
  members: [{ name: 'app1', address: '10.1.0.21', port: 8_080 }],
};

let nextId = 0;
const rule = (verdict: 'allow' | 'deny', more: Partial<FirewallRuleSpec>): FirewallRuleSpec => ({
  id: nextId++,
  verdict,
  protocols: [],
  ranges: [],
  sources: [],
  destinations: [],
  log: false,
  ...more,
});

const firewall = (...rules: FirewallRuleSpec[]): OperatorSpec => ({
  kind: 'firewall',
  rules: compileFirewall({ default: 'deny', rules }),
});

/** Firewalls in front of the load balancers of these ports. */
const withFirewalls = (firewalls: Record<string, OperatorSpec>) =>
  PORTS.map((port) => {
    const own = firewalls[port.name];
    return own === undefined ? port : { ...port, chain: [own, { kind: 'load-balancer' as const }] };
  });

const WEB = rule('allow', { direction: 'to-vm', protocols: [TCP], ranges: [[80, 80]] });

interface Ends {
  readonly from: string;
  readonly to: string;
}
const tcp = (bed: DatapathBed, { from, to }: Ends, ports: [number, number], flags: string): Sent[] =>
  bed.send(
    from,
    tcpFrame(bed.way(from, bed.address(to)), { sourcePort: ports[0], destinationPort: ports[1], flags }),
  );

test('a flow that a rule allows passes in both directions; nothing else begins one', () => {
  const bed = new DatapathBed({ ports: withFirewalls({ app1: firewall(WEB) }) });
  const there = { from: 'web1', to: 'app1' };
  const back = { from: 'app1', to: 'web1' };
  assert.is(tcp(bed, back, [80, 5_000], 'A').length, 0, 'no flow yet');
  assert.is(only(tcp(bed, there, [5_000, 80], 'S')).port, 'app1');
  assert.is(only(tcp(bed, back, [80, 5_000], 'SA')).port, 'web1');
  assert.is(only(tcp(bed, there, [5_000, 80], 'A')).port, 'app1');
  assert.is(tcp(bed, there, [5_000, 81], 'S').length, 0);
  assert.is(tcp(bed, back, [6_000, 80], 'S').length, 0);
  assert.is(bed.drops().firewall, 3);
  assert.is(
    only(tcp(bed, { from: 'web1', to: 'app2' }, [5_000, 81], 'S')).port,
    'app2',
    'other ports are free',
  );
});

test('flows end by their timeouts, each by its own protocol and state', () => {
  const outward = rule('allow', { direction: 'from-vm' });
  const bed = new DatapathBed({ ports: withFirewalls({ web1: firewall(outward) }) });
  const ask = (to: string, port: number): Sent[] =>
    bed.send('web1', udpFrame(bed.way('web1', bed.address(to)), { sourcePort: port, destinationPort: 53 }));
  const answer = (from: string, port: number): Sent[] =>
    bed.send(from, udpFrame(bed.way(from, bed.address('web1')), { sourcePort: 53, destinationPort: port }));
  ask('app1', 5_000);
  assert.is(answer('app1', 5_000).length, 1);
  bed.passSlowly(3 * MINUTE_MS);
  assert.is(answer('app1', 5_000).length, 0, 'idle for longer than UDP flows live');
  tcp(bed, { from: 'web1', to: 'app1' }, [7_000, 80], 'S');
  tcp(bed, { from: 'app1', to: 'web1' }, [80, 7_000], 'SA');
  bed.passSlowly(60 * MINUTE_MS, 10_000);
  assert.is(tcp(bed, { from: 'app1', to: 'web1' }, [80, 7_000], 'A').length, 1, 'established');
  tcp(bed, { from: 'app1', to: 'web1' }, [80, 7_000], 'FA');
  bed.passSlowly(5 * MINUTE_MS);
  assert.is(tcp(bed, { from: 'app1', to: 'web1' }, [80, 7_000], 'A').length, 0, 'closing');
});

test('an ICMP error about an allowed flow passes, one about another flow does not', () => {
  const outward = rule('allow', { direction: 'from-vm' });
  const bed = new DatapathBed({ ports: withFirewalls({ web1: firewall(outward) }) });
  bed.send(
    'web1',
    udpFrame(bed.way('web1', bed.address('app1')), { sourcePort: 5_000, destinationPort: 53 }),
  );
  const error = (port: number): Sent[] => {
    const way = bed.way('web1', bed.address('app1'));
    const quoted = udpFrame(way, { sourcePort: port, destinationPort: 53 }).bytes.subarray(14);
    return bed.send('app1', icmpFrame(bed.way('app1', bed.address('web1')), 3, 3, 0, quoted));
  };
  assert.is(only(error(5_000)).port, 'web1');
  assert.is(error(5_001).length, 0);
});

test('ARP and neighbour discovery pass; an echo passes by its identifier', () => {
  const ping = rule('allow', {
    direction: 'to-vm',
    protocols: [1, 58],
    ranges: [
      [8, 8],
      [128, 128],
    ],
  });
  const bed = new DatapathBed({ ports: withFirewalls({ app1: firewall(ping) }) });
  for (const family of [4, 6] as const) {
    const there = bed.way('web1', bed.address('app1', family));
    const back = bed.way('app1', bed.address('web1', family));
    assert.is(only(bed.send('web1', echoFrame(there, 7, 1))).port, 'app1');
    assert.is(bed.send('app1', echoFrame(back, 9, 1)).length, 0, 'the VM may not ask itself');
  }
  assert.is(bed.drops().firewall, 2);
  assert.is(bed.drops()['neighbour-unresolved'], undefined);
});

test('at a client rules see the virtual address, at a member the member', () => {
  const toVip = rule('allow', { direction: 'from-vm', destinations: [`${VIP}/32`] });
  const fromWeb = rule('allow', {
    direction: 'to-vm',
    protocols: [TCP],
    ranges: [[8_080, 8_080]],
    sources: ['10.1.0.11/32'],
  });
  const bed = new DatapathBed({
    groups: [GROUP],
    ports: withFirewalls({ web1: firewall(toVip), app1: firewall(fromWeb) }),
  });
  const ask = (from: string, flags: string): Sent[] =>
    bed.send(from, tcpFrame(bed.way(from, VIP), { sourcePort: 5_000, destinationPort: 80, flags }));
  const answer = (flags: string): Sent[] =>
    bed.send(
      'app1',
      tcpFrame(bed.way('app1', bed.address('web1')), { sourcePort: 8_080, destinationPort: 5_000, flags }),
    );
  assert.is(only(ask('web1', 'S')).port, 'app1');
  assert.is(only(answer('SA')).port, 'web1');
  assert.is(only(ask('web1', 'A')).port, 'app1');
  assert.is(only(answer('A')).port, 'web1');
  assert.is(
    tcp(bed, { from: 'web1', to: 'app1' }, [6_000, 8_080], 'S').length,
    0,
    'not by the address itself',
  );
  assert.is(ask('web2', 'S').length, 0, 'not from another client');
  assert.is(bed.flows().length, 1, 'a flow whose first packet a firewall drops leaves no record');
});

test('a balanced flow that the fast path carries keeps its place in the member’s firewall', () => {
  const web = rule('allow', { direction: 'to-vm', protocols: [17] });
  const group = {
    ...GROUP,
    port: 53,
    protocol: 'udp' as const,
    members: [{ name: 'app1', address: '10.1.0.21' }],
  };
  const bed = new DatapathBed({ groups: [group], ports: withFirewalls({ app1: firewall(web) }) });
  const ask = (): Sent[] =>
    bed.send('web1', udpFrame(bed.way('web1', VIP), { sourcePort: 5_000, destinationPort: 53 }));
  const answer = (): Sent[] =>
    bed.send(
      'app1',
      udpFrame(bed.way('app1', bed.address('web1')), { sourcePort: 53, destinationPort: 5_000 }),
    );
  for (let minute = 0; minute < 10; minute++) {
    assert.is(ask().length, 1);
    assert.is(answer().length, 1);
    bed.passSlowly(MINUTE_MS);
  }
  assert.is(bed.tables.firewallFlows.inUse, 1);
});

test('a change of rules ends the flows that are no longer allowed, plain and balanced, and no others', () => {
  const open = rule('allow', { direction: 'to-vm', protocols: [TCP] });
  const bed = new DatapathBed({ groups: [GROUP], ports: withFirewalls({ app1: firewall(open) }) });
  const balanced = (from: string, flags: string): Sent[] =>
    bed.send(from, tcpFrame(bed.way(from, VIP), { sourcePort: 5_000, destinationPort: 80, flags }));
  const answered = (to: string, flags: string): Sent[] =>
    bed.send(
      'app1',
      tcpFrame(bed.way('app1', bed.address(to)), { sourcePort: 8_080, destinationPort: 5_000, flags }),
    );
  for (const client of ['web1', 'web2']) {
    balanced(client, 'S');
    answered(client, 'SA');
    assert.is(only(balanced(client, 'A')).port, 'app1');
    tcp(bed, { from: client, to: 'app1' }, [6_000, 22], 'S');
    assert.is(tcp(bed, { from: 'app1', to: client }, [22, 6_000], 'SA').length, 1);
  }
  assert.is(bed.flows().length, 2);
  const narrow = rule('allow', { direction: 'to-vm', protocols: [TCP], sources: ['10.1.0.11/32'] });
  bed.configure({ ports: withFirewalls({ app1: firewall(narrow) }) });
  bed.passSlowly(50, 1);
  assert.is(bed.flows().length, 1);
  assert.is(only(balanced('web1', 'A')).port, 'app1');
  assert.is(tcp(bed, { from: 'app1', to: 'web1' }, [22, 6_000], 'A').length, 1);
  assert.is(tcp(bed, { from: 'app1', to: 'web2' }, [22, 6_000], 'A').length, 0);
  assert.not(balanced('web2', 'A').some(({ port }) => port === 'app1'));
});

test('rules that come to a port judge what runs already', () => {
  const bed = new DatapathBed({ groups: [GROUP] });
  const ask = (flags: string): Sent[] =>
    bed.send('web1', tcpFrame(bed.way('web1', VIP), { sourcePort: 5_000, destinationPort: 80, flags }));
  ask('S');
  bed.send(
    'app1',
    tcpFrame(bed.way('app1', bed.address('web1')), {
      sourcePort: 8_080,
      destinationPort: 5_000,
      flags: 'SA',
    }),
  );
  assert.is(only(ask('A')).port, 'app1');
  bed.configure({ ports: withFirewalls({ web1: firewall() }) });
  bed.passSlowly(50, 1);
  assert.is(bed.flows().length, 0);
  assert.is(ask('A').length, 0);
});

test('later fragments pass after their first one, and only then', () => {
  const dns = rule('allow', { direction: 'to-vm', protocols: [UDP], ranges: [[53, 53]] });
  const bed = new DatapathBed({ ports: withFirewalls({ app1: firewall(dns) }) });
  const pieces = (destinationPort: number, identification: number) => {
    const way = bed.way('web1', bed.address('app1'));
    const whole = udpFrame(way, { sourcePort: 5_000, destinationPort, payload: countingBytes(1_000) }).bytes;
    const packet = whole.subarray(34);
    return [0, 400, 800].map((offset) => {
      const fragment = { offset, more: offset + 400 < packet.length };
      return rawFrame({ ...way, identification, fragment }, UDP, packet.subarray(offset, offset + 400));
    });
  };
  const counts = (destinationPort: number, identification: number): number[] =>
    pieces(destinationPort, identification).map((piece) => bed.send('web1', piece).length);
  assert.equal(counts(54, 1), [0, 0, 0]);
  assert.equal(counts(53, 2), [1, 1, 1]);
});

test('rules with log: what was denied can be read, and hits are counted', () => {
  const bad = rule('deny', { sources: ['10.1.0.12/32'], log: true });
  const bed = new DatapathBed({ ports: withFirewalls({ app1: firewall(bad, WEB) }) });
  tcp(bed, { from: 'web1', to: 'app1' }, [5_000, 80], 'S');
  tcp(bed, { from: 'web1', to: 'app1' }, [5_000, 80], 'A');
  for (let i = 0; i < 3; i++) tcp(bed, { from: 'web2', to: 'app1' }, [5_000 + i, 80], 'S');
  const { firewallHits, deniedLog } = bed.tables;
  assert.is(firewallHits[WEB.id], 1, 'once per flow');
  assert.is(firewallHits[bad.id], 3);
  assert.equal(
    deniedLog.since(0).map(({ rule: id, protocol, ports }) => [id, protocol, ports]),
    [0, 1, 2].map((i) => [bad.id, TCP, ((5_000 + i) << 16) | 80]),
  );
});

test.run();
