import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EVENT_TYPES } from '../../src/events/event.ts';

const test = suite('docs: events');

test('docs/events.md has every type of event, with what it says, in their order', () => {
  const text = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs/events.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([\w.-]+)` \| (.+) \|$/gm)].map(([, type, says]) => [type, says]);
  assert.equal(rows, Object.entries(EVENT_TYPES));
});

test.run();
