/** Uplinks: what goes to the wire and what comes from it, and what all hosts have in common that does neither. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_MACS_PER_PORT } from '../../../src/tables/forwarding/mac-table.ts';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only, portsOf, type Sent } from '../../support/datapath-bed.ts';
import {
  advertisementFrame,
  arpFrame,
  BROADCAST,
  countingBytes,
  ethernetFrame,
  plain,
  solicitationFrame,
  solicitedNode,
  tcpFrame,
  udpFrame,
  type WireFrame,
} from '../../support/packets.ts';
import { PORTS, type PortDescription } from '../../support/topology.ts';

const switching = suite('uplinks: switching');
const edge = suite('uplinks: what hosts have in common');
const balancing = suite('uplinks: balancing');

/** The host's own MACs. */
const HOST_MAC = { app: '02:aa:00:00:00:01', db: '02:aa:00:00:00:02' };
/** VMs of another host. */
const FAR_CLIENT = { mac: '02:bb:00:00:00:01', address: '10.1.0.51', address6: 'fd00:1::51' };
const FAR_SERVER = { mac: '02:bb:00:00:00:02', address: '10.1.0.52', address6: 'fd00:1::52' };
const FAR_DB = { mac: '02:bb:00:00:00:03', address: '10.2.0.53', address6: 'fd00:2::53' };
const VIP = '10.1.0.100';
const web = { name: 'web', vip: VIP, members: [{ name: 'far', address: FAR_SERVER.address, port: 8080 }] };

const uplink = (name: string, network: 'app' | 'db'): PortDescription => ({
  name,
  network,
  mac: null,
  addresses: [],
  balanced: false,
  uplink: { hostMac: HOST_MAC[network] },
});

const joined = (...more: PortDescription[]): DatapathBed =>
  new DatapathBed({ ports: [...PORTS, uplink('up', 'app'), uplink('updb', 'db'), ...more], groups: [web] });

/** A frame of a protocol that nobody looks into. */
const bridged = (fromMac: string, toMac: string): WireFrame =>
  plain(ethernetFrame({ fromMac, toMac, from: '10.1.0.11', to: '10.1.0.12' }, countingBytes(50), 0x88b5));

const atUplink = (sent: readonly Sent[], port = 'up'): Sent => only(sent.filter((one) => one.port === port));

switching('stations of other hosts are learned, and frames go there as they are', () => {
  const bed = joined();
  assert.ok(portsOf(bed.send('web1', bridged(bed.mac('web1'), FAR_CLIENT.mac))).includes('up'), 'flooded');
  bed.send('up', bridged(FAR_CLIENT.mac, bed.mac('web1')));
  const frame = bridged(bed.mac('web1'), FAR_CLIENT.mac);
  const { port, wire } = only(bed.send('web1', frame));
  assert.is(port, 'up');
  assert.equal(wire, frame);
});

switching('an uplink may have more stations behind it than a VM', () => {
  const bed = joined();
  const macOf = (i: number) =>
    `02:cc:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
  const stations = MAX_MACS_PER_PORT + 100;
  for (let i = 0; i < stations; i++) bed.send('up', bridged(macOf(i), bed.mac('web1')));
  const known = Array.from({ length: stations }, (_, i) =>
    bed.send('web1', bridged(bed.mac('web1'), macOf(i))),
  );
  assert.ok(known.filter((sent) => sent.length === 1).length > MAX_MACS_PER_PORT);
});

switching('split horizon: what came in by an uplink leaves by none', () => {
  const bed = joined(uplink('other', 'app'));
  const flooded = portsOf(bed.send('up', bridged(FAR_CLIENT.mac, BROADCAST)));
  assert.is(flooded.length, 8);
  assert.not.ok(flooded.some((port) => port === 'up' || port === 'other'));
  bed.send('other', bridged(FAR_SERVER.mac, bed.mac('web1')));
  assert.equal(bed.send('up', bridged(FAR_CLIENT.mac, FAR_SERVER.mac)), []);
  assert.equal(bed.drops(), { 'split-horizon': 1 });
  assert.is(
    portsOf(bed.send('web1', bridged(bed.mac('web1'), BROADCAST))).filter(
      (port) => port === 'up' || port === 'other',
    ).length,
    2,
  );
});

switching('a frame that nobody but uplinks could take is dropped under a name', () => {
  const bed = new DatapathBed({ ports: [uplink('up', 'app'), uplink('other', 'app')] });
  assert.equal(bed.send('up', bridged(FAR_CLIENT.mac, BROADCAST)), []);
  assert.equal(bed.drops(), { 'split-horizon': 1 });
});

switching('a frame whose sender is here has come back, and is dropped', () => {
  const bed = joined();
  assert.equal(bed.send('up', bridged(bed.mac('web1'), BROADCAST)), []);
  assert.equal(bed.send('up', bridged(HOST_MAC.app, BROADCAST)), []);
  assert.equal(bed.drops(), { 'own-frame-returned': 2 });
  assert.equal(
    portsOf(bed.send('web2', bridged(bed.mac('web2'), bed.mac('web1')))),
    ['web1'],
    'it is still here',
  );
});

switching("a VM's own tags cross in neither direction", () => {
  const bed = joined();
  const tagged = (fromMac: string) =>
    plain(
      ethernetFrame({ fromMac, toMac: BROADCAST, vlan: 7, from: VIP, to: VIP }, countingBytes(50), 0x88b5),
    );
  assert.not.ok(portsOf(bed.send('web1', tagged(bed.mac('web1')))).includes('up'));
  assert.equal(bed.send('up', tagged(FAR_CLIENT.mac)), []);
  assert.equal(bed.drops(), { 'vlan-not-allowed': 2 });
});

edge('the router asks the wire as nobody, from the MAC of the host', () => {
  const bed = joined();
  const sent = bed.send(
    'web1',
    udpFrame(bed.way('web1', FAR_DB.address), { sourcePort: 1, destinationPort: 2 }),
  );
  const { frame } = atUplink(sent, 'updb');
  assert.is(frame.fromMac, HOST_MAC.db);
  assert.equal(frame.arp, {
    operation: 'request',
    senderMac: HOST_MAC.db,
    senderIp: '0.0.0.0',
    targetMac: '00:00:00:00:00:00',
    targetIp: FAR_DB.address,
  });
  const local = sent.find(({ port }) => port === 'db1')!;
  assert.is(
    describe([local]),
    `db1: arp request 10.2.0.1 > ${FAR_DB.address}`,
    'VMs here are asked by the gateway',
  );
  assert.is(local.frame.fromMac, bed.maker.routerMac('db'));
});

edge(
  'the answer to the host ends the question; the packet leaves from the MAC of the host, with one hop less',
  () => {
    for (const family of [4, 6] as const) {
      const bed = joined();
      const to = family === 4 ? FAR_DB.address : FAR_DB.address6;
      const asked = atUplink(
        bed.send('web1', udpFrame(bed.way('web1', to), { sourcePort: 1, destinationPort: 2 })),
        'updb',
      ).frame;
      if (family === 6) {
        assert.is(asked.packet?.from, 'fe80::aa:ff:fe00:2', 'the link-local address of the host');
        assert.is(asked.toMac, solicitedNode(to).mac);
      }
      const way = { fromMac: FAR_DB.mac, toMac: HOST_MAC.db, from: to, to: asked.packet?.from ?? '0.0.0.0' };
      const reply =
        family === 4
          ? arpFrame(way, 'reply', { targetMac: HOST_MAC.db })
          : advertisementFrame(way, to, FAR_DB.mac, 'SO');
      const { port, frame } = only(bed.send('updb', reply));
      assert.is(port, 'updb');
      assert.is(frame.fromMac, HOST_MAC.db);
      assert.is(frame.toMac, FAR_DB.mac);
      assert.is(frame.packet?.ttl, 63);
      assert.is(frame.packet?.from, bed.address('web1', family));
      assert.equal(bed.drops(), {});
    }
  },
);

edge('gateways and VIPs are not answered for to the wire: each host does it for its own VMs', () => {
  const bed = joined();
  for (const to of ['10.1.0.1', VIP]) {
    const way = { fromMac: FAR_CLIENT.mac, toMac: BROADCAST, from: FAR_CLIENT.address, to };
    assert.equal(bed.send('up', arpFrame(way, 'request')), []);
  }
  const group = solicitedNode('fd00:1::1');
  const way = { fromMac: FAR_CLIENT.mac, toMac: group.mac, from: FAR_CLIENT.address6, to: group.address };
  assert.equal(bed.send('up', solicitationFrame(way, 'fd00:1::1', FAR_CLIENT.mac)), []);
  assert.is(bed.counters('up').answered, 3);
  const own = { fromMac: bed.mac('web1'), toMac: BROADCAST, from: bed.address('web1'), to: VIP };
  assert.equal(portsOf(bed.send('web1', arpFrame(own, 'request'))), ['web1'], 'and no question leaves');
});

edge('a question for a VM that is here reaches it, and its answer the asker', () => {
  const bed = joined();
  const way = {
    fromMac: FAR_CLIENT.mac,
    toMac: BROADCAST,
    from: FAR_CLIENT.address,
    to: bed.address('app1'),
  };
  assert.ok(portsOf(bed.send('up', arpFrame(way, 'request'))).includes('app1'));
  const back = {
    fromMac: bed.mac('app1'),
    toMac: FAR_CLIENT.mac,
    from: bed.address('app1'),
    to: FAR_CLIENT.address,
  };
  assert.equal(portsOf(bed.send('app1', arpFrame(back, 'reply', { targetMac: FAR_CLIENT.mac }))), ['up']);
});

edge("the router's MAC comes from no wire, and nobody out there is routed for", () => {
  const bed = joined();
  const router = bed.maker.routerMac('app');
  assert.equal(bed.send('up', bridged(router, BROADCAST)), []);
  const way = { fromMac: FAR_CLIENT.mac, toMac: router, from: FAR_CLIENT.address, to: bed.address('db1') };
  const fields = { sourcePort: 1, destinationPort: 2 };
  assert.equal(bed.send('up', udpFrame(way, fields)), []);
  assert.equal(bed.send('up', udpFrame({ ...way, toMac: HOST_MAC.app }, fields)), []);
  assert.equal(bed.drops(), { 'router-mac-outside': 2, 'not-for-us': 1 });
});

edge('a station out there that claims a gateway or a VIP is not believed', () => {
  const bed = joined();
  for (const from of ['10.1.0.1', VIP]) {
    const way = { fromMac: FAR_CLIENT.mac, toMac: BROADCAST, from, to: from };
    assert.equal(bed.send('up', arpFrame(way, 'request')), []);
  }
  assert.equal(bed.drops(), { 'spoofed-arp': 2 });
});

edge('a VM that poses as the router gets no answer of its making out', () => {
  const bed = joined();
  const router = bed.maker.routerMac('app');
  const way = { fromMac: router, toMac: FAR_CLIENT.mac, from: bed.address('web1'), to: FAR_CLIENT.address };
  bed.send('up', bridged(FAR_CLIENT.mac, bed.mac('web1')));
  assert.equal(bed.send('web1', arpFrame(way, 'reply')), []);
  assert.equal(bed.drops(), { 'bad-neighbour-mac': 1 });
  assert.equal(bed.send('web1', arpFrame(way, 'reply', { senderMac: bed.mac('web1') })), []);
  assert.equal(bed.drops(), { 'bad-neighbour-mac': 1, 'spoofed-arp': 1 });
});

balancing('a flow to a member of another host: translated here, turned back here', () => {
  const bed = joined();
  // The member is known from its own traffic.
  const hello = {
    fromMac: FAR_SERVER.mac,
    toMac: BROADCAST,
    from: FAR_SERVER.address,
    to: FAR_SERVER.address,
  };
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 80 });
  const question = atUplink(flow.send('S')).frame.arp!;
  assert.is(question.targetIp, FAR_SERVER.address);
  const answer = { ...hello, toMac: HOST_MAC.app, to: '0.0.0.0' };
  const delivered = bed.send('up', arpFrame(answer, 'reply', { targetMac: HOST_MAC.app }));
  const { frame } = only(delivered);
  assert.is(describe(delivered), `up: tcp 10.1.0.11:5000 > ${FAR_SERVER.address}:8080 S`);
  assert.is(frame.fromMac, bed.mac('web1'), "a bridged frame keeps its VM's MAC");
  assert.is(frame.toMac, FAR_SERVER.mac);
  const back = only(
    bed.send(
      'up',
      tcpFrame(
        {
          fromMac: FAR_SERVER.mac,
          toMac: bed.mac('web1'),
          from: FAR_SERVER.address,
          to: bed.address('web1'),
        },
        { sourcePort: 8080, destinationPort: 5_000, flags: 'SA', sequence: 1, acknowledgment: 1 },
      ),
    ),
  );
  assert.is(back.port, 'web1');
  assert.is(back.frame.packet?.from, VIP);
  assert.is(back.frame.packet?.tcp?.sourcePort, 80);
  assert.is(back.frame.fromMac, bed.maker.routerMac('app'));
});

balancing('a flow of another host to a VM here crosses as it is, and leaves no record', () => {
  const bed = joined();
  const way = {
    fromMac: FAR_CLIENT.mac,
    toMac: bed.mac('app1'),
    from: FAR_CLIENT.address,
    to: bed.address('app1'),
  };
  const frame = udpFrame(way, {
    sourcePort: 5_000,
    destinationPort: 8080,
    payload: countingBytes(2_000),
    gsoSize: 1_000,
  });
  const { port, wire } = only(bed.send('up', frame));
  assert.is(port, 'app1');
  assert.equal(wire, frame, 'super-segment and partial checksum too');
  assert.equal(bed.flows(), []);
});

switching.run();
edge.run();
balancing.run();
