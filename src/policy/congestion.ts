/**
 * Loads of a group's members that combine several signs, in percent: 100 is the group's mean, 250 two and a half times
 * as much.
 *
 * Each sign counts as a share of the group's sum; a member's load is the mean of its shares of the signs that at least
 * one member shows. The mean over the members is always 100. Congestion has four signs: active flows, the round-trip
 * time, and retransmissions and zero windows per second.
 */
export interface CongestionSigns {
  readonly activeFlows: number;
  readonly rttMicros: number;
  readonly retransmissionsPerSecond: number;
  readonly zeroWindowsPerSecond: number;
}

const SIGNS = ['activeFlows', 'rttMicros', 'retransmissionsPerSecond', 'zeroWindowsPerSecond'] as const;

export const relativeCongestion = (members: readonly CongestionSigns[]): number[] =>
  relativeLoad(members, SIGNS);

export function relativeLoad<Sign extends string>(
  members: readonly Readonly<Record<Sign, number>>[],
  signs: readonly Sign[],
): number[] {
  const shown = signs
    .map((sign) => ({ sign, total: members.reduce((total, member) => total + member[sign], 0) }))
    .filter(({ total }) => total > 0);
  if (shown.length === 0) return members.map(() => 100);
  return members.map((member) => {
    const shares = shown.reduce((sum, { sign, total }) => sum + member[sign] / total, 0);
    return (100 * members.length * shares) / shown.length;
  });
}
