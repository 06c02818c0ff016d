import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { configJsonSchema } from '../../../src/config/schema/json-schema.ts';
import { configReference } from '../../../src/config/schema/reference.ts';
import { CHECKOUT } from '../../support/paths.ts';

const test = suite('configuration reference');

const reference = configReference();

test('docs/configuration.md is current: `scripts/sluice config reference > docs/configuration.md` writes it', () => {
  assert.fixture(readFileSync(join(CHECKOUT, 'docs/configuration.md'), 'utf8'), reference);
});

test('every key of the schema has its row in the section of its mapping', () => {
  let rows = 0;
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { properties, additionalProperties } = node as {
      properties?: object;
      additionalProperties?: unknown;
    };
    if (properties !== undefined && additionalProperties === false) {
      for (const key of Object.keys(properties)) {
        assert.match(reference, `\n| \`${key}\` |`);
        rows++;
      }
    }
    for (const value of Object.values(node)) visit(value);
  };
  visit(configJsonSchema());
  assert.is(reference.match(/^\| `/gm)!.length, rows);
});

test('sections follow the file: a mapping stands behind its parent', () => {
  const titles = reference.match(/^## .*$/gm)!;
  assert.ok(titles.indexOf('## `groups[].health`') > titles.indexOf('## `groups[]`'));
  assert.ok(titles.indexOf('## `uplinks[]`') > titles.indexOf('## `groups[].health`'));
  assert.ok(titles.includes('## `store (kind: etcd)`'), titles.join('\n'));
});

test('values, defaults and ranges are said', () => {
  assert.match(reference, '| `engine` | `auto`, `uring`, `syscall` | `auto` |');
  assert.match(reference, '| `maxConnections` | integer, 16 to 16777216 | `262144` |');
  assert.match(reference, /\| `network` \| text or list of: text \| \*\*required\*\* \|/);
});

test.run();
