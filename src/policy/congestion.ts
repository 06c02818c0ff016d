/**
 * Relative congestion of a group's members, in percent: 100 is the group's mean, 250 two and a half times as much.
 *
 * A member's signs of congestion are its active flows, its round-trip time, and its retransmissions and zero windows per
 * second. Each sign counts as a share of the group's sum; a member's congestion is the mean of its shares of the signs
 * that at least one member shows. The mean over the members is always 100.
 */
export interface CongestionSigns {
  readonly activeFlows: number;
  readonly rttMicros: number;
  readonly retransmissionsPerSecond: number;
  readonly zeroWindowsPerSecond: number;
}

const SIGNS = ['activeFlows', 'rttMicros', 'retransmissionsPerSecond', 'zeroWindowsPerSecond'] as const;

export function relativeCongestion(members: readonly CongestionSigns[]): number[] {
  const shown = SIGNS.map((sign) => ({
    sign,
    total: members.reduce((total, member) => total + member[sign], 0),
  })).filter(({ total }) => total > 0);
  if (shown.length === 0) return members.map(() => 100);
  return members.map((member) => {
    const shares = shown.reduce((sum, { sign, total }) => sum + member[sign] / total, 0);
    return (100 * members.length * shares) / shown.length;
  });
}
