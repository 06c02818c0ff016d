/** Service chains in a configuration: what fits together, and every problem of what does not. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problems/problems.ts';

const chains = suite('checks: service chains');

const BASE = `
host: h1
networks:
  - { name: app, vni: 5001, subnets: [10.1.0.0/24], gateway: 10.1.0.1 }
  - { name: db, vni: 5002, subnets: [10.2.0.0/24], gateway: 10.2.0.1 }
groups:
  - { name: fw, network: app, kind: middlebox, members: [ { name: fw1, address: 10.1.0.31 } ] }
`;

const parse = (groups: string) => parseConfiguration(BASE + groups, 'test.yaml');

function problemsOf(groups: string): string[] {
  try {
    parse(groups);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, found, expected }) => `${path}: ${found}; ${expected}`);
  }
  return [];
}

const group = (text: string): string =>
  `  - { name: api, network: app, vip: 10.1.0.100, members: [ { name: a, address: 10.1.0.21 } ], ${text} }`;

chains('defaults', () => {
  const { groups } = parse(group('through: [fw]'));
  assert.equal(groups[1]!.chain, { through: ['fw'], onHopFailure: 'rehash', onNoHop: 'reject' });
  const { kind, vip, rewrite } = groups[0]!;
  assert.equal([kind, vip, rewrite], ['middlebox', [], 'mac']);
  assert.is(parse(group('through: []')).groups[1]!.chain, undefined);
});

for (const [text, problem] of [
  ['through: [nobody]', /through\[0\]: "nobody"; the name of a group of kind: middlebox/],
  ['through: [fw, fw]', /through\[1\]: .*each group once/],
  ['through: [api]', /through\[0\]: "api", a group of servers/],
  ['through: [fw], rewrite: port', /rewrite: "port" with through/],
  ['through: [fw], protocol: udp, udpScheduling: per-datagram', /per-datagram" with through/],
  ['through: [fw], identifier: geneve', /identifier: "geneve"; /],
  ['onNoHop: bypass', /onNoHop: "bypass"; nothing, or a chain in through/],
  ['deliver: mac', /deliver: "mac"; nothing, or kind: middlebox/],
] as const) {
  chains(`refused: ${text}`, () => {
    const problems = problemsOf(group(text));
    assert.ok(
      problems.some((one) => problem.test(one)),
      problems.join('\n'),
    );
  });
}

for (const [text, problem] of [
  ['vip: 10.1.0.99', /vip: "10.1.0.99"; nothing, as middleboxes have no virtual address/],
  ['deliver: geneve', /deliver: "geneve"; /],
  ['through: [fw]', /through: .*; nothing, as/],
  ['protocol: tcp', /protocol: "tcp"; nothing, as/],
] as const) {
  chains(`refused for middleboxes: ${text}`, () => {
    const members = 'members: [ { name: i, address: 10.1.0.41 } ]';
    const problems = problemsOf(`  - { name: ids, network: app, kind: middlebox, ${members}, ${text} }`);
    assert.ok(
      problems.some((one) => problem.test(one)),
      problems.join('\n'),
    );
  });
}

chains('refused: middleboxes on another network, with ports, outside the link, or met twice', () => {
  const other = (text: string, network = 'app') =>
    `  - { name: ids, network: ${network}, kind: middlebox, members: [ { name: i, ${text} } ] }\n`;
  const found = (text: string, network?: string) =>
    problemsOf(other(text, network) + group('through: [fw, ids]')).join('\n');
  assert.match(found('address: 10.2.0.41', 'db'), /"ids" on network db; middleboxes on network app/);
  assert.match(found('address: 10.1.0.41, port: 80'), /members\[0\]\.port: 80; nothing/);
  assert.match(found('address: 10.9.0.41'), /outside the subnets/);
  assert.match(found('address: 10.1.0.31'), /"ids" with 10.1.0.31, as at groups\[0\].*meets once/);
  assert.match(found('address: 10.1.0.21'), /"ids" with 10.1.0.21, as at groups\[2\].*meets once/);
});

chains('a service needs a virtual address', () => {
  const text = '  - { name: api, network: app, members: [] }';
  assert.match(problemsOf(text).join(), /vip: nothing; an address/);
});

chains.run();
