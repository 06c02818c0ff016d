/** From a YAML file to a Configuration, or to every problem that the file has. */
import { readFileSync } from 'node:fs';
import { checkFleet } from './checks/check-fleet.ts';
import { checkGroups } from './checks/check-groups.ts';
import { checkHealth, checkProbing } from './checks/check-health.ts';
import { checkNetworks } from './checks/check-networks.ts';
import { checkPolicies } from './checks/check-policies.ts';
import { checkPorts, checkUplinks } from './checks/check-ports.ts';
import { checkTemplates } from './checks/check-templates.ts';
import type { Configuration } from './model/model.ts';
import { ConfigError, type Problem, pathText, type Report } from './model/problems.ts';
import { resolveConfiguration } from './resolve.ts';
import { configSchema } from './schema/schema.ts';
import { checkShape } from './schema/shape.ts';
import { readSource } from './source.ts';

/** Throws ConfigError, also for a file that cannot be read. */
export function loadConfiguration(file: string): Configuration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const found = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError(file, [{ path: '', found, expected: 'a readable file' }]);
  }
  return parseConfiguration(text, file);
}

/** Throws ConfigError; `file` is the name that its messages give. */
export function parseConfiguration(text: string, file = 'configuration'): Configuration {
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
  const { view, value } = checkShape(configSchema, source.value, report);
  const topology = checkNetworks(view, report);
  checkPorts(view, topology, report);
  checkUplinks(view, topology, report);
  checkHealth(view, topology, report);
  checkGroups(view, topology, report);
  checkPolicies(view, report);
  checkFleet(view, report);
  checkTemplates(view, topology, report);

  if (value === undefined || problems.length > 0) throw new ConfigError(file, inOrder(problems));
  const configuration = resolveConfiguration(value);
  checkProbing(configuration, report);
  if (problems.length > 0) throw new ConfigError(file, inOrder(problems));
  return configuration;
}

const SETTINGS = new RegExp(`(^|[\\s{,])["']?(${Object.keys(configSchema.shape).join('|')})["']?\\s*:`, 'm');

/** Problems quote what they found: of a file that is something else, a key or a list of passwords, nothing is told. */
const mentionsSettings = (text: string): boolean => SETTINGS.test(text);

const inOrder = (problems: readonly Problem[]): Problem[] =>
  [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
