import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AuditTrail } from '../../src/api/audit.ts';
import { Refusal } from '../../src/config/problems/refusal.ts';
import type { Audited } from '../../src/events/journal.ts';

const test = suite('audit trail');

const request = (method: string, path: string, body?: object) => ({
  method,
  path: path.split('/').slice(1),
  query: new URLSearchParams(),
  body,
  actor: 'uid 7',
});

test('changes that were made, and nothing else', async () => {
  const changes: Audited[] = [];
  const trail = new AuditTrail({ audit: (change) => void changes.push(change) }, 'h1');
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
  assert.equal(changes, [
    {
      type: 'audit.member-weight',
      subject: 'api/a',
      actor: 'uid 7',
      details: { weight: 3, revision: 4 },
    },
  ]);
});

test.run();
