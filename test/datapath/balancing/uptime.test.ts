/**
 * Hosts run for months. Clocks of 32-bit milliseconds wrap around after 49 days, and a difference of more than 24 days
 * looks negative: whatever was quiet for that long must still work, and so must a host that has been up for that long.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FLOOD_BURST } from '../../../src/datapath/ports/networks.ts';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import {
  arpFrame,
  BROADCAST,
  countingBytes,
  ethernetFrame,
  plain,
  tcpFrame,
  udpFrame,
} from '../../support/packets.ts';
import { members } from '../../support/topology.ts';

const uptime = suite('uptime');

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const UDP = { sourcePort: 1_000, destinationPort: 2_000 };

/** Clocks at which something may begin: a fresh host, up for 25 days, for 40, and just before and after the wrap. */
const STARTS = [0, 25 * DAY_MS, 40 * DAY_MS, 2 ** 32 - 5_000, 2 ** 32 + 1_000];
/** Silences: none, and such that a difference looks negative. */
const SILENCES = [0, 26 * DAY_MS, 45 * DAY_MS];

/** Nothing happens, but batches end, as they do every quarter of a second at the latest. */
function silence(bed: DatapathBed, ms: number): void {
  for (let left = ms; left > 0; left -= HOUR_MS) bed.pass(HOUR_MS);
}

const everywhere = (test: (bed: DatapathBed, silentMs: number, when: string) => void): void => {
  for (const nowMs of STARTS) {
    for (const silentMs of SILENCES) {
      const groups = [
        { name: 'api', vip: '10.1.0.100', members: members([1]) },
        { name: 'none', vip: '10.1.0.101', members: [] },
      ];
      const when = `started at ${(nowMs / DAY_MS).toFixed(1)} days, silent for ${silentMs / DAY_MS}`;
      test(new DatapathBed({ nowMs, groups }), silentMs, when);
    }
  }
};

const broadcast = (bed: DatapathBed): number => {
  const way = { fromMac: bed.mac('web1'), toMac: BROADCAST, from: '10.1.0.11', to: '10.1.0.255' };
  return bed.send('web1', plain(ethernetFrame(way, countingBytes(46), 0x88b5))).length;
};

uptime('broadcasts: the bound on flooding recovers within a second', () => {
  everywhere((bed, silentMs, when) => {
    broadcast(bed);
    silence(bed, silentMs);
    for (let i = 0; i <= FLOOD_BURST / 7; i++) broadcast(bed);
    assert.is(broadcast(bed), 0, when);
    bed.pass(1_000);
    assert.is(broadcast(bed), 7, when);
  });
});

uptime('errors: the bound on unreachables recovers within a second', () => {
  everywhere((bed, silentMs, when) => {
    const refused = (): number => bed.send('web1', udpFrame(bed.way('web1', '10.1.0.101'), UDP)).length;
    refused();
    silence(bed, silentMs);
    for (let i = 0; i < 300; i++) refused();
    assert.is(refused(), 0, when);
    bed.pass(1_000);
    assert.is(refused(), 1, when);
  });
});

const isQuestion = ({ frame }: Sent): boolean => frame.arp?.operation === 'request';

uptime('neighbours: asked three times, given up, and asked again later', () => {
  everywhere((bed, silentMs, when) => {
    const ask = (): Sent[] => bed.send('web1', udpFrame(bed.way('web1', '10.2.0.99'), UDP));
    assert.ok(ask().some(isQuestion), when);
    const later = bed.passSlowly(6_000, 250);
    assert.is(later.filter(isQuestion).length, 2 * 2, `repeated; ${when}`);
    assert.is(bed.waiting(), 0, when);
    silence(bed, silentMs);
    bed.passSlowly(6_000);
    assert.ok(ask().some(isQuestion), `asked again; ${when}`);
    assert.is(bed.passSlowly(6_000, 250).filter(isQuestion).length, 2 * 2, `and repeated; ${when}`);
    assert.is(bed.waiting(), 0, when);
  });
});

uptime('neighbours: one that answered long ago is asked again before long', () => {
  everywhere((bed, silentMs, when) => {
    const send = (): Sent[] => bed.send('web1', udpFrame(bed.way('web1', '10.2.0.99'), UDP));
    send();
    bed.send('db1', arpFrame({ ...bed.way('db1', '10.2.0.1'), from: '10.2.0.99' }, 'reply'));
    silence(bed, silentMs);
    if (silentMs === 0) return;
    assert.ok(send().some(isQuestion), when);
  });
});

uptime('flows: begin, go on and end', () => {
  everywhere((bed, silentMs, when) => {
    silence(bed, silentMs);
    const syn = tcpFrame(bed.way('web1', '10.1.0.100'), { ...UDP, flags: 'S' });
    assert.is(only(bed.send('web1', syn)).port, 'app1', when);
    bed.passSlowly(200_000, 10_000);
    assert.is(bed.flows().length, 1, when);
    bed.passSlowly(60_000, 1_000);
    assert.is(bed.flows().length, 0, when);
  });
});

uptime(
  'flows: one that runs for months goes when its member fails, and one that began after that stays',
  () => {
    everywhere((bed, silentMs, when) => {
      const open = (clientPort: number): TcpConversation =>
        new TcpConversation(bed, { port: 'web1', clientPort, vip: '10.1.0.100', vipPort: 80 }).open();
      const old = open(1_000);
      for (let left = silentMs; left > 0; left -= HOUR_MS) {
        bed.pass(HOUR_MS);
        assert.is(only(old.send('A')).port, 'app1');
      }
      bed.pass(10);
      const member = bed.maker.memberId('api', 'app1');
      bed.datapath.purge([member], 'all', bed.nowMs);
      bed.nowMs += 1;
      open(2_000);
      bed.pass(1);
      assert.equal(
        bed.flows().map(({ client }) => client),
        ['10.1.0.11:2000'],
        when,
      );
    });
  },
);

uptime('stations: learned, found, and forgotten', () => {
  everywhere((bed, silentMs, when) => {
    const learned = '02:77:00:00:00:01';
    const from = { fromMac: learned, toMac: bed.mac('web1'), from: '10.1.0.77', to: '10.1.0.11' };
    bed.send('app2', plain(ethernetFrame(from, countingBytes(46), 0x88b5)));
    const to = { fromMac: bed.mac('web1'), toMac: learned, from: '10.1.0.11', to: '10.1.0.77' };
    const send = (): number => bed.send('web1', plain(ethernetFrame(to, countingBytes(46), 0x88b5))).length;
    assert.is(send(), 1, when);
    silence(bed, Math.max(silentMs, 6 * 60_000));
    assert.is(send(), 7, `forgotten; ${when}`);
  });
});

uptime.run();
