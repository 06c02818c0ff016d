/**
 * VLAN tags of VMs that tag their own frames, when a frame is routed to another network.
 *
 * Theory of operation. Within a network the logical switch keeps a VM's tag, and a reply carries the tag of its
 * request. The logical router ends a link, so the tag ends there with the rest of the Ethernet header, and frames
 * from the router are untagged: it resolves its next hops untagged, so they are reached untagged. Replies need the
 * client's tag again. A balanced flow's record keeps the tags of its first packet in its cold row, and REWRITE_TAGS
 * says that they were removed; the reply may come by this host's router or, from a member of another host, by an
 * uplink. Other packets have no record, so tagged ones are not routed.
 *
 * A record keeps two tags, as IEEE 802.1ad stacks them, each as TPID << 16 | TCI; 0: none.
 */
import { COLD, COLD_TAGS, COLD_WORDS } from '../../tables/balancing/connection-record.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Frame } from './frame.ts';

/** Bytes of a frame's tags; the frame has a network header. */
const tagBytes = (frame: Frame): number => frame.l3 - frame.offset - ethernet.HEADER_BYTES;

/** Whether a record can keep all of a frame's tags. */
export const areTagsKept = (frame: Frame): boolean =>
  !frame.tagged || tagBytes(frame) <= COLD_TAGS * ethernet.TAG_BYTES;

/** Stores the tags of a new flow's first packet in its cold row. */
export function keepTags(frame: Frame, cold: Int32Array, row: number): void {
  const count = frame.tagged ? tagBytes(frame) / ethernet.TAG_BYTES : 0;
  for (let i = 0; i < COLD_TAGS; i++) {
    const at = frame.offset + ethernet.ADDRESSES_BYTES + i * ethernet.TAG_BYTES;
    cold[row * COLD_WORDS + COLD.tags + i] = i < count ? ethernet.tag(frame.view, at) : 0;
  }
}

/** Number of tags that a flow has. */
function keptTags(cold: Int32Array, row: number): number {
  let count = 0;
  while (count < COLD_TAGS && cold[row * COLD_WORDS + COLD.tags + count] !== 0) count++;
  return count;
}

/** Writes the tags of a flow at `at`; returns their bytes. */
export function writeKeptTags(view: DataView, at: number, cold: Int32Array, row: number): number {
  const count = keptTags(cold, row);
  for (let i = 0; i < count; i++) {
    ethernet.setTag(view, at + i * ethernet.TAG_BYTES, cold[row * COLD_WORDS + COLD.tags + i]!);
  }
  return count * ethernet.TAG_BYTES;
}

/** Removes the tags of a frame with private bytes. */
export function stripTags(frame: Frame): void {
  if (!frame.tagged) return;
  moveHead(frame, tagBytes(frame));
  frame.tagged = false;
}

/** Adds the tags of its flow to an untagged frame with private bytes. */
export function restoreTags(frame: Frame, cold: Int32Array, row: number): void {
  if (frame.tagged) return;
  const count = keptTags(cold, row);
  if (count === 0) return;
  moveHead(frame, -count * ethernet.TAG_BYTES);
  writeKeptTags(frame.view, frame.offset + ethernet.ADDRESSES_BYTES, cold, row);
  frame.tagged = true;
}

/** Moves vnet header and addresses by some bytes towards the payload, or into the headroom; the payload stays. */
function moveHead(frame: Frame, bytes: number): void {
  const { view, arena, offset } = frame;
  const from = offset - virtio.HEADER_BYTES;
  virtio.shift(view, offset, -bytes);
  arena.bytes.copyWithin(from + bytes, from, offset + ethernet.ADDRESSES_BYTES);
  frame.offset += bytes;
  frame.length -= bytes;
}
