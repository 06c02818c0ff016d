import * as fs from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { z } from 'zod';
import { configJsonSchema } from '../../../src/config/schema/json-schema.ts';

const example = (name: string): Record<string, unknown> =>
  parse(fs.readFileSync(new URL(`../../../../test/config/${name}`, import.meta.url), 'utf8'));

/** As a tool would: by the JSON Schema text alone. */
const validator = z.fromJSONSchema(JSON.parse(JSON.stringify(configJsonSchema())));

const jsonSchema = suite('JSON Schema');

jsonSchema("accepts the contract's examples", () => {
  for (const name of ['contract-example.yaml', 'several-hosts.yaml']) {
    assert.equal(validator.safeParse(example(name)).error?.issues ?? [], [], name);
  }
});

jsonSchema('refuses what has another shape', () => {
  const wrong: [key: string, value: unknown][] = [
    ['host', 7],
    ['datapath', { engine: 'dpdk' }],
    ['networks', [{ name: 'app' }]],
    ['networks', [{ name: 'app', vni: 1, subnets: ['10.1.0.0'] }]],
    [
      'groups',
      [
        {
          name: 'api',
          network: 'app',
          vip: '10.1.0.100',
          members: [{ name: 'a', address: '10.1.0.1', weight: 70000 }],
        },
      ],
    ],
    ['group', []],
  ];
  for (const [key, value] of wrong) {
    assert.not(validator.safeParse({ ...example('contract-example.yaml'), [key]: value }).success, key);
  }
});

jsonSchema('describes every key', () => {
  const undescribed: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'properties' && 'additionalProperties' in node) {
        for (const [name, property] of Object.entries(value as Record<string, { description?: string }>)) {
          if (property.description === undefined) undescribed.push(`${path}.${name}`);
          visit(property, `${path}.${name}`);
        }
      } else if (!['default', 'examples', 'properties'].includes(key)) visit(value, path);
    }
  };
  visit(configJsonSchema(), '');
  assert.equal(undescribed, []);
});

jsonSchema.run();
