/** Places of offloaded checksums (virtio 1.2 §5.1.6). */
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio-net.ts';

/** What a Frame knows of its layers; offsets in bytes of `view`, 0: there is none. */
interface Layers {
  readonly view: DataView;
  readonly offset: number;
  readonly length: number;
  readonly l3: number;
  readonly l4: number;
  readonly l4Bytes: number;
  readonly protocol: number;
  readonly fragment: boolean;
}

/**
 * Whether an offloaded checksum is in a place that a VM's stack uses: in the transport's own field, or in its payload (an
 * encapsulated packet). A place in an already checked header is refused.
 */
export function isChecksumPlaceRight(frame: Layers): boolean {
  const { view, offset, l4 } = frame;
  const start = offset + virtio.csumStart(view, offset);
  const fieldOffset = virtio.csumOffset(view, offset);
  if (frame.l3 === 0)
    return start >= offset + ethernet.HEADER_BYTES && start + fieldOffset + 2 <= offset + frame.length;
  if (l4 === 0 || frame.fragment || start < l4 || start + fieldOffset + 2 > l4 + frame.l4Bytes) return false;
  if (start > l4) return true;
  if (frame.protocol === ipv4.PROTOCOL_TCP) return fieldOffset === tcp.CHECK_OFFSET;
  if (frame.protocol === ipv4.PROTOCOL_UDP) return fieldOffset === udp.CHECK_OFFSET;
  return true;
}
