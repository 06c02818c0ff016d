/** VIPs of another network, reached through the logical router like any address of it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import {
  arpFrame,
  BROADCAST,
  countingBytes,
  echoFrame,
  icmpFrame,
  ipPacket,
  tcpFrame,
  udpFrame,
} from '../../support/packets.ts';
import { members } from '../../support/topology.ts';

const test = suite('VIPs of another network');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const GROUPS = [
  { name: 'api', vip: VIP, port: 80, members: members([1], { port: 8080 }) },
  { name: 'api6', vip: VIP6, port: 80, members: members([1], { port: 8080, family: 6 }) },
];
const CASES = [
  {
    vip: VIP,
    client: '10.2.0.31',
    member: '10.1.0.21',
    gateway: '10.2.0.1',
    unreachable: [3, 3],
    exceeded: 11,
  },
  {
    vip: VIP6,
    client: 'fd00:2::1f',
    member: 'fd00:1::15',
    gateway: 'fd00:2::1',
    unreachable: [1, 4],
    exceeded: 3,
  },
] as const;
const PORTS = { sourcePort: 40_000, destinationPort: 80 };
const BACK = { sourcePort: 8_080, destinationPort: 40_000 };

for (const { vip, client, member, gateway, unreachable, exceeded } of CASES) {
  test(`there and back, ${vip}: one hop less, and the client sees the VIP`, () => {
    const bed = new DatapathBed({ groups: GROUPS });
    for (const flags of ['S', 'A', 'PA', 'A']) {
      const payload = flags === 'PA' ? countingBytes(100) : undefined;
      const there = only(
        bed.send('db1', tcpFrame(bed.way('db1', vip, { ttl: 17 }), { ...PORTS, flags, payload })),
      );
      assert.is(there.port, 'app1');
      assert.is(there.frame.fromMac, bed.maker.routerMac('app'));
      assert.is(there.frame.toMac, bed.mac('app1'));
      assert.is(there.frame.packet?.ttl, 16);
      assert.equal([there.frame.packet?.from, there.frame.packet?.to], [client, member]);
      assert.is(there.frame.packet?.tcp?.destinationPort, 8_080);
      const answer = flags === 'S' ? 'SA' : 'A';
      const back = only(
        bed.send('app1', tcpFrame(bed.way('app1', client, { ttl: 9 }), { ...BACK, flags: answer })),
      );
      assert.is(back.port, 'db1');
      assert.is(back.frame.fromMac, bed.maker.routerMac('db'));
      assert.equal([back.frame.packet?.from, back.frame.packet?.to], [vip, client]);
      assert.is(back.frame.packet?.tcp?.sourcePort, 80);
      assert.is(back.frame.packet?.ttl, 8);
    }
    assert.equal(bed.drops(), {});
  });

  test(`ICMP errors, ${vip}: from the member, from the router, to the member`, () => {
    const bed = new DatapathBed({ groups: GROUPS });
    const asked = only(bed.send('db1', udpFrame(bed.way('db1', vip), PORTS)));
    const [type, code] = unreachable;
    const error = icmpFrame(bed.way('app1', client), type, code, 0, asked.frame.packet!.bytes);
    const told = only(bed.send('app1', error));
    assert.is(told.port, 'db1');
    assert.equal([told.frame.packet?.from, told.frame.packet?.icmp?.quoted?.to], [vip, vip]);
    assert.is(told.frame.packet?.icmp?.quoted?.udp?.destinationPort, 80);

    const spent = only(bed.send('db1', udpFrame(bed.way('db1', vip, { ttl: 1 }), PORTS)));
    assert.is(spent.frame.packet?.icmp?.type, exceeded);
    assert.equal([spent.frame.packet?.from, spent.frame.packet?.icmp?.quoted?.to], [gateway, vip]);

    const reply = only(bed.send('app1', udpFrame(bed.way('app1', client), BACK)));
    const complaint = icmpFrame(bed.way('db1', vip), type, code, 0, reply.frame.packet!.bytes);
    const heard = only(bed.send('db1', complaint));
    assert.is(heard.port, 'app1');
    assert.is(heard.frame.packet?.icmp?.quoted?.from, member);
  });

  test(`no service at a port of ${vip}: refused at once`, () => {
    const bed = new DatapathBed({ groups: GROUPS });
    const way = bed.way('db1', vip);
    const ports = { ...PORTS, destinationPort: 81 };
    assert.is(only(bed.send('db1', tcpFrame(way, { ...ports, flags: 'S' }))).frame.packet?.tcp?.flags, 'RA');
    const { packet } = only(bed.send('db1', udpFrame(way, ports))).frame;
    assert.equal([packet?.icmp?.type, packet?.icmp?.code], unreachable);
    assert.is(only(bed.send('db1', echoFrame(way, 1, 1))).frame.packet?.from, vip);
  });

  test(`MAC redirect, ${vip}: routed to the member's MAC, address kept`, () => {
    const family = vip === VIP ? 4 : 6;
    const group = { name: 'mac', vip, rewrite: 'mac' as const, members: members([1], { family }) };
    const bed = new DatapathBed({ groups: [group] });
    const there = only(bed.send('db1', tcpFrame(bed.way('db1', vip), { ...PORTS, flags: 'S' })));
    assert.is(there.port, 'app1');
    assert.equal([there.frame.toMac, there.frame.packet?.to], [bed.mac('app1'), vip]);
    assert.is(there.frame.packet?.ttl, 63);
    const way = { ...bed.way('app1', client), from: vip };
    const back = only(
      bed.send('app1', tcpFrame(way, { sourcePort: 80, destinationPort: 40_000, flags: 'SA' })),
    );
    assert.equal([back.port, back.frame.packet?.from], ['db1', vip]);
    assert.equal(bed.drops(), {});
  });
}

test('nobody answers ARP for a VIP of another network', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const way = { ...bed.way('db1', '10.2.0.1'), to: VIP, toMac: BROADCAST };
  assert.is(describe(bed.send('db1', arpFrame(way, 'request'))), `db2: arp request 10.2.0.31 > ${VIP}`);
});

test('fragments to a VIP of another network', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const whole = udpFrame(bed.way('db1', VIP), { ...PORTS, payload: countingBytes(64) });
  const payload = whole.bytes.subarray(34);
  const way = { ...bed.way('db1', VIP), df: false, identification: 9 };
  const piece = (offset: number, bytes: Uint8Array, more: boolean) => {
    const packet = ipPacket({ ...way, fragment: { offset, more } }, 17, bytes);
    return { vnet: new Uint8Array(12), bytes: Uint8Array.from([...whole.bytes.subarray(0, 14), ...packet]) };
  };
  const first = only(bed.send('db1', piece(0, payload.subarray(0, 40), true)));
  const second = only(bed.send('db1', piece(40, payload.subarray(40), false)));
  assert.equal([first.frame.packet?.to, second.frame.packet?.to], ['10.1.0.21', '10.1.0.21']);
  assert.equal([first.port, second.port], ['app1', 'app1']);
});

test.run();
