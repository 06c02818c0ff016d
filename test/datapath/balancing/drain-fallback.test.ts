/** `drainFallback`: while all members drain, new flows go to those that still serve, by their weights. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, portsOf, type Sent } from '../../support/datapath-bed.ts';
import { echoFrame, tcpFrame } from '../../support/packets.ts';
import { type GroupDescription, type MemberDescription, members } from '../../support/topology.ts';

const fallback = suite('drain fallback');

const VIP = '10.1.0.100';
type State = 'active' | 'draining' | 'failed';

const withStates = (weights: readonly number[], states: readonly State[]): MemberDescription[] =>
  members(weights).map((member, i) => ({ ...member, state: states[i] }));

const ALGORITHMS = [undefined, 'least-connections', 'random-two-choices', 'maglev'] as const;

let clientPort = 1_024;
const open = (bed: DatapathBed): Sent =>
  only(
    bed.send(
      'web1',
      tcpFrame(bed.way('web1', VIP), { sourcePort: clientPort++, destinationPort: 80, flags: 'S' }),
    ),
  );

const targets = (bed: DatapathBed, count: number): string[] =>
  [...new Set(portsOf(Array.from({ length: count }, () => open(bed))))].toSorted();

for (const algorithm of ALGORITHMS) {
  const group = (weights: readonly number[], states: readonly State[]): GroupDescription => ({
    name: 'api',
    vip: VIP,
    algorithm,
    drainFallback: true,
    members: withStates(weights, states),
  });

  fallback(
    `${algorithm ?? 'weighted-round-robin'}: from the last active one to all that drain, and back`,
    () => {
      const bed = new DatapathBed({
        groups: [group([1, 1, 2, 1], ['draining', 'draining', 'active', 'failed'])],
      });
      assert.equal(targets(bed, 10), ['app3']);
      bed.configure({ groups: [group([1, 1, 2, 1], ['draining', 'draining', 'draining', 'failed'])] });
      assert.equal(targets(bed, 100), ['app1', 'app2', 'app3'], 'not to the one that failed');
      bed.configure({ groups: [group([1, 0, 2, 1], ['draining', 'draining', 'failed', 'failed'])] });
      assert.equal(targets(bed, 60), ['app1'], 'nor to one of weight 0');
      bed.configure({ groups: [group([1, 1, 2, 1], ['draining', 'active', 'draining', 'failed'])] });
      assert.equal(targets(bed, 60), ['app2']);
      bed.configure({ groups: [group([1, 1, 0, 1], ['failed', 'failed', 'active', 'failed'])] });
      assert.is(open(bed).frame.packet?.tcp?.flags, 'RA', 'nobody serves');
    },
  );
}

fallback('shares are those of the weights', () => {
  const states: State[] = ['draining', 'draining'];
  const bed = new DatapathBed({
    groups: [{ name: 'api', vip: VIP, drainFallback: true, members: withStates([1, 3], states) }],
  });
  const chosen = portsOf(Array.from({ length: 8 }, () => open(bed)));
  assert.is(chosen.filter((port) => port === 'app2').length, 6);
});

fallback('the VIP answers pings meanwhile; without the setting new flows are refused', () => {
  const list = withStates([1, 1], ['draining', 'draining']);
  const bed = new DatapathBed({ groups: [{ name: 'api', vip: VIP, drainFallback: true, members: list }] });
  const ping = () => only(bed.send('web1', echoFrame(bed.way('web1', VIP), 1, 1))).frame.packet?.icmp?.type;
  assert.is(ping(), 0);
  bed.configure({ groups: [{ name: 'api', vip: VIP, members: list }] });
  assert.is(ping(), 3);
  assert.is(open(bed).frame.packet?.tcp?.flags, 'RA');
});

fallback.run();
