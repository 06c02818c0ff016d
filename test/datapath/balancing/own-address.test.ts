/**
 * A group on a VM's own address (`rewrite: port`): only the balanced protocol and port are the balancer's. Pings, answers
 * to the VM's own pings, and errors about its other services cross unchanged, as if there were no group.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, only } from '../../support/datapath-bed.ts';
import { countingBytes, echoFrame, icmpFrame, rawFrame, tcpFrame, udpFrame } from '../../support/packets.ts';
import { familyOf } from '../../support/topology.ts';

const own = suite('a group on the address of a VM');

const CASES = [
  {
    vip: '10.1.0.21',
    client: '10.1.0.11',
    router: '10.1.0.22',
    reply: 0,
    tooBig: [3, 4],
    unreachable: [3, 3],
  },
  {
    vip: 'fd00:1::15',
    client: 'fd00:1::b',
    router: 'fd00:1::16',
    reply: 129,
    tooBig: [2, 0],
    unreachable: [1, 4],
  },
] as const;

const bedOn = (vip: string): DatapathBed =>
  new DatapathBed({
    groups: [
      {
        name: 'own',
        vip,
        protocol: 'udp',
        port: 80,
        rewrite: 'port',
        members: [{ name: 'app1', address: vip, port: 8080 }],
      },
    ],
  });

own('pings of the VM reach it, and answers to its own pings come back; whole and in fragments', () => {
  for (const { vip, client, reply } of CASES) {
    const bed = bedOn(vip);
    const way = bed.way('web1', vip);
    const first = { ...way, fragment: { offset: 0, more: true }, identification: 5 };
    const last = { ...way, fragment: { offset: 24, more: false }, identification: 5 };
    const protocol = familyOf(vip) === 4 ? 1 : 58;
    const frames = [
      echoFrame(way, 7, 1, countingBytes(56)),
      icmpFrame(way, reply, 0, 0x0007_0001, countingBytes(56)),
      rawFrame(first, protocol, countingBytes(24, familyOf(vip) === 4 ? 8 : 128)),
      rawFrame(last, protocol, countingBytes(24)),
    ];
    for (const frame of frames) {
      const { port, wire } = only(bed.send('web1', frame));
      assert.is(port, 'app1');
      assert.is(hexOf(wire.bytes), hexOf(frame.bytes));
    }
    assert.is(client, bed.address('web1', familyOf(vip)));
    assert.equal(bed.drops(), {});
    assert.equal(bed.flows(), []);
  }
});

own('errors about its other services reach it unchanged, from anybody', () => {
  for (const { vip, router, tooBig, unreachable } of CASES) {
    const bed = bedOn(vip);
    const answer = { ...bed.way('app1', bed.address('web1', familyOf(vip))), from: vip };
    const about = [
      tcpFrame(answer, { sourcePort: 22, destinationPort: 40_000, flags: 'A', payload: countingBytes(99) }),
      udpFrame(answer, { sourcePort: 53, destinationPort: 40_000, payload: countingBytes(99) }),
      echoFrame(answer, 9, 9, countingBytes(8)),
      rawFrame(answer, 47, countingBytes(40)),
    ];
    for (const { bytes } of about) {
      for (const [type, code] of [tooBig, unreachable]) {
        const way = bed.way('app2', vip, { from: router });
        const error = icmpFrame(way, type, code, 1_280, bytes.slice(14));
        const { port, wire } = only(bed.send('app2', error));
        assert.is(port, 'app1');
        assert.is(hexOf(wire.bytes), hexOf(error.bytes));
      }
    }
    assert.equal(bed.drops(), {});
  }
});

own('errors about the balanced service are translated: the VM reads about the port that it has', () => {
  for (const { vip, client, unreachable } of CASES) {
    const bed = bedOn(vip);
    const flow = new UdpConversation(bed, { port: 'web1', clientPort: 40_000, vip, vipPort: 80 });
    flow.send({ payload: countingBytes(20) });
    const answer = only(flow.reply({ payload: countingBytes(20) })).frame.packet;
    assert.is(answer?.udp?.sourcePort, 80);
    const way = bed.way('web1', vip, { from: client });
    const error = icmpFrame(way, unreachable[0], unreachable[1], 0, answer!.bytes);
    const { port, frame } = only(bed.send('web1', error));
    assert.is(port, 'app1');
    assert.is(frame.packet?.icmp?.quoted?.udp?.sourcePort, 8080);
  }
});

own.run();
