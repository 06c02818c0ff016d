/** Flows that meet themselves: a client that is its own member, and one port used directly and through a VIP. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, describe, only, type Sent } from '../../support/datapath-bed.ts';
import { icmpFrame, tcpFrame, udpFrame } from '../../support/packets.ts';
import { members } from '../../support/topology.ts';

const hairpin = suite('hairpin');
const samePort = suite('same port, directly and through a VIP');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::100';

hairpin('a VM that picks itself sees the VIP as its client, and itself as the VIP’s, TCP', () => {
  const own = { name: 'own', vip: VIP, members: [{ name: 'web1', address: '10.1.0.11', port: 8080 }] };
  const bed = new DatapathBed({ groups: [own] });
  const ask = tcpFrame(bed.way('web1', VIP), {
    sourcePort: 40_000,
    destinationPort: 80,
    flags: 'S',
    sequence: 7,
  });
  const there = only(bed.send('web1', ask));
  assert.is(describe([there]), `web1: tcp ${VIP}:40000 > 10.1.0.11:8080 S`);
  assert.is(there.frame.fromMac, bed.maker.routerMac('app'));
  assert.is(there.frame.toMac, bed.mac('web1'));
  const reply = { sourcePort: 8080, destinationPort: 40_000, flags: 'SA', acknowledgment: 8 };
  const back = bed.send('web1', tcpFrame(bed.way('web1', VIP), reply));
  assert.is(describe(back), `web1: tcp ${VIP}:80 > 10.1.0.11:40000 SA`);
  assert.is(bed.flows().length, 1);
});

hairpin('UDP over IPv6, beside flows that go to others', () => {
  const list = [{ name: 'web1', address: 'fd00:1::b' }, ...members([1], { family: 6 })];
  const bed = new DatapathBed({ groups: [{ name: 'own', vip: VIP6, members: list }] });
  const outcomes = [50_001, 50_002].map((sourcePort) =>
    describe(bed.send('web1', udpFrame(bed.way('web1', VIP6), { sourcePort, destinationPort: 53 }))),
  );
  const itself = outcomes.findIndex((outcome) => outcome.startsWith('web1'));
  assert.is(outcomes[itself], `web1: udp [${VIP6}]:${50_001 + itself} > [fd00:1::b]:53`);
  assert.match(outcomes[1 - itself], /^app1: udp \[fd00:1::b\]:/);
  const reply = { sourcePort: 53, destinationPort: 50_001 + itself };
  const back = bed.send('web1', udpFrame(bed.way('web1', VIP6), reply));
  assert.is(describe(back), `web1: udp [${VIP6}]:53 > [fd00:1::b]:${50_001 + itself}`);
});

hairpin(
  'an ICMP error of the VM as its own member, and as its own client, is about the packet of the other role',
  () => {
    for (const [vip, address, unreachable] of [
      [VIP, '10.1.0.11', [3, 3]],
      [VIP6, 'fd00:1::b', [1, 4]],
    ] as const) {
      const list = [{ name: 'web1', address, port: 8080 }];
      const bed = new DatapathBed({ groups: [{ name: 'own', vip, members: list }] });
      const way = bed.way('web1', vip);
      const asked = only(bed.send('web1', udpFrame(way, { sourcePort: 50_000, destinationPort: 53 })));
      const complain = (about: Sent): Sent => {
        const [type, code] = unreachable;
        const quoted = about.frame.packet!.bytes;
        return only(bed.send('web1', icmpFrame(way, type, code, 0, quoted)));
      };
      const quotedBy = ({ frame }: Sent): unknown[] => {
        const { from, to, udp } = frame.packet!.icmp!.quoted!;
        return [from, udp?.sourcePort, to, udp?.destinationPort];
      };
      const heard = complain(asked);
      assert.equal([heard.port, heard.frame.packet?.from, heard.frame.packet?.to], ['web1', vip, address]);
      assert.equal(quotedBy(heard), [address, 50_000, vip, 53], 'as client: about what it sent to the VIP');
      const answer = { sourcePort: 8080, destinationPort: 50_000 };
      const back = complain(only(bed.send('web1', udpFrame(way, answer))));
      assert.equal([back.port, back.frame.packet?.from, back.frame.packet?.to], ['web1', vip, address]);
      assert.equal(
        quotedBy(back),
        [address, 8080, vip, 50_000],
        'as member: about its answer to its client, the VIP',
      );
    }
  },
);

const api = { name: 'api', vip: VIP, members: members([1], { port: 8080 }) };
const CLIENT = { sourcePort: 41_000, flags: 'S' };

samePort('the VIP first: the direct flow gets another port on the member’s side, and its own replies', () => {
  const bed = new DatapathBed({ groups: [api] });
  const balanced = only(bed.send('web1', tcpFrame(bed.way('web1', VIP), { ...CLIENT, destinationPort: 80 })));
  assert.is(describe([balanced]), 'app1: tcp 10.1.0.11:41000 > 10.1.0.21:8080 S');
  const straight = tcpFrame(bed.way('web1', '10.1.0.21'), { ...CLIENT, destinationPort: 8080 });
  const direct = only(bed.send('web1', straight));
  const port = direct.frame.packet?.tcp?.sourcePort ?? 0;
  assert.is.not(port, 41_000);
  assert.is(direct.frame.packet?.from, '10.1.0.11');
  const answer = (destinationPort: number): string =>
    describe(
      bed.send(
        'app1',
        tcpFrame(bed.way('app1', '10.1.0.11'), { sourcePort: 8080, destinationPort, flags: 'SA' }),
      ),
    );
  assert.is(answer(41_000), `web1: tcp ${VIP}:80 > 10.1.0.11:41000 SA`);
  assert.is(answer(port), 'web1: tcp 10.1.0.21:8080 > 10.1.0.11:41000 SA');
});

samePort('the direct flow first: it stays as it is, and the balanced one gets another port', () => {
  const bed = new DatapathBed({ groups: [api] });
  const straight = tcpFrame(bed.way('web1', '10.1.0.21'), { ...CLIENT, destinationPort: 8080 });
  assert.is(describe(bed.send('web1', straight)), 'app1: tcp 10.1.0.11:41000 > 10.1.0.21:8080 S');
  assert.equal(bed.flows(), [], 'direct traffic leaves no record');
  const balanced = only(bed.send('web1', tcpFrame(bed.way('web1', VIP), { ...CLIENT, destinationPort: 80 })));
  const port = balanced.frame.packet?.tcp?.sourcePort ?? 0;
  assert.is.not(port, 41_000);
  const reply = { sourcePort: 8080, flags: 'SA' };
  const toClient = bed.way('app1', '10.1.0.11');
  assert.is(
    describe(bed.send('app1', tcpFrame(toClient, { ...reply, destinationPort: 41_000 }))),
    'web1: tcp 10.1.0.21:8080 > 10.1.0.11:41000 SA',
  );
  assert.is(
    describe(bed.send('app1', tcpFrame(toClient, { ...reply, destinationPort: port }))),
    `web1: tcp ${VIP}:80 > 10.1.0.11:41000 SA`,
  );
});

samePort('a direct flow that has ended no longer takes the port', () => {
  const bed = new DatapathBed({ groups: [api] });
  for (const flags of ['S', 'FA']) {
    bed.send('web1', tcpFrame(bed.way('web1', '10.1.0.21'), { ...CLIENT, flags, destinationPort: 8080 }));
  }
  const balanced = bed.send('web1', tcpFrame(bed.way('web1', VIP), { ...CLIENT, destinationPort: 80 }));
  assert.is(describe(balanced), 'app1: tcp 10.1.0.11:41000 > 10.1.0.21:8080 S');
});

hairpin.run();
samePort.run();
