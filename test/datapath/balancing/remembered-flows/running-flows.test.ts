/** What runs goes on when the configuration begins or ceases to cover it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation } from '../../../support/conversation.ts';
import { DatapathBed, describe } from '../../../support/datapath-bed.ts';
import {
  countingBytes,
  icmpFrame,
  rawFrame,
  tcpFrame,
  udpFrame,
  type Way,
} from '../../../support/packets.ts';
import { SCTP, sctpPacket } from '../../../support/sctp.ts';
import { type GroupDescription, members, SETTINGS } from '../../../support/topology.ts';

const begins = suite('an address begins to be balanced');
const ceases = suite('rules cease to cover a flow');

const ADDRESS = '10.1.0.21';
const ENDS = { sourcePort: 40_000, destinationPort: 80, sequence: 500, acknowledgment: 900 };

/** A segment of a plain connection from web1 to app1, and one back. */
const there = (bed: DatapathBed, flags: string, sourcePort = 40_000): string =>
  describe(bed.send('web1', tcpFrame(bed.way('web1', ADDRESS), { ...ENDS, sourcePort, flags })));
const back = (bed: DatapathBed, flags: string): string => {
  const ports = { sourcePort: 80, destinationPort: 40_000 };
  return describe(bed.send('app1', tcpFrame(bed.way('app1', '10.1.0.11'), { ...ENDS, ...ports, flags })));
};

const COVERS: Record<string, GroupDescription> = {
  'rewrite: port': {
    name: 'own',
    vip: ADDRESS,
    port: 80,
    protocol: 'tcp',
    rewrite: 'port',
    members: members([1], { port: 8080 }),
  },
  'rewrite: address': {
    name: 'own',
    vip: ADDRESS,
    port: 80,
    protocol: 'tcp',
    members: members([0, 1], { port: 8080 }),
  },
  'rewrite: mac': { name: 'own', vip: ADDRESS, members: members([0, 1]), rewrite: 'mac' },
};
for (const [what, group] of Object.entries(COVERS)) {
  begins(`${what}: a plain connection to the VM with the address goes on, new ones are balanced`, () => {
    const bed = new DatapathBed();
    assert.match(there(bed, 'S'), /^app1: .*:80 S$/);
    back(bed, 'SA');
    there(bed, 'A');
    bed.configure({ groups: [group] });
    assert.is(there(bed, 'PA'), 'app1: tcp 10.1.0.11:40000 > 10.1.0.21:80 PA');
    assert.is(back(bed, 'PA'), 'web1: tcp 10.1.0.21:80 > 10.1.0.11:40000 PA');
    assert.is(there(bed, 'FA'), 'app1: tcp 10.1.0.11:40000 > 10.1.0.21:80 FA');
    assert.is(back(bed, 'FA'), 'web1: tcp 10.1.0.21:80 > 10.1.0.11:40000 FA');
    assert.is(there(bed, 'A'), 'app1: tcp 10.1.0.11:40000 > 10.1.0.21:80 A');
    assert.equal(bed.flows(), [], 'without a record');
    assert.is.not(there(bed, 'S', 41_000), 'app1: tcp 10.1.0.11:41000 > 10.1.0.21:80 S');
    assert.is(bed.flows().length, 1);
  });
}

/** A datagram of an exchange between web1 and app1, and one back. */
const DATAGRAMS = {
  udp: (way: Way, [from, to]: [number, number]) => udpFrame(way, { sourcePort: from, destinationPort: to }),
  sctp: (way: Way, [from, to]: [number, number]) =>
    rawFrame(way, SCTP, sctpPacket(from, to, countingBytes(20))),
  gre: (way: Way) => rawFrame(way, 47, countingBytes(20)),
  icmp: (way: Way, [from, to]: [number, number]) =>
    icmpFrame(way, from === 80 ? 0 : 8, 0, ((from === 80 ? to : from) << 16) | 1),
};
const PROTOCOLS = { udp: 'udp', sctp: 'sctp', gre: 'any', icmp: 'icmp' } as const;
for (const [name, datagram] of Object.entries(DATAGRAMS)) {
  const ask = (bed: DatapathBed, port = 40_000): string[] =>
    bed.send('web1', datagram(bed.way('web1', ADDRESS), [port, 80])).map((sent) => sent.port);
  const answer = (bed: DatapathBed): string[] =>
    bed.send('app1', datagram(bed.way('app1', '10.1.0.11'), [80, 40_000])).map((sent) => sent.port);
  const isBySource = name !== 'gre';
  const group: GroupDescription = {
    name: 'own',
    vip: ADDRESS,
    protocol: PROTOCOLS[name as keyof typeof PROTOCOLS],
    members: members([0, 1]),
  };
  /** On the VM's address, which stays the VM's for all that the rules do not cover. */
  const own: GroupDescription = { ...group, rewrite: 'port', members: members([1]) };
  const covering: Record<string, readonly [GroupDescription[], GroupDescription[]]> = {
    'a group begins': [[], [group]],
    'its protocol changes': [[{ ...own, protocol: 'tcp' }], [group]],
    'its sources change': [[{ ...own, sources: ['10.1.0.12/32'] }], [group]],
    'a member becomes a VIP': [
      [{ ...group, name: 'front', vip: '10.1.0.100', members: members([1]) }],
      [group],
    ],
  };
  for (const [what, [before, after]] of Object.entries(covering)) {
    begins(
      `${name}, ${what}: an exchange with the VM with the address goes on, new ones are balanced`,
      () => {
        const bed = new DatapathBed({ groups: before });
        assert.equal(ask(bed), ['app1']);
        bed.configure({ groups: after });
        for (let i = 0; i < 5; i++) {
          assert.equal(ask(bed), ['app1']);
          assert.equal(answer(bed), ['web1']);
          bed.pass(SETTINGS.udpIdleMs - 2_000);
        }
        assert.equal(bed.flows(), []);
        if (isBySource) assert.equal(ask(bed, 41_000), ['app2']);
        bed.pass(SETTINGS.udpIdleMs + 3_000);
        assert.equal(ask(bed), ['app2'], 'silent for as long as a record lasts: a new one');
      },
    );
  }
}

begins('an exchange that nobody has is balanced at once, and so is one that went to the router', () => {
  const bed = new DatapathBed();
  const frame = (bed: DatapathBed) =>
    udpFrame(bed.way('web1', '10.1.0.100'), { sourcePort: 40_000, destinationPort: 80 });
  bed.send('web1', frame(bed));
  bed.configure({ groups: [{ name: 'api', vip: '10.1.0.100', members: members([1]) }] });
  assert.equal(
    bed.send('web1', frame(bed)).map(({ port }) => port),
    ['app1'],
  );
});

begins('the station has the address, and its port does not say so: the frames’ MAC does', () => {
  const bed = new DatapathBed();
  const way = { ...bed.way('web1', '10.1.0.50'), toMac: bed.mac('app2') };
  const frame = (flags: string) => tcpFrame(way, { ...ENDS, flags });
  bed.send('web1', frame('S'));
  bed.configure({ groups: [{ name: 'far', vip: '10.1.0.50', members: members([1]) }] });
  assert.is(describe(bed.send('web1', frame('PA'))), 'app2: tcp 10.1.0.11:40000 > 10.1.0.50:80 PA');
  // Nobody has a VIP that the datapath answers for.
  const toVip = tcpFrame(bed.way('web1', '10.1.0.50'), { ...ENDS, flags: 'PA' });
  assert.match(describe(bed.send('web1', toVip)), /^web1: .* R$/);
});

const GROUP: GroupDescription = {
  name: 'api',
  vip: '10.1.0.100',
  port: 80,
  protocol: 'tcp',
  members: members([1], { port: 8080 }),
};
const CHANGES: Record<string, readonly GroupDescription[]> = {
  'the group is removed': [],
  'the VIP changes': [{ ...GROUP, vip: '10.1.0.101' }],
  'the port changes': [{ ...GROUP, port: 443 }],
  'the protocol changes': [{ ...GROUP, protocol: 'udp' }],
  'the sources change': [{ ...GROUP, sources: ['10.1.0.12/32'] }],
  'the rewrite changes': [{ ...GROUP, rewrite: 'mac', members: members([0, 1]) }],
  'another group takes the VIP': [{ ...GROUP, name: 'other', members: members([0, 0, 1]) }],
};
for (const [what, groups] of Object.entries(CHANGES)) {
  ceases(`${what}: the connection goes on with its member, both ways`, () => {
    const bed = new DatapathBed({ groups: [GROUP] });
    const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: GROUP.vip, vipPort: 80 });
    flow.open();
    bed.configure({ groups });
    for (let i = 0; i < 2; i++) {
      assert.is(describe(flow.send('PA')), 'app1: tcp 10.1.0.11:40000 > 10.1.0.21:8080 PA');
      assert.is(describe(flow.reply('PA')), 'web1: tcp 10.1.0.100:80 > 10.1.0.11:40000 PA');
      bed.pass(10_000);
    }
    flow.close();
    assert.equal(
      bed.flows().map(({ state }) => state),
      ['time-wait'],
    );
  });
}

begins.run();
ceases.run();
