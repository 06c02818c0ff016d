/** The virtio-net header in front of a frame, against the layout of linux/virtio_net.h. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as virtio from '../../src/wire/virtio-net.ts';
import { hexOf } from '../support/addresses.ts';
import { tcpFrame, udpFrame, type Way } from '../support/packets.ts';
import { check } from '../support/seed.ts';

const vnet = suite('virtio-net');

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const way: Way = {
  fromMac: '02:00:00:00:00:01',
  toMac: '02:00:00:00:00:02',
  from: '10.1.0.11',
  to: '10.1.0.21',
};
const u16 = fc.nat(0xffff);

/** struct virtio_net_hdr_v1 of an x86-64 or arm64 kernel. */
function headerOf(flags: number, type: number, size: number, start: number, at: number): DataView {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint8(0, flags);
  view.setUint8(1, type);
  view.setUint16(4, size, true);
  view.setUint16(6, start, true);
  view.setUint16(8, at, true);
  return view;
}

vnet('the header lies in the 12 bytes before the frame, little-endian', () => {
  check(
    fc.property(fc.nat(3), fc.constantFrom(0, 1, 3, 4, 5), u16, u16, u16, (flags, type, size, start, at) => {
      const view = headerOf(flags, type, size, start, at);
      assert.is(virtio.flags(view, 12), flags);
      assert.is(virtio.gsoType(view, 12), type);
      assert.is(virtio.gsoSize(view, 12), size);
      assert.is(virtio.csumStart(view, 12), start);
      assert.is(virtio.csumOffset(view, 12), at);
    }),
  );
});

vnet('the ECN bit is no part of the GSO type', () => {
  const view = headerOf(1, virtio.GSO_TCPV4 | virtio.GSO_ECN, 1448, 34, 16);
  assert.is(virtio.gsoType(view, 12), virtio.GSO_TCPV4);
});

vnet('cleared means: a complete frame', () => {
  const bytes = new Uint8Array(14).fill(0xff);
  virtio.clear(viewOf(bytes), 12);
  assert.is(hexOf(bytes), `${'00'.repeat(12)}ffff`);
});

vnet('a VLAN tag moves what counts from the Ethernet header, where it counts at all', () => {
  const fields = { sourcePort: 1, destinationPort: 2, payload: new Uint8Array(3000) };
  const frames = [
    tcpFrame(way, { ...fields, flags: 'A', gsoSize: 1448 }),
    udpFrame({ ...way, from: 'fd00::1', to: 'fd00::2' }, { ...fields, gsoSize: 1200 }),
    tcpFrame(way, { ...fields, flags: 'A', partial: true }),
    tcpFrame(way, { ...fields, flags: 'A' }),
  ];
  const tagged = [
    tcpFrame({ ...way, vlan: 7 }, { ...fields, flags: 'A', gsoSize: 1448 }),
    udpFrame({ ...way, vlan: 7, from: 'fd00::1', to: 'fd00::2' }, { ...fields, gsoSize: 1200 }),
    tcpFrame({ ...way, vlan: 7 }, { ...fields, flags: 'A', partial: true }),
    tcpFrame({ ...way, vlan: 7 }, { ...fields, flags: 'A' }),
  ];
  frames.forEach((frame, i) => {
    const view = viewOf(frame.vnet);
    virtio.shift(view, 12, 4);
    assert.is(hexOf(frame.vnet), hexOf(tagged[i].vnet), `frame ${i}`);
    virtio.shift(view, 12, -4);
    virtio.shift(view, 12, 4);
    assert.is(hexOf(frame.vnet), hexOf(tagged[i].vnet), 'there and back');
  });
});

vnet.run();
