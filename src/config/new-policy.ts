/** Checks a policy that is set at run time as if it were in the file. */
import { z } from 'zod';
import type { PolicyConfig } from '../policy/policy-config.ts';
import { checkPolicies } from './checks/check-policies.ts';
import { ConfigError, type Problem, pathText, type Report } from './problems/problems.ts';
import { resolvePolicy } from './resolve-policy.ts';
import { policy } from './schema/schema-policy.ts';
import { checkShape } from './schema/shape.ts';

const settings = z.strictObject({ policy });

/** The policy described by `input`, which has the form of a group's `policy:`, with defaults. Throws ConfigError. */
export function checkNewPolicy(input: unknown, group: string): PolicyConfig {
  const problems: Problem[] = [];
  const report: Report = (path, found, expected) => problems.push({ path: pathText(path), found, expected });
  const { view, value } = checkShape(settings, { policy: input }, report);
  checkPolicies({ groups: [view] }, (path, found, expected) => report(path.slice(2), found, expected));
  if (value === undefined || problems.length > 0) throw new ConfigError(`group ${group}`, problems);
  return resolvePolicy(value.policy);
}
