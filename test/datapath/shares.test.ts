/**
 * One greedy port and its neighbour: whatever a port takes of what is shared, another port still gets what it needs.
 *
 * Each trial has web2 take as much of one table, queue or rate as it can, and then web1 want some.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, type Sent } from '../support/datapath-bed.ts';
import { arpFrame, BROADCAST, countingBytes, ethernetFrame, plain, udpFrame } from '../support/packets.ts';

const trial = suite('shares');

/** Network db is a /16, so that there is something to scan. */
const wide = (): DatapathBed =>
  new DatapathBed({
    slots: 1_024,
    networks: [
      { name: 'app', subnets: ['10.1.0.0/24', 'fd00:1::/64'], gateways: ['10.1.0.1', 'fd00:1::1'] },
      { name: 'db', subnets: ['10.2.0.0/16', 'fd00:2::/64'], gateways: ['10.2.0.1', 'fd00:2::1'] },
    ],
  });

const fresh = (i: number): string => `10.2.100.${i}`;
const scanned = (i: number): string => `10.2.${i >>> 8}.${i & 0xff}`;

const udpTo = (bed: DatapathBed, from: string, to: string, sourcePort = 1_000): Sent[] => {
  const ports = { sourcePort, destinationPort: 2_000 };
  return bed.send(from, udpFrame(bed.way(from, to), { ...ports, payload: countingBytes(20) }));
};

/** A station behind db1 or db2 answers the router. */
const answer = (bed: DatapathBed, port: string, address: string): Sent[] =>
  bed.send(port, arpFrame({ ...bed.way(port, '10.2.0.1'), from: address }, 'reply'));

const isQuestion = ({ frame }: Sent): boolean => frame.arp?.operation === 'request';
const delivered = (sent: readonly Sent[], to: string): Sent[] =>
  sent.filter(({ frame }) => frame.packet?.udp !== undefined && frame.packet.to === to);

/** How many of eight neighbours nobody has asked for yet get a packet of web1, with time going by. */
function firstContacts(bed: DatapathBed, meanwhile: () => void): number {
  let reached = 0;
  for (let i = 0; i < 8; i++) {
    const address = fresh(i);
    let sent = udpTo(bed, 'web1', address);
    for (let seconds = 0; seconds < 3 && !sent.some(isQuestion); seconds++) {
      meanwhile();
      sent = bed.pass(1_000);
    }
    if (sent.some(isQuestion)) reached += Math.min(1, delivered(answer(bed, 'db1', address), address).length);
    meanwhile();
  }
  return reached;
}

trial('entries of the neighbour table and questions: a scan of a routed /16', () => {
  const bed = wide();
  let at = 0;
  const scan = (): void => {
    for (let i = 0; i < 2_000; i++) udpTo(bed, 'web2', scanned(at++ % 65_536));
    bed.pass(20);
  };
  for (let i = 0; i < 5; i++) scan();
  assert.ok(bed.counters('web2').drops['neighbour-table-full'] > 1_000, 'the scan has met its bound');
  assert.is(firstContacts(bed, scan), 8);
  assert.is(bed.counters('web1').drops['neighbour-table-full'], undefined);
});

trial('neighbours that the scan has touched before, and could not ask for', () => {
  const bed = wide();
  // As many copies as web2 may have are gone, so that what it wants to know next is asked by nobody.
  while (bed.counters('web2').drops['flood-limited'] === undefined) broadcast(bed, 'web2');
  for (let i = 0; i < 1_100; i++) udpTo(bed, 'web2', scanned(i));
  for (let i = 0; i < 8; i++) assert.equal(udpTo(bed, 'web2', fresh(i)).filter(isQuestion), []);
  assert.is(
    firstContacts(bed, () => undefined),
    8,
  );
});

trial('neighbours in use: a scan of addresses of which each is answered', () => {
  const bed = wide();
  for (let i = 0; i < 8; i++) {
    udpTo(bed, 'web1', fresh(i));
    answer(bed, 'db1', fresh(i));
  }
  for (let i = 0; i < 4_000; i++) {
    udpTo(bed, 'web2', scanned(i));
    answer(bed, 'db2', scanned(i));
    if (i % 100 === 0) {
      bed.pass(200);
      for (let j = 0; j < 8; j++) {
        const sent = udpTo(bed, 'web1', fresh(j));
        assert.is(delivered(sent, fresh(j)).length, 1, `${fresh(j)} after ${i} scanned`);
      }
    }
  }
});

trial('places of packets that wait, in all and at one neighbour', () => {
  const bed = wide();
  for (let i = 0; i < 40; i++) {
    for (let j = 0; j < 20; j++) udpTo(bed, 'web2', fresh(i), 1_000 + j);
  }
  assert.ok(bed.counters('web2').drops['neighbour-queue-full'] > 0, 'its places are taken');
  for (let i = 0; i < 8; i++) udpTo(bed, 'web1', fresh(i));
  assert.is(bed.counters('web1').drops['neighbour-queue-full'], undefined);
  for (let i = 0; i < 8; i++) {
    const fromWeb1 = delivered(answer(bed, 'db1', fresh(i)), fresh(i)).filter(
      ({ frame }) => frame.packet?.from === '10.1.0.11',
    );
    assert.is(fromWeb1.length, 1);
  }
});

function broadcast(bed: DatapathBed, port: string): Sent[] {
  const way = { fromMac: bed.mac(port), toMac: BROADCAST, from: '10.1.0.1', to: '10.1.0.1' };
  return bed.send(port, plain(ethernetFrame(way, countingBytes(50), 0x88b5)));
}

trial('copies of flooded frames', () => {
  const bed = new DatapathBed();
  while (bed.counters('web2').drops['flood-limited'] === undefined) broadcast(bed, 'web2');
  assert.is(broadcast(bed, 'web1').length, 7);
  assert.equal(bed.counters('web1').drops, {});
});

trial('ICMP errors', () => {
  const bed = new DatapathBed();
  while (bed.counters('web2').errorsSuppressed === 0) udpTo(bed, 'web2', '192.0.2.1');
  assert.is(only(udpTo(bed, 'web1', '192.0.2.1')).frame.packet?.icmp?.type, 3);
  assert.is(bed.counters('web1').errorsSuppressed, 0);
});

trial.run();
