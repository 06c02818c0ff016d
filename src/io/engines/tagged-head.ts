/**
 * The head of a frame that is to leave with an 802.1Q tag, made beside the frame: vnet header, both MACs, the tag.
 * The frame itself stays as it is, as it may be on its way to other ports too; what follows its MACs is sent from
 * where it lies (writev). The vnet header of the head counts the tag in.
 */
import * as ethernet from '../../wire/ethernet.ts';
import * as virtio from '../../wire/virtio-net.ts';

/** Room for one head: the vnet header, 12 bytes of MACs, 4 bytes of tag, and slack to a multiple of 32. */
export const TAGGED_HEAD_BYTES = 32;

/** Bytes of a frame that its head contains: both MACs. */
export const MACS_BYTES = 12;

/** Both MACs and the tag. */
export const TAGGED_MACS_BYTES = MACS_BYTES + ethernet.TAG_BYTES;

const VNET_BYTES = virtio.HEADER_BYTES;

/**
 * Writes the head of the frame at `offset` to the TAGGED_HEAD_BYTES from `at` on, for a device with `headerBytes` of vnet
 * header. Returns where in them it starts, and it is `headerBytes + TAGGED_MACS_BYTES` long. `bytes` and `view` are of one memory,
 * which holds both.
 */
export function writeTaggedHead(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  offset: number,
  headerBytes: 0 | 10 | 12,
  vlan: number,
): number {
  bytes.copyWithin(at, offset - VNET_BYTES, offset + MACS_BYTES);
  const macs = at + VNET_BYTES;
  virtio.shift(view, macs, ethernet.TAG_BYTES);
  ethernet.setTag(view, macs + MACS_BYTES, (ethernet.TYPE_VLAN << 16) | vlan);
  // The short form of the vnet header lacks the last two bytes: the others move up to the MACs.
  if (headerBytes === 10) bytes.copyWithin(at + 2, at, at + 10);
  return macs - headerBytes;
}
