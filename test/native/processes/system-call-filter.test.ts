// What a filtered process can no longer do, tried in a process of its own with the raw system calls.
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refusedCalls } from '../../../src/native/processes/system-call-filter.ts';
import { CHECKOUT } from '../../support/paths.ts';

const test = suite('filter of system calls');

const EPERM = 1;
const ENOSYS = 38;
const CLONE3 = 435;

/** Runs the script as a module of a filtered process, with `call(number, …arguments)`: -errno, or the result. */
function filtered(script: string): unknown {
  const text = `
    import koffi from 'koffi';
    import { forbidNewPrivileges } from '${CHECKOUT}/dist/src/native/processes/privileges.js';
    import { filterSystemCalls } from '${CHECKOUT}/dist/src/native/processes/system-call-filter.js';
    const libc = koffi.load(null);
    const long = 'int64_t';
    const syscall = libc.func('syscall', long, [long, long, long, long, long, long, long]);
    const call = (number, ...given) => {
      const result = syscall(number, ...[0, 1, 2, 3, 4, 5].map((i) => given[i] ?? 0));
      return result === -1 ? -koffi.errno() : result;
    };
    forbidNewPrivileges();
    if (!filterSystemCalls()) throw new Error('no filter on this architecture');
    ${script}`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    encoding: 'utf8',
    cwd: CHECKOUT,
  });
  assert.is(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

test('no program is run, and no process, mount, namespace or module is touched', () => {
  const calls = refusedCalls()!;
  for (const name of ['execve', 'execveat', 'ptrace', 'process_vm_readv', 'mount', 'setns', 'unshare', 'bpf'])
    assert.ok(name in calls, name);
  const results = filtered(`
    const calls = ${JSON.stringify(calls)};
    console.log(JSON.stringify(Object.entries(calls).map(([name, number]) => [name, call(number)])));`);
  assert.equal(
    results,
    Object.keys(calls).map((name) => [name, -EPERM]),
  );
});

test('threads, sockets and files work as before; packet sockets and new namespaces do not', () => {
  const { socket, clone } = process.arch === 'x64' ? { socket: 41, clone: 56 } : { socket: 198, clone: 220 };
  const result = filtered(`
    import { spawnSync } from 'node:child_process';
    import { lookup } from 'node:dns/promises';
    import { createServer, connect } from 'node:net';
    import { readFile } from 'node:fs/promises';
    import { Worker } from 'node:worker_threads';
    const isOpen = (family, type) => call(${socket}, family, type, 0) >= 0;
    const server = createServer((one) => one.end('hello')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const text = await new Promise((resolve) => connect(server.address().port, '127.0.0.1').on('data', (data) => resolve(String(data))));
    server.close();
    const worker = new Worker(new URL('data:text/javascript,import { parentPort } from "node:worker_threads"; parentPort.postMessage(1)'));
    console.log(JSON.stringify({
      families: [[1, 1], [2, 1], [10, 2], [16, 3]].map(([family, type]) => isOpen(family, type)),
      packet: call(${socket}, 17, 3, 0),
      algorithms: call(${socket}, 38, 5, 0),
      newUser: call(${clone}, 0x10000000 | 17),
      clone3: call(${CLONE3}, 0, 0),
      program: spawnSync('true').error.code,
      text,
      local: (await lookup('localhost')).address.length > 0,
      passwd: (await readFile('/etc/passwd', 'utf8')).length > 0,
      worker: await new Promise((resolve) => worker.once('message', resolve)),
    }));`);
  assert.equal(result, {
    families: [true, true, true, true],
    packet: -EPERM,
    algorithms: -EPERM,
    newUser: -EPERM,
    clone3: -ENOSYS,
    program: 'EPERM',
    text: 'hello',
    local: true,
    passwd: true,
    worker: 1,
  });
});

test('all threads have the filter, and no new privileges', () => {
  const tasks = filtered(`
    import { readdirSync, readFileSync } from 'node:fs';
    const tasks = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/status', 'utf8'));
    console.log(JSON.stringify(tasks.map((text) => /^NoNewPrivs:.*/m.exec(text)[0] + ' ' + /^Seccomp:.*/m.exec(text)[0])));`);
  assert.ok((tasks as string[]).length > 1);
  for (const task of tasks as string[]) assert.is(task, 'NoNewPrivs:\t1 Seccomp:\t2');
});

test.run();
