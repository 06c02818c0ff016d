/** What a configuration hardly means: told, and used as it is. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../src/config/load.ts';
import { probeWarnings, warningsOf } from '../../src/config/warnings.ts';

const test = suite('configuration warnings');

const NOW_MS = Date.parse('2026-12-01T13:00:00Z');
const warnings = (groups: string, more = ''): string[] =>
  warningsOf(
    parseConfiguration(`
host: h1
networks: [ { name: app, vni: 1, subnets: [10.1.0.0/24] } ]
ports: [ { name: web1, network: app, netns: web1, labels: { tier: web, zone: a } } ]
groups:
  - { name: g, network: app, vip: 10.1.0.100, ${groups} }
${more}`),
    NOW_MS,
  );
const MEMBERS = 'members: [ { name: a, address: 10.1.0.21 } ]';
const period = (until: string): string => `{ until: ${until}, members: [ { name: a, address: 10.1.0.21 } ] }`;

test('`from` with labels that no port has', () => {
  assert.equal(warnings(`from: { tier: wbe, zone: a }, ${MEMBERS}`), [
    'group g: from { tier: wbe, zone: a } matches no port, so nothing is balanced',
  ]);
  assert.equal(warnings(`from: { tier: web }, ${MEMBERS}`), []);
  assert.equal(warnings(MEMBERS), []);
});

test('not where the ports may be elsewhere, or come later', () => {
  const group = `from: { tier: wbe }, ${MEMBERS}`;
  assert.equal(warnings(group, 'controllers: ["127.0.0.1:7400"]'), []);
  const template =
    'templates: [ { name: t, network: app, command: [a], addresses: [10.1.0.64/28], labels: { tier: wbe } } ]';
  assert.equal(warnings(group, template), []);
});

test('criteria that have all ended', () => {
  const ended = [period('2026-11-01T00:00:00Z'), period('2026-12-01T13:00:00Z')];
  assert.equal(warnings(`criteria: [ ${ended.join(', ')} ]`), [
    'group g: all its criteria have ended, the last one at 2026-12-01T13:00:00.000Z',
  ]);
  assert.equal(warnings(`criteria: [ ${ended[0]}, ${period('2026-12-01T13:00:01Z')} ]`), []);
});

test('health checks of a group that the controllers have sent, for which this host has no address', () => {
  const checked = (network: string): string[] => {
    const configuration = parseConfiguration(`
host: h1
networks: [ { name: app, vni: 1, subnets: [10.1.0.0/24]${network} } ]
uplinks: [ { name: up0, interface: eth1, networks: [app] } ]
controllers: ["127.0.0.1:7400"]
ports: [ { name: web1, network: app, netns: web1, addresses: [10.1.0.11/24] } ]
groups: [ { name: g, network: app, vip: 10.1.0.100, protocol: tcp, port: 80, ${MEMBERS} } ]`);
    const health = { kind: 'tcp' as const, path: '/', expectStatus: [], quorum: 'any' as const };
    const times = { intervalMs: 1_000, timeoutMs: 500, rise: 1, fall: 1 };
    const groups = configuration.groups.map((group) => ({ ...group, health: { ...health, ...times } }));
    return warningsOf({ ...configuration, groups }, NOW_MS);
  };
  assert.equal(checked(''), [
    'group g: nobody here checks its IPv4 members: network app has no probeAddress of that family',
  ]);
  assert.equal(checked(', probeAddress: 10.1.0.241'), []);
});

test('a host of a fleet that could check no members, as its own file says', () => {
  const host = (network: string, more: string): string[] =>
    probeWarnings(
      parseConfiguration(`
host: h1
networks: [ { name: app, vni: 1, subnets: [10.1.0.0/24, "fd00:1::/64"]${network} } ]
ports: [ { name: web1, network: app, netns: web1, addresses: [10.1.0.11/24] } ]
${more}`),
    );
  const controllers = 'controllers: ["127.0.0.1:7400"]';
  assert.equal(host('', controllers), [
    'network app: no IPv4 address for health checks: this host checks no member there; expected a probeAddress that nobody else has',
  ]);
  assert.equal(host(', probeAddress: 10.1.0.241', controllers), []);
  assert.equal(host('', ''), [], 'a single host chooses one itself');
});

test.run();
