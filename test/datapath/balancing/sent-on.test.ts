/** VMs that send balanced packets on (routers, middleboxes): a record belongs to the load balancer that made it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import { tcpFrame, udpFrame } from '../../support/packets.ts';
import { APP, DB, members } from '../../support/topology.ts';

const sentOn = suite('balanced packets that a VM sends on');

const VIP = '10.1.0.100';
const SYN = { sourcePort: 40_000, destinationPort: 80, flags: 'S' };
const CLIENT = '10.1.0.11';

/** A redirect by MAC: the members get packets to the VIP as they are. */
const redirect = (weights: readonly number[]) => ({
  name: 'fw',
  vip: VIP,
  rewrite: 'mac' as const,
  members: members(weights),
});

/** The port's VM sends the client's SYN to the VIP on, as a router does. */
const sendOn = (bed: DatapathBed, port: string, ttl: number) =>
  bed.send(port, tcpFrame(bed.way(port, VIP, { from: CLIENT, ttl }), SYN));

sentOn('a VM that is its own next hop by the rules of its port does not get the packet back', () => {
  for (const balancer of ['port', 'host'] as const) {
    const bed = new DatapathBed({ groups: [redirect([1])], balancer });
    assert.is(
      describe(bed.send('web1', tcpFrame(bed.way('web1', VIP), SYN))),
      `app1: tcp ${CLIENT}:40000 > ${VIP}:80 S`,
    );
    for (let i = 0; i < 3; i++) assert.equal(sendOn(bed, 'app1', 63), []);
    assert.equal(bed.drops(), { 'balancing-loop': 3 });
    assert.is(bed.flows().length, 1);
    // The client's own packets go on as ever.
    assert.is(only(bed.send('web1', tcpFrame(bed.way('web1', VIP), SYN))).port, 'app1');
  }
});

sentOn('each port asks its own rules, and the packet reaches no VM twice', () => {
  const bed = new DatapathBed({ groups: [redirect([1, 1, 1])] });
  let at = only(bed.send('web1', tcpFrame(bed.way('web1', VIP), SYN))).port;
  const visited = [at];
  for (let hops = 0; hops < 64; hops++) {
    const next = sendOn(bed, at, 63 - hops);
    if (next.length === 0) break;
    at = only(next).port;
    assert.not(visited.includes(at), `${at} after ${visited}`);
    visited.push(at);
  }
  assert.equal(bed.drops(), { 'balancing-loop': 1 });
  assert.is(bed.flows().length, visited.length, 'a record per load balancer that the packet has passed');
  assert.equal(
    bed.flows().map(({ port }) => port),
    ['web1', ...visited.slice(0, -1)],
  );
  // Both ways, each load balancer counts by its own record.
  const reply = { sourcePort: 80, destinationPort: 40_000, flags: 'SA' };
  const back = tcpFrame(bed.way(at, CLIENT, { from: VIP }), reply);
  assert.is(describe(bed.send(at, back)), `web1: tcp ${VIP}:80 > ${CLIENT}:40000 SA`);
  assert.equal(
    bed.flows().map(({ replyPackets }) => replyPackets),
    [1, ...visited.slice(0, -1).map(() => 0)],
  );
});

/** 10.77.0.0/24 lies behind app2, which is a router; the packets leave it for app3, the next router. */
const BEHIND = '10.77.0.5';
const ROUTED = {
  networks: [{ ...APP, routes: [{ to: '10.77.0.0/24', via: '10.1.0.22' }] }, DB],
  groups: [{ name: 'far', vip: VIP, members: [{ name: 'far', address: BEHIND, port: 8080 }] }],
};

sentOn('a router on the way to a member sends on what it got, and nothing is translated twice', () => {
  const bed = new DatapathBed(ROUTED);
  const first = only(bed.send('web1', tcpFrame(bed.way('web1', VIP), SYN)));
  assert.is(describe([first]), `app2: tcp ${CLIENT}:40000 > ${BEHIND}:8080 S`);
  const way = { fromMac: bed.mac('app2'), toMac: bed.mac('app3'), from: CLIENT, to: BEHIND, ttl: 62 };
  const onward = bed.send('app2', tcpFrame(way, { ...SYN, destinationPort: 8080 }));
  assert.is(describe(onward), `app3: tcp ${CLIENT}:40000 > ${BEHIND}:8080 S`);
  assert.is(bed.flows().length, 1);
  // The answer takes the same way back: only the client's port turns it into the VIP's.
  const answer = { sourcePort: 8080, destinationPort: 40_000, flags: 'SA' };
  const toRouter = { fromMac: bed.mac('app3'), toMac: bed.mac('app2'), from: BEHIND, to: CLIENT };
  assert.is(
    describe(bed.send('app3', tcpFrame(toRouter, answer))),
    `app2: tcp ${BEHIND}:8080 > ${CLIENT}:40000 SA`,
  );
  const toClient = { ...toRouter, fromMac: bed.mac('app2'), toMac: bed.mac('web1') };
  assert.is(
    describe(bed.send('app2', tcpFrame(toClient, answer))),
    `web1: tcp ${VIP}:80 > ${CLIENT}:40000 SA`,
  );
  const [flow] = bed.flows();
  assert.equal([flow.packets, flow.replyPackets], [1, 1]);
});

sentOn(
  'a datagram to a VIP from behind a VM with many addresses still reaches a member on the same VM',
  () => {
    // 10.1.0.50 and 10.1.0.51 are containers of web1.
    const bed = new DatapathBed();
    const toMac = bed.maker.routerMac('app');
    const list = [{ name: 'pod', address: '10.1.0.51', mac: bed.mac('web1') }];
    bed.configure({ groups: [{ name: 'pods', vip: VIP, members: list }] });
    for (let i = 0; i < 2; i++) {
      const way = { fromMac: bed.mac('web1'), toMac, from: '10.1.0.50', to: VIP };
      bed.send('web1', udpFrame(way, { sourcePort: 5_000, destinationPort: 53 }));
    }
    assert.is(bed.drops()['balancing-loop'] ?? 0, 0);
    assert.is(bed.flows()[0].packets, 2);
  },
);

sentOn.run();
