/** Loads a YAML file as a Configuration, or reports all its problems. */
import { readFileSync } from 'node:fs';
import { checkFirewalls } from './checks/check-firewalls.ts';
import { checkFleet } from './checks/check-fleet.ts';
import { checkGroups } from './checks/check-groups.ts';
import { checkHealth, checkProbing } from './checks/check-health.ts';
import { checkLoads } from './checks/check-load.ts';
import { checkNetworks } from './checks/check-networks.ts';
import { checkPolicies } from './checks/check-policies.ts';
import { checkLoadBalancers, checkPorts, checkUplinks } from './checks/check-ports.ts';
import { checkTemplates } from './checks/check-templates.ts';
import { checkVips } from './checks/check-vips.ts';
import { withAbsoluteNames } from './file-names.ts';
import type { Configuration } from './model/model.ts';
import { fileErrorText } from './problems/file-error.ts';
import { ConfigError, type Path, type Problem, pathText, type Report } from './problems/problems.ts';
import { resolveConfiguration } from './resolve.ts';
import { type ConfigInput, configSchema } from './schema/schema.ts';
import { checkShape, type Lenient } from './schema/shape.ts';
import { readSource } from './source.ts';

/** Further checks by the caller, whose problems are reported in the same list. */
export interface FurtherChecks {
  /** Checks the parts of the file that have the right shape, even if there are other problems. */
  readonly view?: (view: Lenient<ConfigInput>, report: Report) => void;
  /** Checks a configuration without other problems. */
  readonly whole?: (configuration: Configuration, report: Report) => void;
}

/** Throws ConfigError, also for a file that cannot be read. File names in the result are absolute. */
export function loadConfiguration(file: string, further: FurtherChecks = {}): Configuration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [{ path: '', found: fileErrorText(error), expected: 'a readable file' }]);
  }
  return withAbsoluteNames(file, parseConfiguration(text, file, further));
}

/** Throws ConfigError; `file` is the name in its messages. */
export function parseConfiguration(
  text: string,
  file = 'configuration',
  further: FurtherChecks = {},
): Configuration {
  if (text.trim() !== '' && !mentionsSettings(text)) {
    const problem = { found: 'a file without any of its settings', expected: 'a configuration' };
    throw new ConfigError(file, [{ path: '', ...problem }]);
  }
  const source = readSource(text);
  if (source.syntaxProblems.length > 0) throw new ConfigError(file, source.syntaxProblems);

  const problems: Problem[] = [];
  const report: Report = (path, found, expected) => {
    problems.push({ path: pathText(path), line: source.lineOf(path), found, expected });
  };
  refuseProtoKeys(source.value, [], report);
  const { view, value } = checkShape(configSchema, source.value, report);
  const topology = checkNetworks(view, report);
  checkPorts(view, topology, report);
  checkUplinks(view, topology, report);
  checkLoadBalancers(view, report);
  checkFirewalls(view, report);
  checkHealth(view, topology, report);
  checkLoads(view, report);
  checkGroups(view, topology, report);
  checkVips(view, topology, report);
  checkPolicies(view, report);
  checkFleet(view, report);
  checkTemplates(view, topology, report);
  further.view?.(view, report);

  if (value === undefined || problems.length > 0) throw new ConfigError(file, inOrder(problems));
  const configuration = resolveConfiguration(value);
  checkProbing(configuration, report);
  if (problems.length === 0) further.whole?.(configuration, report);
  if (problems.length > 0) throw new ConfigError(file, inOrder(problems));
  return configuration;
}

const SETTINGS = new RegExp(`(^|[\\s{,])["']?(${Object.keys(configSchema.shape).join('|')})["']?\\s*:`, 'm');

/** Problems quote the file, so a file without any setting, such as a key or a password list, is refused unquoted. */
const mentionsSettings = (text: string): boolean => SETTINGS.test(text);

/** Reports `__proto__`, which cannot be a key of a plain object and would be lost silently. */
function refuseProtoKeys(value: unknown, path: Path, report: Report): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === '__proto__') report(at, 'a key "__proto__"', 'another key');
    else refuseProtoKeys(item, at, report);
  }
}

const inOrder = (problems: readonly Problem[]): Problem[] =>
  [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
