/** One change each to a good file, and exactly the problems that must be told. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import { parseConfiguration } from '../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../src/config/problems/problems.ts';

export const base = `
host: h1
networks:
  - { name: app, vni: 1, subnets: [10.1.0.0/24, "fd00:1::/64"], gateway: 10.1.0.1 }
  - { name: db, vni: 2, subnets: [10.2.0.0/24], gateway: 10.2.0.1 }
  - { name: lone, vni: 3, subnets: [10.1.0.0/16] }
ports:
  - { name: web1, network: app, netns: web1, addresses: [10.1.0.11/24] }
  - { name: web2, network: app, netns: web2, addresses: [10.1.0.12/24, "fe80::2/64"] }
groups:
  - name: api
    network: app
    vip: 10.1.0.100
    members: [ { name: app1, address: 10.1.0.21, port: 8080 }, { name: app2, address: 10.1.0.22 } ]
  - name: night
    network: app
    vip: 10.50.0.1
    criteria:
      - { until: 2026-12-01T13:00:00Z, members: [ { name: app1, address: 10.1.0.21 } ] }
      - { from: 2026-12-01T13:00:00Z, members: [ { name: app1, address: 10.1.0.21, weight: 0 } ] }
`;

/** Path with dots and what to set there; a path that ends in `[]` appends, `undefined` deletes. */
export type Change = [path: string, value: unknown];

const changed = (...changes: Change[]): string => {
  const root: unknown = parse(base);
  for (const [path, value] of changes) {
    const steps = path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    const last = steps.pop()!;
    const at = steps.reduce((node, step) => (node as Record<string | number, unknown>)[step], root);
    if (last === '[]') (at as unknown[]).push(value);
    else if (value === undefined) delete (at as Record<string | number, unknown>)[last];
    else (at as Record<string | number, unknown>)[last] = value;
  }
  return stringify(root);
};

/** Problems without file and line. */
const problemsOf = (text: string): string[] => {
  try {
    parseConfiguration(text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ line, ...problem }) => formatProblem('', problem).slice(2));
  }
};

export type Case = [what: string, changes: Change[], problems: string[]];

export function runCases(subject: string, cases: readonly Case[]): void {
  const tests = suite(subject);
  for (const [what, changes, problems] of cases) {
    tests(what, () => assert.equal(problemsOf(changed(...changes)), problems));
  }
  tests.run();
}
