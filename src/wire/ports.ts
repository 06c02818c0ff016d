/** The two ports that TCP, UDP and SCTP begin with, as one word: source port << 16 | destination port. */

/** The word of the opposite direction. */
export const swapPorts = (ports: number): number => (ports << 16) | (ports >>> 16);
