/** Neighbouring versions: which protocol a stream uses, and what each side makes of what it does not know. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentDecoder, AgentEncoder } from '../../src/messages/codec.ts';
import type { Hello } from '../../src/messages/messages.ts';
import { commonVersion, versionProblem, versionsOf } from '../../src/messages/protocol-version.ts';
import { ReportScratch } from '../../src/messages/report-codec.ts';
import { check } from '../support/seed.ts';

const test = suite('protocol versions');

/** What an agent of the first version sends: host h1, epoch 7, version 0.0.9, rules 3/4; it knows no newest version. */
const FIRST_HELLO = '0a1308011202683118072205302e302e3930033804';

const hello = (hex: string): Hello => {
  const message = new AgentDecoder(new ReportScratch()).decode(Buffer.from(hex, 'hex'));
  assert.is(message?.type, 'hello');
  return message as Hello;
};

test("the first version's Hello, as bytes: it speaks version 1 alone", () => {
  const old = hello(FIRST_HELLO);
  assert.equal(
    [old.host, old.agentEpoch, old.version, old.rulesEpoch, old.rulesRevision],
    ['h1', 7, '0.0.9', 3, 4],
  );
  assert.equal(versionsOf(old), { oldest: 1, newest: 1 });
  assert.is(versionProblem(old), undefined);
  assert.is(versionProblem(old, { oldest: 1, newest: 3 }), undefined, 'a later controller takes it');
  assert.is(
    versionProblem(old, { oldest: 2, newest: 3 }),
    'found protocol version 1, expected 2 to 3',
    'one that has given version 1 up says so',
  );
});

test("a later version's Hello: fields and kinds of messages that are unknown here change nothing", () => {
  // Field 99, `new`, inside Hello; and a message of the unknown kind 98.
  const later = FIRST_HELLO.replace('0a13', '0a1b').concat('5003', '9a0603', '6e6577');
  assert.equal({ ...hello(later), newestProtocolVersion: 0 }, hello(FIRST_HELLO));
  assert.equal(versionsOf(hello(later)), { oldest: 1, newest: 3 });
  assert.is(versionProblem(hello(later)), undefined);
  const unknown = new AgentDecoder(new ReportScratch()).decode(Buffer.from('9206020801', 'hex'));
  assert.is(unknown, undefined);
});

test('our Hello is one that the first version takes', () => {
  const ours = new AgentEncoder().encode({
    type: 'hello',
    protocolVersion: 1,
    newestProtocolVersion: 1,
    host: 'h1',
    agentEpoch: 7,
    version: '1',
    ports: [],
    rulesEpoch: 0,
    rulesRevision: 0,
  });
  // Its reader took the version from field 1, and refused any but 1.
  assert.is(hello(Buffer.from(ours).toString('hex')).protocolVersion, 1);
});

test('the newest version that both speak, the same from either side', () => {
  const versions = fc
    .tuple(fc.nat(9), fc.nat(9))
    .map(([oldest, more]) => ({ oldest, newest: oldest + more }));
  check(
    fc.property(versions, versions, (a, b) => {
      const spoken = (v: typeof a) => Array.from({ length: 20 }, (_, n) => n >= v.oldest && n <= v.newest);
      const both = spoken(a).map((is, n) => is && spoken(b)[n]);
      const newest = both.lastIndexOf(true);
      assert.is(commonVersion(a, b), newest < 0 ? undefined : newest);
      assert.is(commonVersion(b, a), commonVersion(a, b));
    }),
  );
});

test.run();
