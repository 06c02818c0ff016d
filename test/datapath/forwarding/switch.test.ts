/** Logical switches: learning, flooding within bounds, and walls between tenants. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FLOOD_BURST } from '../../../src/datapath/ports/networks.ts';
import { MAC_AGE_MS, MAX_MACS_PER_PORT } from '../../../src/tables/forwarding/mac-table.ts';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, only, portsOf } from '../../support/datapath-bed.ts';
import {
  BROADCAST,
  countingBytes,
  ethernetFrame,
  plain,
  udpFrame,
  type WireFrame,
} from '../../support/packets.ts';
import { members, PORTS, type PortDescription } from '../../support/topology.ts';

const learning = suite('switch: learning');
const flooding = suite('switch: flooding');

const APP_PORTS = ['web1', 'web2', 'web3', 'app1', 'app2', 'app3', 'app4', 'app5'];
/** A station behind a port that has none configured. */
const STATION = '02:77:00:00:00:01';

const bridged = (bed: DatapathBed, from: string, toMac: string, fromMac = bed.mac(from)): WireFrame =>
  plain(ethernetFrame({ fromMac, toMac, from: '10.1.0.11', to: '10.1.0.12' }, countingBytes(50), 0x88b5));

learning('a frame for a configured VM goes to its port only, as it is', () => {
  const bed = new DatapathBed();
  const frame = bridged(bed, 'web1', bed.mac('app3'));
  const { port, wire } = only(bed.send('web1', frame));
  assert.is(port, 'app3');
  assert.equal(wire, frame);
});

learning('an unknown station is flooded to, until it speaks; then it has a port', () => {
  const bed = new DatapathBed();
  assert.equal(portsOf(bed.send('web1', bridged(bed, 'web1', STATION))), APP_PORTS.slice(1));
  bed.send('app2', bridged(bed, 'app2', bed.mac('web1'), STATION));
  assert.equal(portsOf(bed.send('web1', bridged(bed, 'web1', STATION))), ['app2']);
  bed.send('app4', bridged(bed, 'app4', bed.mac('web1'), STATION));
  assert.equal(portsOf(bed.send('web1', bridged(bed, 'web1', STATION))), ['app4'], 'it has moved');
  bed.pass(MAC_AGE_MS + 1);
  assert.is(
    bed.send('web1', bridged(bed, 'web1', STATION)).length,
    7,
    'and is forgotten after five silent minutes',
  );
});

learning("a VM that sends under another's MAC takes nothing away from it", () => {
  const bed = new DatapathBed();
  bed.send('app2', bridged(bed, 'app2', bed.mac('web1'), bed.mac('app1')));
  assert.equal(portsOf(bed.send('web1', bridged(bed, 'web1', bed.mac('app1')))), ['app1']);
});

learning(
  'a frame that a guard drops moves nobody: neither as spoofed nor as one that came back from the wire',
  () => {
    const up: PortDescription = {
      name: 'up',
      network: 'app',
      mac: null,
      addresses: [],
      balanced: false,
      uplink: { hostMac: '02:aa:00:00:00:01' },
    };
    const guarded = PORTS.map((port) =>
      port.name === 'app1' ? { ...port, allowedSources: ['10.1.0.21/32', 'fd00:1::15/128'] } : port,
    );
    const bed = new DatapathBed({ ports: [...guarded, up] });
    bed.send('up', bridged(bed, 'up', bed.mac('web1'), STATION));
    const atWeb1 = only(bed.send('web1', bridged(bed, 'web1', STATION)));
    assert.is(atWeb1.port, 'up');
    assert.equal(bed.send('app1', bridged(bed, 'app1', bed.mac('web1'), STATION)), []);
    assert.equal(bed.drops(), { 'spoofed-source': 1 });
    assert.equal(portsOf(bed.send('web1', bridged(bed, 'web1', STATION))), ['up'], 'it is where it was');
    assert.equal(bed.send('up', bridged(bed, 'up', bed.mac('web1'), bed.maker.routerMac('app'))), []);
    assert.equal(bed.drops(), { 'spoofed-source': 1, 'router-mac-outside': 1 });
    bed.tables.macs.forEach((_network, high, low) => {
      const mac = `${high.toString(16).padStart(4, '0')}${(low >>> 0).toString(16).padStart(8, '0')}`;
      assert.is.not(mac, bed.maker.routerMac('app').replaceAll(':', ''), "the router's MAC is no station's");
    });
  },
);

learning('a frame to a station behind the port that it came in by goes nowhere', () => {
  const bed = new DatapathBed();
  assert.equal(bed.send('web1', bridged(bed, 'web1', bed.mac('web1'))), []);
  assert.equal(bed.drops(), { 'same-port': 1 });
});

learning('no frame comes from a group address', () => {
  const bed = new DatapathBed();
  assert.equal(bed.send('web1', bridged(bed, 'web1', bed.mac('app1'), '01:00:5e:00:00:01')), []);
  assert.equal(bed.send('web1', bridged(bed, 'web1', bed.mac('app1'), BROADCAST)), []);
  assert.equal(bed.drops(), { 'bad-source-mac': 2 });
});

learning('a VM that invents addresses is bounded, and the others stay reachable', () => {
  const bed = new DatapathBed({ limits: { maxMacs: 4_096 } });
  bed.send('app2', bridged(bed, 'app2', bed.mac('web1'), STATION));
  for (let i = 0; i < 2 * MAX_MACS_PER_PORT; i++) {
    const invented = `02:66:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
    assert.is(
      bed.send('app1', bridged(bed, 'app1', bed.mac('web1'), invented)).length,
      1,
      'its frames still go',
    );
  }
  let learned = 0;
  bed.tables.macs.forEach((_network, _high, _low, port, fixed) => {
    if (!fixed && port === bed.maker.portId('app1')) learned++;
  });
  assert.is(learned, MAX_MACS_PER_PORT);
  assert.equal(portsOf(bed.send('web1', bridged(bed, 'web1', STATION))), ['app2']);
  assert.equal(portsOf(bed.send('web1', bridged(bed, 'web1', bed.mac('app5')))), ['app5']);
});

learning('the MACs of a port that has gone are forgotten; its frames find nobody', () => {
  const bed = new DatapathBed();
  bed.send('app2', bridged(bed, 'app2', bed.mac('web1'), STATION));
  bed.datapath.portGone(bed.maker.portId('app2'));
  assert.equal(
    portsOf(bed.send('web1', bridged(bed, 'web1', STATION))),
    APP_PORTS.filter((port) => port !== 'web1' && port !== 'app2'),
  );
  bed.configure({});
  assert.equal(
    portsOf(bed.send('web1', bridged(bed, 'web1', bed.mac('app2')))),
    ['app2'],
    'plugged in again',
  );
});

learning('a configured MAC always has its port, and if there is no room for it, that is said', () => {
  const bed = new DatapathBed({ limits: { maxMacs: 16 }, ports: PORTS.slice(0, 1) });
  const problems = bed.configure({
    ports: Array.from({ length: 20 }, (_, i) => ({ name: `vm${i}`, network: 'app', addresses: [] })),
  });
  const reached = Array.from({ length: 20 }, (_, i) =>
    bed.tables.macs.find(0, 0x0200, (bed.maker.portId(`vm${i}`) | 0) & 0xff, bed.nowMs),
  ).filter((port) => port >= 0).length;
  assert.ok(reached <= 16);
  assert.is(
    problems.length,
    20 - reached,
    `${20 - reached} MACs have no place; told: ${problems.join(', ')}`,
  );
});

flooding('broadcast and multicast reach every other port of the network once, and none of another', () => {
  const bed = new DatapathBed();
  for (const group of [BROADCAST, '01:00:5e:00:00:fb', '33:33:00:00:00:01']) {
    assert.equal(
      portsOf(bed.send('web2', bridged(bed, 'web2', group))),
      APP_PORTS.filter((name) => name !== 'web2'),
    );
    assert.equal(portsOf(bed.send('db1', bridged(bed, 'db1', group))), ['db2']);
  }
  assert.is(bed.counters('web2').flooded, 3);
  assert.is(bed.counters('app1').flooded, 0);
});

flooding('a MAC of one network is unknown in the other', () => {
  const bed = new DatapathBed();
  assert.equal(portsOf(bed.send('db1', bridged(bed, 'db1', bed.mac('app1')))), ['db2']);
});

flooding(
  'copies cannot touch each other: a reply that is turned back for its client reaches the others as it was',
  () => {
    const client = { ...PORTS[0], mac: null };
    const bed = new DatapathBed({
      ports: [client, ...PORTS.slice(1)],
      groups: [{ name: 'api', vip: '10.1.0.100', members: members([1], { port: 8080 }) }],
    });
    const flow = new TcpConversation(bed, {
      port: 'web1',
      clientPort: 40_000,
      vip: '10.1.0.100',
      vipPort: 80,
    });
    flow.open();
    bed.pass(MAC_AGE_MS + 1);
    const sent = flow.reply('A');
    assert.is(sent.length, 7, "the client's MAC is unknown by now");
    for (const { port, frame } of sent) {
      const seen = `${frame.packet?.from}:${frame.packet?.tcp?.sourcePort}`;
      assert.is(seen, port === 'web1' ? '10.1.0.100:80' : '10.1.0.21:8080', port);
    }
    assert.is(bed.stats('web1', 'api', 'app1').replyPackets, 2, 'counted once');
  },
);

flooding('is bounded per network, and what is over the bound is counted', () => {
  const bed = new DatapathBed();
  let copies = 0;
  for (let i = 0; i < FLOOD_BURST; i++) copies += bed.send('web1', bridged(bed, 'web1', BROADCAST)).length;
  assert.ok(copies <= FLOOD_BURST, `${copies} copies at once`);
  assert.is(copies, 7 * Math.floor(FLOOD_BURST / 7));
  assert.is(bed.drops()['flood-limited'], FLOOD_BURST - copies / 7);
  assert.equal(
    portsOf(bed.send('db1', bridged(bed, 'db1', BROADCAST))),
    ['db2'],
    'the other network is not concerned',
  );
  assert.equal(
    portsOf(bed.send('web1', bridged(bed, 'web1', bed.mac('app1')))),
    ['app1'],
    'nor known stations',
  );
  bed.pass(10);
  assert.is(bed.send('web1', bridged(bed, 'web1', BROADCAST)).length, 7, 'it recovers with time');
});

flooding('alone in a network: nobody to send to', () => {
  const bed = new DatapathBed({ ports: PORTS.filter(({ name }) => name !== 'db2') });
  assert.equal(bed.send('db1', bridged(bed, 'db1', BROADCAST)), []);
  assert.equal(bed.drops(), { 'no-receiver': 1 });
});

flooding('a group-addressed IP packet is not taken for a flow', () => {
  const bed = new DatapathBed({ groups: [{ name: 'api', vip: '10.1.0.100', members: members([1]) }] });
  const way = { ...bed.way('web1', '10.1.0.12'), to: '224.0.0.251', toMac: '01:00:5e:00:00:fb' };
  const sent = bed.send(
    'web1',
    udpFrame(way, { sourcePort: 5353, destinationPort: 5353, payload: countingBytes(60) }),
  );
  assert.equal(portsOf(sent), APP_PORTS.slice(1));
  assert.equal(bed.flows(), []);
});

learning.run();
flooding.run();
