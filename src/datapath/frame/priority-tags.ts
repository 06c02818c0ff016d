/**
 * Priority-tagged frames: a tag with VLAN id 0 carries a priority but no VLAN (IEEE 802.1Q §6.9.1, §9.6). Such a
 * frame counts as untagged, so its tag is removed first, as at a switch's port. The rest is checked by itself: a
 * second tag with a VLAN id is the VM's own. The outer tag's priority stays with the frame (kept-priority.ts).
 */
import type { FrameArena } from '../../tables/frame-arena.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as virtio from '../../wire/virtio-net.ts';
import { type FrameList, OFFSET_MASK } from './context.ts';
import { keepPriority } from './kept-priority.ts';

/**
 * Removes the priority tags of frame `at` of a list: its offset grows, its length shrinks. Returns whether it had
 * any.
 */
export function stripPriorityTags(arena: FrameArena, frames: FrameList, at: number): boolean {
  const { view, bytes } = arena;
  let priority = 0;
  for (let isStripped = false; ; isStripped = true) {
    const offset = frames.offset[at]! & OFFSET_MASK;
    if (isStripped) keepPriority(arena, offset, priority);
    if (!ethernet.isTag(ethernet.etherType(view, offset))) return isStripped;
    if (frames.length[at]! < ethernet.HEADER_BYTES + ethernet.TAG_BYTES) return isStripped;
    if (ethernet.vlanId(view, offset) !== 0) return isStripped;
    if (!isStripped) priority = ethernet.tagPriority(view, offset);
    const from = offset - virtio.HEADER_BYTES;
    virtio.shift(view, offset, -ethernet.TAG_BYTES);
    bytes.copyWithin(from + ethernet.TAG_BYTES, from, offset + ethernet.ADDRESSES_BYTES);
    frames.offset[at] = offset + ethernet.TAG_BYTES;
    frames.length[at]! -= ethernet.TAG_BYTES;
  }
}
