/** The two ports that TCP, UDP and SCTP begin with, as one word: source port << 16 | destination port. */

export const ports = (view: DataView, at: number): number => view.getInt32(at);

export function setPorts(view: DataView, at: number, word: number): void {
  view.setInt32(at, word);
}

/** The word of the opposite direction. */
export const swapPorts = (word: number): number => (word << 16) | (word >>> 16);
