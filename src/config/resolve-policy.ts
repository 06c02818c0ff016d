/** Converts `policy` and `scaling` of a group from the file to the settings of policies. */
import type { z } from 'zod';
import type { GroupScalingConfig, PolicyConfig, ScalingConfig } from '../policy/policy-config.ts';
import { milliseconds } from './model/duration.ts';
import { type policy, policySettings, type scaling } from './schema/schema-policy.ts';

type FileScaling = z.output<typeof scaling>;

export function resolvePolicy(file: z.output<typeof policy>): PolicyConfig {
  const settings = typeof file === 'string' ? policySettings.parse({ kind: file }) : file;
  const { kind, mode, onChange, flowLimit, damping, floor, ceiling, outlierEjection } = settings;
  return {
    kind,
    mode,
    ...(settings.perLoadBalancer && { perLoadBalancer: true }),
    intervalMs: milliseconds(settings.interval),
    onChange,
    metric: settings.metric ?? 'active-flows',
    spread: settings.spread ?? 2,
    localSpread: settings.localSpread ?? 1,
    tolerance: settings.tolerance ?? 0.25,
    flowLimit,
    staleAfterMs: milliseconds(settings.staleAfter),
    slowStartMs: milliseconds(settings.slowStart),
    damping,
    hysteresis: settings.hysteresis ?? (kind === 'latency-aware' ? 0.05 : 0),
    floor,
    ceiling,
    outlierEjection: outlierEjection && {
      failureRatio: outlierEjection.failureRatio,
      minimumFlowsPerSecond: outlierEjection.minimumFlows,
      ejectionMs: milliseconds(outlierEjection.duration),
      maximumShare: outlierEjection.maximumShare,
      panicThreshold: outlierEjection.panicThreshold,
    },
  };
}

export const resolveScaling = ({ members, sources }: FileScaling): GroupScalingConfig => ({
  members: members && resolveSide(members),
  sources: sources && resolveSide(sources),
});

const resolveSide = (side: NonNullable<FileScaling['members']>): ScalingConfig => ({
  template: side.template,
  metric: side.metric,
  average: side.average,
  single: side.single,
  minimum: side.minimum,
  maximum: side.maximum,
  step: side.step,
  sustainMs: milliseconds(side.sustain),
  coolDownMs: milliseconds(side.coolDown),
  drainDeadlineMs: milliseconds(side.drainDeadline),
});
