// Processes as they run have the privileges that the table in docs/threat-model.md says, in all their threads.
// timeout: 180s
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Status } from '../../src/api/shapes.ts';
import { CAPABILITIES } from '../../src/native/processes/privileges.ts';
import { until } from '../support/command.ts';
import { LoopbackController } from '../support/controllers.ts';
import { freePorts } from '../support/etcd.ts';
import { Host } from '../support/host.ts';
import { CHECKOUT, SERVER } from '../support/paths.ts';

const test = suite('e2e: privileges');

const NOBODY = 65_534;

/** What the table says about a process. */
interface Row {
  readonly users: readonly number[];
  readonly capabilities: string;
  readonly bounding: string;
  readonly noNewPrivs: string;
  readonly seccomp: string;
}

function table(): Map<string, Row> {
  const text = readFileSync(join(CHECKOUT, 'docs/threat-model.md'), 'utf8');
  const [, rest] = text.split('| Process | User |');
  const rows = rest!.split('\n\n')[0]!.split('\n').slice(2);
  return new Map(
    rows.map((line) => {
      const [, process, user, capabilities, bounding, noNewPrivs, seccomp] = line
        .split('|')
        .map((cell) => cell.trim());
      const users = [...user!.matchAll(/\d+/g)].map(([id]) => Number(id));
      return [
        process!,
        {
          users,
          capabilities: capabilities!,
          bounding: bounding!,
          noNewPrivs: noNewPrivs!,
          seccomp: seccomp!,
        },
      ];
    }),
  );
}

const maskOf = (text: string, host: string): bigint => {
  if (text === 'none') return 0n;
  const names = text === "the host's" ? host : text;
  return names
    .split(/[ ,]+/)
    .reduce((bits, name) => bits | (1n << BigInt(CAPABILITIES[name as keyof typeof CAPABILITIES])), 0n);
};

const field = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)![1]!;

/** All threads of the process are as the row says. */
function agrees(pid: number, name: string): void {
  const rows = table();
  const row = rows.get(name)!;
  assert.ok(row, name);
  const host = rows.get('host')!.capabilities;
  const tasks = readdirSync(`/proc/${pid}/task`);
  for (const task of tasks) {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'latin1');
    const what = `${name}, ${field(status, 'Name')}`;
    const [uid, ...other] = field(status, 'Uid').split('\t').map(Number);
    assert.ok(row.users.includes(uid!), `${what}: user ${uid}`);
    assert.ok(
      other.every((id) => id === uid),
      `${what}: ${other}`,
    );
    for (const set of ['CapPrm', 'CapEff'])
      assert.is(BigInt(`0x${field(status, set)}`), maskOf(row.capabilities, host), `${what}: ${set}`);
    for (const set of ['CapInh', 'CapAmb'])
      assert.is(BigInt(`0x${field(status, set)}`), 0n, `${what}: ${set}`);
    if (row.bounding !== 'any')
      assert.is(BigInt(`0x${field(status, 'CapBnd')}`), maskOf(row.bounding, host), `${what}: CapBnd`);
    assert.is(field(status, 'NoNewPrivs'), row.noNewPrivs === 'yes' ? '1' : '0', `${what}: NoNewPrivs`);
    assert.is(field(status, 'Seccomp'), row.seccomp === 'yes' ? '2' : '0', `${what}: Seccomp`);
  }
}

/** Children of a process whose command line contains the text. */
function childrenOf(parent: number, text: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'latin1');
        return (
          Number(field(status, 'PPid')) === parent &&
          readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text) &&
          field(status, 'Name') !== 'ip'
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

let host: Host;
let controller: LoopbackController;
test.before(async () => {
  const [port] = await freePorts(1);
  const agents = `127.0.0.1:${port}`;
  host = new Host();
  controller = new LoopbackController();
  const networks = [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'], probeAddress: '10.1.0.250' }];
  const templates = ['root', 'nobody'].map((user, i) => ({
    name: host.netns(user),
    network: 'app',
    group: user,
    port: 8080,
    addresses: `10.1.0.${128 + 32 * i}/27`,
    command: [process.execPath, SERVER, '--name', user],
    stopTimeout: '1s',
    user,
  }));
  const groups = ['root', 'nobody'].map((name, i) => ({
    name,
    network: 'app',
    vip: `10.1.0.${100 + i}`,
    health: { kind: 'http', interval: '200ms', timeout: '200ms' },
    members: [],
  }));
  const ports = [{ name: 'c1', network: 'app', netns: host.netns('c1'), addresses: ['10.1.0.11/24'] }];
  controller.configure({ host: 'c0', listen: { agents }, networks, groups, templates } as never);
  await controller.launch();
  await host.up({ host: 'h1', controllers: [agents], networks, ports, groups: [], templates } as never);
});
test.after(async () => {
  await controller?.sluice('down');
  host?.close();
  controller?.close();
});

const status = async (): Promise<Status> =>
  JSON.parse((await host.sluice('status', '-o', 'json')).stdout) as Status;

test('a host, its prober, and commands of VMs', async () => {
  for (const group of ['root', 'nobody']) {
    const scaled = await controller.sluice('scale', group, '1');
    assert.is(scaled.status, 0, scaled.stderr);
  }
  const { pid } = await status();
  let prober = 0;
  await until('a prober that has given up its privileges', () => {
    prober = childrenOf(pid, 'prober-main')[0] ?? 0;
    return prober !== 0 && field(readFileSync(`/proc/${prober}/status`, 'latin1'), 'Seccomp') === '2';
  });
  await until('both VMs', () => childrenOf(pid, SERVER).length === 2);
  agrees(pid, 'host');
  agrees(prober, 'prober');
  const vms = childrenOf(pid, SERVER);
  const ofNobody = vms.filter(
    (vm) => Number(field(readFileSync(`/proc/${vm}/status`, 'latin1'), 'Uid').split('\t')[0]) === NOBODY,
  );
  assert.is(ofNobody.length, 1);
  for (const vm of vms)
    agrees(vm, ofNobody.includes(vm) ? 'command of a VM, `user: nobody`' : 'command of a VM');
});

test('a controller', async () => {
  const { pid } = await controller.controllerStatus();
  agrees(pid, 'controller');
  assert.is(statSync(controller.runDir).mode & 0o777, 0o700);
  assert.ok(table().get('controller')!.users.includes(statSync(controller.runDir).uid));
});

test('it takes a changed configuration that its user may read, and says so if not', async () => {
  const text = readFileSync(controller.configFile, 'utf8');
  writeFileSync(controller.configFile, text.replace('10.1.0.100', '10.1.0.99'));
  const reloaded = await controller.sluice('reload', '-c', controller.configFile);
  assert.is(reloaded.status, 0, reloaded.stderr);
  const hidden = `/run/${controller.name}-hidden`;
  mkdirSync(hidden, { mode: 0o700 });
  try {
    writeFileSync(join(hidden, 'config.yaml'), text);
    const refused = await controller.sluice('reload', '-c', join(hidden, 'config.yaml'));
    assert.is(refused.status, 2);
    assert.match(refused.stderr, /may not read/);
  } finally {
    rmSync(hidden, { recursive: true });
  }
});

test('a host that replaces it has the same, and goes on', async () => {
  const before = (await status()).pid;
  const replaced = await host.sluice('up', '-c', host.configFile, '--detach', '--replace');
  assert.is(replaced.status, 0, replaced.stderr);
  const { pid } = await status();
  assert.is.not(pid, before);
  agrees(pid, 'host');
});

test('a controller of root from before is followed by one of its own user, with its store', async () => {
  await controller.sluice('down');
  rmSync(controller.runDir, { recursive: true, force: true });
  const own = readFileSync(controller.configFile, 'utf8');
  writeFileSync(controller.configFile, `${own}user: root\n`);
  await controller.launch();
  assert.is(statSync(join(controller.runDir, 'store')).uid, 0);
  const { pid } = await controller.controllerStatus();
  assert.is(field(readFileSync(`/proc/${pid}/status`, 'latin1'), 'NoNewPrivs'), '1');
  process.kill(pid, 'SIGKILL');
  writeFileSync(controller.configFile, own);
  await controller.launch();
  agrees((await controller.controllerStatus()).pid, 'controller');
  assert.ok(
    table()
      .get('controller')!
      .users.includes(statSync(join(controller.runDir, 'store')).uid),
  );
});

test.run();
