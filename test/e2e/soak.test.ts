// The soak of scripts/soak.sh, for half a minute and at a rate that any machine makes.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { soak } from '../soak/soak.ts';

const test = suite('e2e: soak');

test('members drain, fail and join under load: no request is lost but those on failed members', async () => {
  const result = await soak({ seconds: 25, rate: 150, maxGrowth: 1.1, pauseMs: 500 });
  assert.equal(result.problems, [], JSON.stringify(result, null, 2));
  const { drained, failed, joined } = result.changes;
  assert.ok(drained >= 2 && failed >= 2 && joined >= 4, JSON.stringify(result.changes));
  assert.ok(result.requests > 2_000);
  assert.is(result.connectionsAtEnd, 0);
});

test.run();
