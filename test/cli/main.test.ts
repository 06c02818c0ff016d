// Every case is a process of its own.
// timeout: 300s
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as os from 'node:os';
import * as path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { sluice } from './run-sluice.ts';

const EXAMPLE = 'test/config/contract-example.yaml';
const PROBLEMS = 'test/config/problems.yaml';
const repositoryFile = (name: string): string =>
  fs.readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');

const usage = suite('usage');

usage('help explains the signals to a running process', async () => {
  assert.match((await sluice(['--help'])).stdout, /SIGHUP reloads the configuration file/);
});

usage('version and help: exit 0, on stdout', async () => {
  const { version } = JSON.parse(repositoryFile('package.json'));
  assert.equal(await sluice(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  for (const args of [['--help'], ['help', 'member'], ['member', 'drain', '--help']]) {
    const { code, stdout, stderr } = await sluice(args);
    assert.equal([code, stderr], [0, ''], args.join(' '));
    assert.match(stdout, /^Usage: sluice /);
    assert.match(stdout, /--run-dir <dir>[^-]*\(default:\s+"\/run\/sluice",\s+env:\s+SLUICE_RUN_DIR\)/);
  }
});

const wrongUsage: [args: string[], message: RegExp][] = [
  [[], /^Usage: sluice/],
  [['member'], /^Usage: sluice member/],
  [['stauts'], /unknown command 'stauts'\n\(Did you mean .*status/],
  [['status', '--colour'], /unknown option '--colour'/],
  [['status', 'now'], /too many arguments/],
  [['status', '-o', 'xml'], /argument 'xml' is invalid\. Allowed choices are table, wide, json, yaml/],
  [['up'], /required option '-c, --config <file>' not specified/],
  [['reload'], /required option '-c, --config <file>' not specified/],
  [['replay', '-c', EXAMPLE], /required option '--pcap <in>' not specified/],
  [['replay', '-c', EXAMPLE, '--pcap', 'in.pcap'], /expected -w, --explain or both/],
  [['group', 'show'], /missing required argument 'group'/],
  [['member', 'add', 'api', 'app3', '10.1.0.300'], /Expected ADDRESS, ADDRESS:PORT or \[IPV6\]:PORT/],
  [['member', 'add', 'api', 'app3', '10.1.0.3', '--mac', '1:2'], /Expected a MAC address such as/],
  [['member', 'add', 'api', 'app3', '10.1.0.3', '--weight', '70000'], /Expected an integer from 0 to 65535/],
  [['member', 'weight', 'api', 'app3', 'heavy'], /Expected an integer from 0 to 65535/],
  [
    ['member', 'drain', 'api', 'app3', '--deadline', '5'],
    /Expected a duration with its unit, such as 90s or 5m/,
  ],
  [['flows', '--limit', '0'], /Expected an integer from 1 on/],
  [['stats', '--by', 'vm'], /Allowed choices are group, member, load-balancer, port/],
];
for (const [args, message] of wrongUsage) {
  usage(`wrong: sluice ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await sluice(args);
    assert.equal([code, stdout], [2, '']);
    assert.match(stderr, message);
  });
}

usage.run();

const config = suite('config');

config('check: a good file', async () => {
  const text = { code: 0, stdout: `${EXAMPLE}: ok, 1 network, 1 port, 2 groups\n`, stderr: '' };
  assert.equal(await sluice(['config', 'check', '-c', EXAMPLE]), text);
  const json = await sluice(['config', 'check', '-c', EXAMPLE, '-o', 'json']);
  assert.equal(
    [json.code, JSON.parse(json.stdout)],
    [0, { file: EXAMPLE, ok: true, problems: [], warnings: [] }],
  );
});

config('check: every problem on stdout, how many on stderr, exit 2', async () => {
  const { code, stdout, stderr } = await sluice(['config', 'check', '-c', PROBLEMS]);
  assert.is(code, 2);
  assert.fixture(stdout.replaceAll(PROBLEMS, 'problems.yaml'), repositoryFile('test/config/problems.txt'));
  assert.is(stderr, `sluice: ${PROBLEMS}: 28 problems\n`);
});

config('check: the same as JSON and YAML, the format given before or after the command', async () => {
  const json = await sluice(['-o', 'json', 'config', 'check', '-c', PROBLEMS]);
  const yaml = await sluice(['config', 'check', '-c', PROBLEMS, '-o', 'yaml']);
  assert.equal([json.code, yaml.code], [2, 2]);
  const result = JSON.parse(json.stdout);
  assert.equal(parse(yaml.stdout), result);
  assert.equal([result.file, result.ok, result.problems.length], [PROBLEMS, false, 28]);
  assert.equal(result.problems[0], {
    path: 'datapath.engine',
    line: 3,
    found: '"dpdk"',
    expected: 'one of auto, uring, syscall',
  });
});

config('check: problems of this machine are counted, and --offline skips them', async () => {
  const file = 'examples/several-hosts/h2.yaml';
  const { code, stderr } = await sluice(['config', 'check', '-c', file]);
  assert.is(code, 2);
  assert.match(stderr, /^sluice: \S+: (\d+) problems, \1 of this machine, which --offline skips\n$/);
  const offline = await sluice(['config', 'check', '--offline', '-c', file]);
  assert.equal([offline.code, offline.stderr], [0, '']);
});

config('check: a file that is not there', async () => {
  const { code, stdout } = await sluice(['config', 'check', '-c', 'nowhere.yaml']);
  assert.equal([code, stdout], [2, 'nowhere.yaml: found no such file, expected a readable file\n']);
});

config('schema: JSON, or YAML when asked', async () => {
  const json = await sluice(['config', 'schema']);
  const schema = JSON.parse(json.stdout);
  assert.equal([json.code, json.stderr, schema.title], [0, '', 'Sluice configuration']);
  assert.equal(parse((await sluice(['config', 'schema', '-o', 'yaml'])).stdout), schema);
});

config('reload: the problems of the file come before the host is asked', async () => {
  const { code, stdout, stderr } = await sluice(['reload', '-c', PROBLEMS, '--run-dir', '/nonexistent']);
  assert.equal([code, stdout], [2, '']);
  assert.match(
    stderr,
    `${PROBLEMS}:3: datapath.engine: found "dpdk", expected one of auto, uring, syscall\n`,
  );
});

config('a reader that leaves early is no error', async () => {
  const main = new URL('../../src/cli/main.js', import.meta.url).pathname;
  const shell = spawn('/bin/bash', [
    '-c',
    `set -o pipefail; "$0" "$1" config schema | head -c 1`,
    process.execPath,
    main,
  ]);
  let stderr = '';
  shell.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve) => shell.on('close', resolve));
  assert.equal([code, stderr], [0, '']);
});

config('nor is one of messages: the exit code stays what it is', async () => {
  const main = new URL('../../src/cli/main.js', import.meta.url).pathname;
  for (const [args, expected] of [
    [[], 2],
    [['status', '--run-dir', '/nonexistent'], 1],
  ] as const) {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    child.stderr.destroy();
    assert.is(await new Promise((resolve) => child.on('exit', resolve)), expected, args.join(' '));
  }
});

config.run();

const noHost = suite('no host');
const runDir = fs.mkdtempSync(path.join(os.tmpdir(), `sluice-cli-${process.pid}-`));

noHost.after(() => fs.rmSync(runDir, { recursive: true }));

const needHost = [
  ['status'],
  ['port', 'list'],
  ['group', 'list'],
  ['group', 'show', 'api'],
  ['rule', 'list', '--port', 'web1'],
  ['member', 'add', 'api', 'app3', '10.1.0.23:8080', '--weight', '2', '--mac', '02:00:00:00:00:01'],
  ['member', 'weight', 'api', 'app3', '0'],
  ['member', 'drain', 'api', 'app3', '--deadline', '5m'],
  ['member', 'fail', 'api', 'app3'],
  ['member', 'remove', 'api', 'app3'],
  ['flows', '--port', 'web1', '--group', 'api', '--member', 'app3', '--limit', '10'],
  ['stats', '--by', 'member'],
  ['reload', '-c', EXAMPLE],
  ['agent', 'list'],
  ['group', 'watch', 'api'],
  ['policy', 'show', 'api'],
  ['policy', 'set', 'api', 'inverse-load', 'spread=3'],
  ['scale', 'api', '3'],
  ['vm', 'list'],
];
for (const args of needHost) {
  noHost(`sluice ${args.join(' ')}`, async () => {
    const start = '`sluice up -c FILE`, or a controller with `sluice controller -c FILE`';
    const message = `sluice: no Sluice host or controller runs at ${runDir}; start a host with ${start}\n`;
    assert.equal(await sluice([...args, '--run-dir', runDir]), { code: 1, stdout: '', stderr: message });
  });
}

noHost('the run directory by environment, and the option before it', async () => {
  const env = { SLUICE_RUN_DIR: '/nonexistent/env' };
  assert.match(
    (await sluice(['status'], env)).stderr,
    'no Sluice host or controller runs at /nonexistent/env;',
  );
  assert.match(
    (await sluice(['status', '--run-dir', '/x'], env)).stderr,
    'no Sluice host or controller runs at /x;',
  );
});

noHost('a socket that a killed host left behind', async () => {
  const socket = path.join(runDir, 'api.sock');
  const listen = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', listen]).on('close', resolve));
  assert.ok(fs.existsSync(socket));
  const { code, stderr } = await sluice(['status', '--run-dir', runDir]);
  assert.is(code, 1);
  assert.match(stderr, `no Sluice host or controller runs at ${runDir};`);
});

noHost.run();

const terminal = suite('terminal');

terminal('a table fits the terminal; wide, JSON and pipes have all columns', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), `sluice-cli-${process.pid}-`));
  const groups = [{ group: 'api', vip: ['10.1.0.100', 'fd00:1::100'], algorithm: 'weighted-round-robin' }];
  const server = http.createServer((_request, response) => response.end(JSON.stringify(groups)));
  await new Promise<void>((resolve) => server.listen(path.join(directory, 'api.sock'), resolve));
  try {
    const main = new URL('../../src/cli/main.js', import.meta.url).pathname;
    const onTerminal = (format: string): Promise<string> =>
      new Promise((resolve) => {
        const command = `stty cols 80; '${process.execPath}' '${main}' group list -o ${format} --run-dir '${directory}'`;
        const child = spawn('script', ['-qec', command, '/dev/null'], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let text = '';
        child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        child.on('close', () => resolve(text.replaceAll('\r', '')));
      });
    const piped = await sluice(['group', 'list', '--run-dir', directory]);
    const [table, wide, json] = await Promise.all(['table', 'wide', 'json'].map(onTerminal));
    const [header] = table!.split('\n');
    assert.ok(header!.length <= 80, header);
    assert.match(table, /hidden: .*REWRITE.*-o wide shows all columns/);
    assert.equal([wide, JSON.parse(json!)], [piped.stdout, groups]);
    assert.match(piped.stdout, /REWRITE/);
  } finally {
    server.close();
    fs.rmSync(directory, { recursive: true });
  }
});

terminal.run();
