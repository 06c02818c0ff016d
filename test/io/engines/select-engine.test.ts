import { spawnSync } from 'node:child_process';
import { release } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { selectEngine } from '../../../src/io/engines/select-engine.ts';

const test = suite('engine selection');

const options = { maxPorts: 2, slots: 8, busyPollUs: 0 };

test('auto takes io_uring where the kernel has it, and says so', () => {
  const { engine, reason } = selectEngine('auto', options);
  assert.is(engine.name, 'uring');
  assert.is(reason, `auto: Linux ${release()} has io_uring with multishot reads`);
  engine.close();
});

test('what is asked for is taken', () => {
  for (const choice of ['uring', 'syscall'] as const) {
    const { engine, reason } = selectEngine(choice, options);
    assert.is(engine.name, choice);
    assert.is(reason, 'asked for');
    engine.close();
  }
});

test('options out of range are refused', () => {
  for (const choice of ['uring', 'syscall'] as const) {
    assert.throws(() => selectEngine(choice, { ...options, maxPorts: 0 }), /maxPorts 0, expected 1 to 4096/);
    assert.throws(
      () => selectEngine(choice, { ...options, slots: 65_536 }),
      /slots 65536, expected 2 to 65535/,
    );
    assert.throws(() => selectEngine(choice, { ...options, busyPollUs: -1 }), /busyPollUs -1/);
  }
});

/** Runs with io_uring_setup forbidden by seccomp, as container runtimes do. */
const WITHOUT_IO_URING = `
import { createRequire } from 'node:module';
const koffi = createRequire(${JSON.stringify(import.meta.url)})('koffi');
const prctl = koffi.load(null).func('prctl', 'int', ['int', 'uint64_t', 'uint64_t', 'uint64_t', 'uint64_t']);
const filter = new Uint8Array(32);
const view = new DataView(filter.buffer);
const instruction = (i, code, jt, jf, k) => {
  view.setUint16(i * 8, code, true);
  view.setUint8(i * 8 + 2, jt);
  view.setUint8(i * 8 + 3, jf);
  view.setUint32(i * 8 + 4, k, true);
};
instruction(0, 0x20, 0, 0, 0);            // load the call's number
instruction(1, 0x15, 0, 1, 425);          // io_uring_setup?
instruction(2, 0x06, 0, 0, 0x00050001);   // answer EPERM
instruction(3, 0x06, 0, 0, 0x7fff0000);   // allow
const program = new BigUint64Array([4n, koffi.address(filter)]);
prctl(38, 1, 0, 0, 0);                    // PR_SET_NO_NEW_PRIVS
if (prctl(22, 2, koffi.address(program), 0, 0) !== 0) throw new Error('no seccomp');
const { selectEngine } = await import(${JSON.stringify(new URL('../../../src/io/engines/select-engine.js', import.meta.url).href)});
const options = ${JSON.stringify(options)};
const { engine, reason } = selectEngine('auto', options);
console.log(engine.name + '|' + reason);
try { selectEngine('uring', options); } catch (error) { console.log(error.message); }
`;

test('where io_uring is forbidden auto takes system calls, and says why; asking for it is an error', () => {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', WITHOUT_IO_URING], {
    encoding: 'utf8',
  });
  assert.is(run.status, 0, run.stderr);
  const forbidden = 'io_uring_setup: EPERM (operation not permitted)';
  assert.equal(run.stdout.trim().split('\n'), [
    `syscall|auto: io_uring is not usable on Linux ${release()}: ${forbidden}`,
    `engine uring was asked for, but Linux ${release()} does not offer it: ${forbidden}`,
  ]);
});

test.run();
