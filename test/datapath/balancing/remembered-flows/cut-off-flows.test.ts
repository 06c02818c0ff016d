/** What a member sends on a flow whose record has gone reaches the client neither translated nor as it is. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation, UdpConversation } from '../../../support/conversation.ts';
import { DatapathBed, describe, only } from '../../../support/datapath-bed.ts';
import { tcpFrame, udpFrame } from '../../../support/packets.ts';
import { members, PORTS, SETTINGS } from '../../../support/topology.ts';

const cutOff = suite('flows that were cut off');

const VIP = '10.1.0.100';
const CLIENT = '10.1.0.11';
const GROUP = { name: 'api', vip: VIP, members: members([1, 1], { port: 8080 }) };
const ends = (clientPort: number) => ({ port: 'web1', clientPort, vip: VIP, vipPort: 80 });

/** A segment or datagram from a member's service port to the client, past all records. */
const fromMember = (bed: DatapathBed, port: string, clientPort: number, flags: string, memberPort = 8080) =>
  bed.send(
    port,
    tcpFrame(bed.way(port, CLIENT), { sourcePort: memberPort, destinationPort: clientPort, flags }),
  );

cutOff('a half-open flow that gave way to another: the late answer is dropped', () => {
  const ports = PORTS.map((port) => ({ ...port, balanced: port.name === 'web1' }));
  const bed = new DatapathBed({ groups: [GROUP], limits: { maxConnections: 4 }, ports });
  const flows = [1, 2, 3, 4].map((clientPort) => new TcpConversation(bed, ends(clientPort)));
  for (const flow of flows) flow.send('S');
  bed.pass(4_000);
  for (let clientPort = 11; clientPort < 15; clientPort++)
    new TcpConversation(bed, ends(clientPort)).send('S');
  for (const flow of flows) assert.equal(flow.reply('SA'), []);
  assert.is(bed.drops()['no-connection'], 4);
});

cutOff('a datagram flow that found another member: the previous one is not heard any more', () => {
  const group = { ...GROUP, udpRepickMs: 5_000 };
  const bed = new DatapathBed({ groups: [group] });
  const flow = new UdpConversation(bed, ends(9_000));
  const sendTo = (wanted: (port: string) => boolean): string => {
    for (;;) {
      const { port } = only(flow.send());
      if (wanted(port)) return port;
      bed.pass(6_000);
    }
  };
  const first = sendTo(() => true);
  bed.pass(6_000);
  const second = sendTo((port) => port !== first);
  const answer = (port: string) =>
    bed.send(port, udpFrame(bed.way(port, CLIENT), { sourcePort: 8080, destinationPort: 9_000 }));
  assert.equal(answer(first), []);
  assert.is(bed.drops()['no-connection'], 1);
  assert.is(describe(answer(second)), `web1: udp ${VIP}:80 > ${CLIENT}:9000`);
  const own = udpFrame(bed.way(first, CLIENT), { sourcePort: 8081, destinationPort: 9_000 });
  assert.is(only(bed.send(first, own)).port, 'web1', 'from another port it is its own affair');
});

cutOff('a flow that counts as reset, and is not: its data are dropped once the record has gone', () => {
  const bed = new DatapathBed({ groups: [GROUP] });
  const flow = new TcpConversation(bed, ends(40_000)).open();
  flow.reply('R');
  bed.passSlowly(SETTINGS.tcpTransitoryIdleMs + 20_000);
  assert.equal(bed.flows(), []);
  assert.equal(flow.reply('PA'), []);
  assert.is(bed.drops()['no-connection'], 1);
});

cutOff('a connection that the member itself opens with the same ports passes, data and all', () => {
  const bed = new DatapathBed({ groups: [GROUP] });
  const flow = new TcpConversation(bed, ends(40_000));
  flow.send('S');
  const { port } = flow.member;
  bed.passSlowly(SETTINGS.tcpTransitoryIdleMs + 20_000);
  assert.equal(fromMember(bed, port, 40_000, 'PA'), []);
  for (const flags of ['S', 'A', 'PA', 'FA'])
    assert.is(only(fromMember(bed, port, 40_000, flags)).port, 'web1', flags);
  assert.is(bed.drops()['no-connection'], 1);
});

cutOff('both sides have ended it: nothing is due, and nothing is remembered', () => {
  const bed = new DatapathBed({ groups: [GROUP] });
  const flow = new TcpConversation(bed, ends(40_000)).open();
  flow.close();
  const { port } = flow.member;
  bed.passSlowly(SETTINGS.tcpTransitoryIdleMs + 20_000);
  assert.equal(bed.flows(), []);
  assert.is(only(fromMember(bed, port, 40_000, 'A')).port, 'web1');
});

cutOff.run();
