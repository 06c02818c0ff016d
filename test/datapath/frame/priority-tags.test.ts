/** A frame tagged with VLAN 0 bears a priority and is otherwise untagged: the same becomes of it as without the tag. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, portsOf } from '../../support/datapath-bed.ts';
import {
  arpFrame,
  BROADCAST,
  countingBytes,
  echoFrame,
  ethernetFrame,
  plain,
  solicitationFrame,
  solicitedNode,
  tcpFrame,
  udpFrame,
  under,
  type WireFrame,
} from '../../support/packets.ts';
import { members, PORTS, type PortDescription } from '../../support/topology.ts';

const test = suite('priority-tagged frames');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::100';
const FAR = { fromMac: '02:bb:00:00:00:01', from: '10.1.0.51' };
/** TPID and TCI: priority 0, priority 7 with DEI, of a provider, two of them. */
const TAGS = ['81000000', '8100f000', '88a8e000', '8100e00081002000'];

const up: PortDescription = {
  name: 'up',
  network: 'app',
  mac: null,
  addresses: [],
  balanced: false,
  uplink: { hostMac: '02:aa:00:00:00:01' },
};

function newBed(): DatapathBed {
  const guarded = PORTS.map((port) =>
    port.name === 'web2' ? { ...port, allowedSources: ['10.1.0.12/32', 'fd00:1::c/128'] } : port,
  );
  const bed = new DatapathBed({
    ports: [...guarded, up],
    groups: [
      { name: 'api', vip: VIP, members: members([1, 1], { port: 8080 }) },
      { name: 'api6', vip: VIP6, members: members([1], { family: 6 }) },
      { name: 'routed', vip: '10.1.0.101', members: [{ name: 'db1', address: '10.2.0.31' }] },
      { name: 'empty', vip: '10.1.0.102', members: [] },
    ],
  });
  bed.send('up', arpFrame({ ...FAR, toMac: BROADCAST, to: '10.1.0.11' }, 'request'));
  return bed;
}

/** What is sent one after another, each with the port that it is sent from. */
function story(bed: DatapathBed): [string, WireFrame][] {
  const tcp = { sourcePort: 5_000, destinationPort: 80 };
  const back = { sourcePort: 8_080, destinationPort: 5_000 };
  const group = solicitedNode('fd00:1::1');
  const toGroup = { ...bed.way('web1', 'fd00:1::1'), to: group.address, toMac: group.mac };
  const broadcast = { ...bed.way('web1', '10.1.0.1'), toMac: BROADCAST };
  const data = { payload: countingBytes(4_000), gsoSize: 1_000, partial: true };
  return [
    ['web1', arpFrame(broadcast, 'request')],
    ['web1', arpFrame({ ...broadcast, to: '10.1.0.12' }, 'request')],
    ['web1', arpFrame({ ...broadcast, to: VIP }, 'request')],
    ['web1', solicitationFrame(toGroup, 'fd00:1::1', bed.mac('web1'))],
    ['web1', echoFrame(bed.way('web1', '10.1.0.1'), 1, 1)],
    ['web1', udpFrame(bed.way('web1', '10.2.0.31'), tcp)],
    ['web1', udpFrame(bed.way('web1', 'fd00:2::1f'), { ...tcp, partial: true })],
    ['web1', udpFrame(bed.way('web1', '10.1.0.51', { toMac: FAR.fromMac }), tcp)],
    ['up', udpFrame({ ...FAR, toMac: bed.mac('web1'), to: '10.1.0.11' }, tcp)],
    ['web1', tcpFrame(bed.way('web1', VIP), { ...tcp, flags: 'S' })],
    ['app1', tcpFrame(bed.way('app1', '10.1.0.11'), { ...back, flags: 'SA' })],
    ['web1', tcpFrame(bed.way('web1', VIP), { ...tcp, flags: 'A' })],
    ['web1', tcpFrame(bed.way('web1', VIP), { ...tcp, flags: 'PA', payload: countingBytes(9) })],
    ['web1', tcpFrame(bed.way('web1', VIP), { ...tcp, flags: 'PA', ...data })],
    ['app1', tcpFrame(bed.way('app1', '10.1.0.11'), { ...back, flags: 'PA', partial: true })],
    ['web1', udpFrame(bed.way('web1', VIP6), tcp)],
    ['web1', tcpFrame(bed.way('web1', '10.1.0.101'), { ...tcp, flags: 'S' })],
    ['web1', tcpFrame(bed.way('web1', '10.1.0.102'), { ...tcp, flags: 'S' })],
    ['web2', udpFrame(bed.way('web2', '10.1.0.11'), tcp)],
    ['web2', udpFrame(bed.way('web2', '10.1.0.11', { from: '10.1.0.13' }), tcp)],
    ['web2', udpFrame(bed.way('web2', '10.1.0.11'), { sourcePort: 67, destinationPort: 68 })],
    ['web1', plain(ethernetFrame(bed.way('web1', '10.1.0.12'), countingBytes(50), 0x88b5))],
  ];
}

for (const tags of TAGS) {
  test(`under ${tags}: routed, balanced, answered, sent by an uplink and dropped as without`, () => {
    const bare = newBed();
    const tagged = newBed();
    for (const [i, [port, wire]] of story(bare).entries()) {
      const expected = bare.send(port, wire);
      assert.equal(tagged.send(port, under(tags, wire)), expected, `frame ${i} from ${port}`);
    }
    assert.equal(tagged.drops(), bare.drops());
    assert.equal(tagged.flows(), bare.flows());
    assert.equal(tagged.drops(), { 'spoofed-source': 1, 'dhcp-guard': 1, 'no-member': 1 });
  });
}

test('a second tag with a VLAN id is the VM’s own, and does not cross an uplink', () => {
  const bed = newBed();
  const wire = plain(ethernetFrame(bed.way('web1', '10.1.0.12'), countingBytes(50), 0x88b5));
  const { port, frame } = only(bed.send('web1', under('8100000081000007', wire)));
  assert.equal([port, frame.vlan], ['web2', 7]);
  const far = plain(
    ethernetFrame({ ...bed.way('web1', '10.1.0.12'), toMac: FAR.fromMac }, countingBytes(50), 0x88b5),
  );
  assert.equal(bed.send('web1', under('8100000081000007', far)), []);
  assert.equal(portsOf(bed.send('web1', under('81000000', far))), ['up']);
  assert.equal(bed.drops(), { 'vlan-not-allowed': 1 });
});

test('a frame that ends in its tag is truncated', () => {
  const bed = newBed();
  const { bytes } = under('81000000', plain(new Uint8Array(14)));
  assert.equal(bed.send('web1', plain(bytes.slice(0, 16))), []);
  assert.equal(bed.drops(), { 'truncated-vlan': 1 });
});

test.run();
