// What `trace` foretells is what real frames meet, to the byte; and it leaves nothing in the tables and on no wire.
// timeout: 180s
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TraceAnswer } from '../../src/api/tracing/trace-shapes.ts';
import { RunDir } from '../../src/run-dir/run-dir.ts';
import { Capture } from '../support/capture.ts';
import { until } from '../support/command.ts';
import { plain } from '../support/packets.ts';
import { sendFrames } from '../support/raw-frames.ts';
import { Testbed } from '../support/testbed.ts';

const test = suite('e2e: trace');

const VIP = '10.1.0.100';
let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create();
});
test.after(() => bed?.close());

const client = (): string =>
  bed.config.ports.find(({ name }) => name === 'c1')!.addresses![0]!.split('/')[0]!;

test('new flows: each trace names the member, and the real frame reaches it as foretold', async () => {
  for (let sourcePort = 41_000; sourcePort < 41_006; sourcePort++) {
    const trace = await bed.json<TraceAnswer>('trace', 'c1', 'tcp', `${client()}:${sourcePort}`, `${VIP}:80`);
    assert.is(trace.verdict, 'delivered');
    assert.is(trace.egress?.host, bed.config.host);
    const capture = await Capture.start(bed, trace.egress!.port, `tcp and src port ${sourcePort}`);
    await sendFrames(bed, 'c1', [plain(Buffer.from(trace.given.hex, 'hex'))]);
    await until('the frame to arrive', async () => (await capture.frames()).length > 0);
    await capture.stop();
    assert.is((await capture.frames())[0], trace.frame?.hex);
    capture.close();
  }
});

test('the reply’s way is that of the answer: from the member, turned back into the VIP', async () => {
  const answer = await bed.json<TraceAnswer>(
    'trace',
    'c1',
    'tcp',
    `${client()}:42000`,
    `${VIP}:80`,
    '--reply',
  );
  assert.is(answer.reply?.verdict, 'delivered');
  assert.is(answer.reply?.egress?.port, 'c1');
  assert.match(answer.reply!.frame!.summary, `IP ${VIP}.80 > ${client()}.42000: Flags [S.]`);
});

test('under traffic, traces cost no packet; afterwards there is no record of theirs', async () => {
  const asking = await bed.keepAsking('c2', VIP, 80);
  for (let i = 0; i < 30; i++) {
    await bed.json<TraceAnswer>('trace', 'c1', 'udp', `${client()}:${43_000 + i}`, '10.2.0.250:53');
    await bed.json<TraceAnswer>('trace', 'c1', 'tcp', `${client()}:${43_000 + i}`, `${VIP}:80`);
  }
  await asking.nextAnswers(3);
  assert.equal(asking.errors, []);
  await asking.stop();
  const flows = await bed.json<{ client: string }[]>('flows', '--port', 'c1');
  assert.not.ok(flows.some(({ client }) => /:430\d\d$/.test(client)));
});

test('the tables’ file is the same to the bit, before and after traces in a moment without traffic', async () => {
  const { tablesFile } = new RunDir(bed.runDir);
  const digest = (): string => createHash('sha256').update(readFileSync(tablesFile)).digest('hex');
  // Kernels in the VMs speak up now and then: that is another moment.
  await until(
    'a quiet moment',
    async () => {
      const before = digest();
      await bed.json<TraceAnswer>('trace', 'c1', 'tcp', `${client()}:44000`, `${VIP}:80`, '--reply');
      await bed.json<TraceAnswer>('trace', 'c1', 'udp', `${client()}:44000`, '10.2.0.250:53');
      return digest() === before;
    },
    60_000,
  );
});

test('what cannot be traced is a usage error that says what was expected', async () => {
  const failed = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await bed.sluice('trace', ...args);
    assert.ok(status !== 0);
    return stderr;
  };
  assert.match(await failed('c1'), 'expected PROTOCOL SOURCE DESTINATION');
  assert.match(await failed('nobody', 'tcp', '10.1.0.11:1', '10.1.0.100:80'), 'found nobody');
  assert.match(await failed('c1', 'tcp', '10.1.0.11:1', '[fd00::1]:80'), 'an IPv4 address');
  assert.match(await failed('c1', '--frame', 'xyz'), 'in hexadecimal');
});

test.run();
