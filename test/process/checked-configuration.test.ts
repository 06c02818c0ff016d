/** `config check`, `up`, `controller` and `reload` accept the same files: one set of checks, which asks the machine too. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeCertificates, parseHolders } from '../../src/cli/development-ca.ts';
import { ConfigError, formatProblem } from '../../src/config/problems/problems.ts';
import { interfaceName, netnsName } from '../../src/config/schema/schema-types.ts';
import { checkNamespaceName } from '../../src/io/devices/namespace.ts';
import { checkInterfaceName } from '../../src/native/network/interface-name.ts';
import { type CheckScope, checkedConfiguration } from '../../src/process/checked-configuration.ts';
import { controllerUp } from '../../src/process/controller-up.ts';
import { up } from '../../src/process/up.ts';
import { RunDir } from '../../src/run-dir/run-dir.ts';
import { quietly } from '../support/host-processes.ts';
import { check } from '../support/seed.ts';
import { addVethPair } from '../support/veth.ts';

const test = suite('checks before anything is made');

const directory = mkdtempSync(join(tmpdir(), 'sluice-checks-'));
const configPath = join(directory, 'sluice.yaml');
const runDir = join(directory, 'run');
const [near, far] = [`sk${process.pid % 100_000}a`, `sk${process.pid % 100_000}b`];

test.before(async () => {
  addVethPair(near, far);
  await makeCertificates(directory, parseHolders('h1', 'controllers'));
});
test.after(() => {
  execFileSync('ip', ['link', 'del', near]);
  rmSync(directory, { recursive: true });
});

const NETWORKS = [
  { name: 'app', vni: 1, subnets: ['10.1.0.0/24'] },
  { name: 'big', vni: 2, mtu: 9_000 },
];
const TLS = { ca: 'ca.pem', cert: 'h1.pem', key: 'h1.key' };

function write(more: object): void {
  writeFileSync(configPath, JSON.stringify({ host: 'h1', networks: NETWORKS, ...more }, null, 1));
}

function problems(more: object, scope: CheckScope = 'this machine'): string[] {
  write(more);
  try {
    checkedConfiguration(configPath, scope);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ line, ...problem }) => {
      if (problem.path !== '') assert.ok(line !== undefined && line > 1, `${problem.path} has its line`);
      return formatProblem('', problem).slice(2);
    });
  }
}

const uplink = (device: string, network = 'app') => ({
  uplinks: [{ name: 'up0', interface: device, networks: [network] }],
});

/** What each file asks of the machine, and what is told where it has not got it. */
const wants: [what: string, more: object, expected: RegExp[]][] = [
  ['an uplink that is there', uplink(near), []],
  [
    'an uplink that is not',
    uplink('no-such-if0'),
    [
      /^uplinks\[0\]\.interface: found no interface no-such-if0, expected one that exists in this network namespace$/,
    ],
  ],
  [
    'an uplink that carries less than its network',
    uplink(near, 'big'),
    [
      /^uplinks\[0\]\.interface: found MTU 1500 on interface \S+, expected at least 9000, that of network big$/,
    ],
  ],
  ['TLS files beside the configuration', { tls: TLS }, []],
  [
    'TLS files that are not there',
    { tls: { ...TLS, cert: 'none.pem' } },
    [/^tls\.cert: found no such file \(\/.*\/none\.pem\), expected a readable file$/],
  ],
  [
    'TLS files that do not fit each other',
    { tls: { ...TLS, key: 'ca.key' } },
    [/^tls\.key: found the key of another certificate \(.*\), expected the key of \/.*\/h1\.pem$/],
  ],
  [
    'a certificate that may not be what the file makes of it',
    { tls: TLS, controllers: ['192.0.2.1:7400'] },
    [
      /^tls\.cert: found a certificate of h1 with the role controller \(.*\), expected the role host: sluice tls init/,
    ],
  ],
  [
    'the TLS files of a store',
    { store: { kind: 'etcd', endpoints: ['192.0.2.1:2379'], tls: { ca: 'h1.key' } } },
    [/^store\.tls\.ca: found none \(\/.*\/h1\.key\), expected a certificate in PEM form$/],
  ],
  [
    'a directory for the store that is a file',
    { store: { kind: 'file', dir: 'sluice.yaml' } },
    [
      /^store\.dir: found "sluice\.yaml", which is not a directory, expected a directory, or a path where one can be created$/,
    ],
  ],
  [
    'listeners at addresses of its own',
    { listen: { agents: '0.0.0.0:7400', http: '127.0.0.1:7480' }, tls: TLS },
    [],
  ],
  [
    'a listener at an address of another machine',
    { listen: { agents: '192.0.2.77:7400' }, tls: TLS },
    [/^listen\.agents: found "192\.0\.2\.77:7400", an address that this machine does not have, expected /],
  ],
  [
    'a user that is not known, for a template that may run here',
    {
      templates: ['h1', 'h2'].map((host) => ({
        name: `t-${host}`,
        network: 'app',
        command: 'true',
        addresses: '10.1.0.128/25',
        user: 'nobody-of-this-name',
        hosts: [host],
      })),
    },
    [
      /^templates\[0\]\.user: found "nobody-of-this-name", a user that does not exist on this machine, expected a user in/,
    ],
  ],
];
for (const [what, more, expected] of wants) {
  test(`${what}: ${expected.length === 0 ? 'fits' : 'told with its line, unless offline'}`, () => {
    const found = problems(more);
    assert.is(found.length, expected.length, found.join('\n'));
    for (const [i, pattern] of expected.entries()) assert.match(found[i]!, pattern);
    assert.equal(problems(more, 'offline'), []);
  });
}

test('the port of a listener is in use', async () => {
  for (const [bound, asked] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['127.0.0.1', '0.0.0.0'],
    ['::', '0.0.0.0'],
    ['::', '[::1]'],
  ] as const) {
    const server = createServer().listen(0, bound);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const listen = `${asked}:${port}`;
    const busy = `listen.http: found "${listen}", a port that is in use, expected a free port`;
    assert.equal(problems({ listen: { http: listen }, tls: TLS }), [busy], `${bound} ${asked}`);
    assert.equal(problems({ listen: { http: listen }, tls: TLS }, 'offline'), []);
    // It is no problem if the process of the run directory is the one that listens.
    const own = new RunDir(runDir);
    own.create();
    const lock = await own.acquire();
    write({ listen: { http: listen }, tls: TLS });
    assert.is(checkedConfiguration(configPath, 'this machine', own).listen?.http, listen);
    lock.release();
    own.removeIfEmpty();
    server.close();
    await once(server, 'close');
    assert.equal(problems({ listen: { http: listen }, tls: TLS }), []);
  }
});

test('the interface of a VM is there already, in a namespace that is; a TAP of the own process is none of these', () => {
  const netns = `sk${process.pid}n`;
  const port = { name: 'vm', network: 'app', netns, addresses: ['10.1.0.11/24'] };
  assert.equal(problems({ ports: [port] }), [], 'no namespace yet');
  execFileSync('ip', ['netns', 'add', netns]);
  try {
    assert.equal(problems({ ports: [port] }), []);
    execFileSync('ip', ['-n', netns, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'lan0']);
    const taken = (key: string, name: string): string =>
      `ports[0].${key}: found interface ${name} in namespace ${netns}, which already exists, expected a free name`;
    assert.equal(problems({ ports: [port] }), [taken('netns', 'eth0')]);
    assert.equal(problems({ ports: [{ ...port, interface: 'lan0' }] }), [taken('interface', 'lan0')]);
    assert.equal(problems({ ports: [{ ...port, interface: 'lan1' }] }), []);
    assert.equal(problems({ ports: [port] }, 'offline'), []);

    const own = new RunDir(runDir);
    own.create();
    const [link] = JSON.parse(
      execFileSync('ip', ['-n', netns, '-j', 'link', 'show', 'eth0'], { encoding: 'utf8' }),
    );
    const stateOf = (index: number) => ({
      namespaces: [],
      taps: [{ request: { netns, interfaceName: 'eth0', addresses: [], gateways: [] }, index, fd: 9 }],
      files: [],
      directories: [],
    });
    const accepts = (index: number): boolean => {
      writeFileSync(own.stateFile, JSON.stringify(stateOf(index)), { mode: 0o600 });
      write({ ports: [port] });
      try {
        return checkedConfiguration(configPath, 'this machine', own).ports.length === 1;
      } catch {
        return false;
      }
    };
    assert.is(accepts(link.ifindex), true);
    assert.is(accepts(link.ifindex + 1), false, 'another one under the same name');
    rmSync(runDir, { recursive: true });
  } finally {
    execFileSync('ip', ['netns', 'del', netns]);
  }
});

test('an interface that is down', () => {
  execFileSync('ip', ['link', 'set', near, 'down']);
  try {
    const found = `found interface ${near} down, expected it to be up (ip link set ${near} up)`;
    assert.equal(problems(uplink(near)), [`uplinks[0].interface: ${found}`]);
  } finally {
    execFileSync('ip', ['link', 'set', near, 'up']);
  }
});

test('an address of another machine may be listened at where the kernel allows that', () => {
  const setting = '/proc/sys/net/ipv4/ip_nonlocal_bind';
  const before = readFileSync(setting, 'utf8');
  writeFileSync(setting, '1');
  try {
    assert.equal(problems({ listen: { agents: '192.0.2.77:7400' }, tls: TLS }), []);
  } finally {
    writeFileSync(setting, before);
  }
});

test('problems of the file and of the machine are told together, in the order of the file', () => {
  const [first, second] = problems({
    ...uplink('no-such-if0'),
    groups: [{ name: 'g', network: 'app', vip: '10.1.0.0', members: [] }],
  });
  assert.match(first!, /^uplinks/);
  assert.match(second!, /^groups\[0\]\.vip: found "10\.1\.0\.0", the network address/);
});

test('more than the tables of a host have room for is told before it is tried', () => {
  const ports = Array.from({ length: 600 }, (_, i) => ({ name: `p${i}`, network: 'app', netns: `n${i}` }));
  for (const scope of ['this machine', 'offline'] as const) {
    const [problem] = problems({ ports }, scope);
    assert.match(
      problem!,
      /ports: found 511 in use, expected at most 511, expected a configuration that fits/,
    );
  }
});

test('up and controller refuse it in the same words: 2, and no trace is left', async () => {
  const listen = { agents: '127.0.0.1:1' };
  write({ ...uplink('no-such-if0'), tls: { ...TLS, ca: 'none.pem' }, listen });
  const options = { configPath, runDir, replace: false };
  for (const detach of [true, false]) {
    for (const start of detach ? [up, controllerUp] : [controllerUp]) {
      const { result, stderr } = await quietly(() => start({ ...options, detach }));
      assert.is(result, 2, stderr);
      assert.match(stderr, /sluice\.yaml:\d+: uplinks\[0\]\.interface: found no interface no-such-if0/);
      assert.match(stderr, /sluice\.yaml:\d+: tls\.ca: found no such file/);
      assert.not.ok(existsSync(runDir), 'no run directory');
    }
  }
});

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, name: string): boolean =>
  schema.safeParse(name).success;
const takes = (checkName: (name: string) => void, name: string): boolean => {
  try {
    checkName(name);
    return true;
  } catch {
    return false;
  }
};

test('the names that a file may have are those that interfaces and namespaces can have', () => {
  const character = fc.constantFrom(...'aZ0._-@:+%/ \t\u007fäé\u0000~!"#,;'.split(''));
  const names = fc.oneof(
    fc.array(character, { maxLength: 18 }).map((all) => all.join('')),
    fc.constantFrom('.', '..', '', 'eth0', 'x'.repeat(15), 'x'.repeat(16), 'x'.repeat(128), 'x'.repeat(129)),
  );
  check(
    fc.property(names, (name) => {
      assert.is(
        accepts(interfaceName, name),
        takes(checkInterfaceName, name),
        `interface ${JSON.stringify(name)}`,
      );
      assert.is(
        accepts(netnsName, name),
        takes(checkNamespaceName, name),
        `namespace ${JSON.stringify(name)}`,
      );
    }),
    2_000,
  );
});

test.run();
