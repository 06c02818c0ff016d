/** SCTP through a VIP: balanced like the others, its CRC32c right after every change (RFC 9260 §6.8, appendix A). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import { countingBytes, rawFrame, type WireFrame } from '../../support/packets.ts';
import { crc32c, SCTP, sctpPacket } from '../../support/sctp.ts';
import { members } from '../../support/topology.ts';

const sctp = suite('SCTP');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';

const bedOf = (port?: number): DatapathBed =>
  new DatapathBed({
    groups: [
      { name: 'api', vip: VIP, protocol: 'sctp', members: members([1, 3], { port }) },
      { name: 'api6', vip: VIP6, protocol: 'sctp', members: members([1, 3], { port, family: 6 }) },
    ],
  });

const frame = (bed: DatapathBed, port: string, to: string, bytes: Uint8Array): WireFrame =>
  rawFrame(bed.way(port, to), SCTP, bytes);

function transportOf({ frame: { packet: found } }: Sent): Uint8Array {
  assert.ok(found);
  return found.bytes.slice(found.from.includes(':') ? 40 : 20);
}

sctp(
  'ports are translated there and back, and the checksum is that of the whole packet, at any length',
  () => {
    for (const [vip, client] of [
      [VIP, '10.1.0.11'],
      [VIP6, 'fd00:1::b'],
    ] as const) {
      for (let length = 0; length < 70; length++) {
        const bed = bedOf(9_000);
        const chunk = countingBytes(length, length);
        const there = only(bed.send('web1', frame(bed, 'web1', vip, sctpPacket(5_000, 2_905, chunk))));
        assert.equal(transportOf(there), sctpPacket(5_000, 9_000, chunk));
        const back = only(
          bed.send(there.port, frame(bed, there.port, client, sctpPacket(9_000, 5_000, chunk))),
        );
        assert.is(back.frame.packet?.from, vip);
        assert.equal(transportOf(back), sctpPacket(2_905, 5_000, chunk));
      }
    }
  },
);

sctp('where no port is translated the packet is as it was: its checksum covers no address', () => {
  const bed = bedOf();
  const bytes = sctpPacket(5_000, 2_905, countingBytes(40));
  assert.equal(transportOf(only(bed.send('web1', frame(bed, 'web1', VIP, bytes)))), bytes);
});

sctp('a checksum that was wrong stays wrong', () => {
  const bed = bedOf(9_000);
  const bytes = sctpPacket(5_000, 2_905, countingBytes(40));
  bytes[20]! ^= 0x10;
  const arrived = transportOf(only(bed.send('web1', frame(bed, 'web1', VIP, bytes))));
  const found = new DataView(arrived.buffer).getUint32(8, true);
  new DataView(arrived.buffer).setUint32(8, 0);
  assert.is.not(found, crc32c(arrived));
});

sctp('associations are spread by weight, and each stays with its member', () => {
  const bed = bedOf();
  const chosen = [1, 2, 3, 4].map((i) => {
    const bytes = sctpPacket(5_000 + i, 2_905, countingBytes(20));
    const first = only(bed.send('web1', frame(bed, 'web1', VIP, bytes))).port;
    for (let again = 0; again < 3; again++) {
      assert.is(only(bed.send('web1', frame(bed, 'web1', VIP, bytes))).port, first);
    }
    return first;
  });
  assert.equal(chosen.sort(), ['app1', 'app2', 'app2', 'app2']);
});

sctp.run();
