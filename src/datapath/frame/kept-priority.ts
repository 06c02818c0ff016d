/**
 * Priority (PCP, IEEE 802.1Q §6.9) of a frame whose priority tags have been removed (priority-tags.ts). It stays with the
 * frame, in the headroom in front of the vnet header, where a removed tag leaves room. Frames begin at a fixed place of
 * their slot, so one that begins behind it has lost tags; the mark tells it from other moved frames.
 */
import type { FrameArena } from '../../tables/frame-arena.ts';
import * as virtio from '../../wire/virtio-net.ts';

const MARK = 0x5043_5000;
const MARK_BYTES = 4;

/** `offset`: of the frame's Ethernet header, now. */
export function keepPriority({ view }: FrameArena, offset: number, priority: number): void {
  view.setUint32(offset - virtio.HEADER_BYTES - MARK_BYTES, MARK | priority);
}

/** 0 … 7; 0 if no priority tag was removed. */
export function keptPriority(arena: FrameArena, slot: number, offset: number): number {
  if (offset <= arena.frameOffset(slot)) return 0;
  const word = arena.view.getUint32(offset - virtio.HEADER_BYTES - MARK_BYTES);
  return (word & ~7) >>> 0 === MARK ? word & 7 : 0;
}
