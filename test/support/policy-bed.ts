/** Members and settings for tests of policies. */
import type { MemberLoad } from '../../src/policy/policy.ts';
import type { PolicyConfig, PolicyKind } from '../../src/policy/policy-config.ts';

/** The defaults of the configuration. */
export const policyOf = (kind: PolicyKind, more: Partial<PolicyConfig> = {}): PolicyConfig => ({
  kind,
  mode: 'distribute-rules',
  intervalMs: 1_000,
  onChange: true,
  metric: 'active-flows',
  spread: 2,
  localSpread: 1,
  tolerance: 0.25,
  staleAfterMs: 10_000,
  slowStartMs: 0,
  damping: 0,
  hysteresis: 0,
  floor: 0,
  ...more,
});

/** An active member that has long been there and was just reported. */
export const memberOf = (name: string, more: Partial<MemberLoad> = {}): MemberLoad => ({
  name,
  state: 'active',
  configuredWeight: 1,
  activeFlows: 0,
  newFlowsPerSecond: 0,
  bytesPerSecond: 0,
  packetsPerSecond: 0,
  congestionPercent: 100,
  reportedAgeMs: Infinity,
  retransmissionsPerSecond: 0,
  resetsPerSecond: 0,
  failedConnectsPerSecond: 0,
  ageMs: 0,
  sinceMs: 3_600_000,
  ...more,
});

/** Members by their active flows. */
export const loadedWith = (...activeFlows: number[]): MemberLoad[] =>
  activeFlows.map((flows, i) => memberOf(`app${i + 1}`, { activeFlows: flows }));
