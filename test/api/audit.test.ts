import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AuditTrail } from '../../src/api/audit.ts';
import { Refusal } from '../../src/config/problems/refusal.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';

const test = suite('audit trail');

const dir = mkdtempSync(join(tmpdir(), 'sluice-audit-'));
test.after(() => rmSync(dir, { recursive: true }));

const log = pino({ level: 'silent' });
const request = (method: string, path: string, body?: object) => ({
  method,
  path: path.split('/').slice(1),
  query: new URLSearchParams(),
  body,
  actor: 'uid 7',
});

test('changes that were made, and nothing else', async () => {
  const path = join(dir, 'made.jsonl');
  const trail = new AuditTrail(path, 'h1', systemRuntime, log);
  const answerer = trail.around(({ body }) => {
    if ((body as { weight?: number })?.weight === 9) throw new Refusal(409, 'no');
    return { revision: 4 };
  });
  await answerer(request('GET', '/v1/groups'));
  await answerer(request('POST', '/v1/groups/api/members/a/weight', { weight: 3 }));
  const refused = Promise.resolve(
    answerer(request('POST', '/v1/groups/api/members/a/weight', { weight: 9 })),
  );
  assert.is(await refused.catch(() => 'refused'), 'refused');
  await answerer(request('POST', '/v1/diff', { path: 'x' }));
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.is(lines.length, 1);
  const { time, ...entry } = JSON.parse(lines[0]!);
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  assert.equal(entry, {
    host: 'h1',
    type: 'member-weight',
    subject: 'api/a',
    reason: '',
    actor: 'uid 7',
    details: { weight: 3, revision: 4 },
  });
});

test('two files of a mebibyte, however much is changed', () => {
  const path = join(dir, 'full.jsonl');
  const trail = new AuditTrail(path, 'h1', systemRuntime, log);
  const details = { text: 'x'.repeat(60_000) };
  for (let i = 0; i < 60; i++) trail.append({ type: 'reload', subject: `${i}`, actor: 'uid 7', details });
  for (const file of [path, `${path}.1`]) assert.ok(statSync(file).size < 1.1 * (1 << 20), file);
  assert.ok(readFileSync(path, 'utf8').trimEnd().endsWith('}'));
  assert.match(readFileSync(path, 'utf8'), '"subject":"59"');
  assert.not(existsSync(`${path}.2`));
});

test('a directory that is gone keeps no change from being made', async () => {
  const trail = new AuditTrail(join(dir, 'no', 'where.jsonl'), 'h1', systemRuntime, log);
  const answerer = trail.around(() => ({ revision: 4 }));
  assert.equal(await answerer(request('DELETE', '/v1/groups/api/members/a')), { revision: 4 });
});

test.run();
