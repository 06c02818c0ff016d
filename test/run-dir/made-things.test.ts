import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTap } from '../../src/io/devices/tap.ts';
import { namespaceExists, namespacePath } from '../../src/native/network/netns.ts';
import { MadeThings } from '../../src/run-dir/made-things.ts';
import { RunDir } from '../../src/run-dir/run-dir.ts';

const test = suite('process state');

const NETNS = `slstate${process.pid}`;
const [OWN, OTHER] = [`${NETNS}-own`, `${NETNS}-other`];

const ip = (...args: string[]): void => {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
};

let runDir: RunDir;
test.before.each(() => {
  runDir = new RunDir(mkdtempSync(join(tmpdir(), 'sluice-state-')));
});
test.after.each(() => {
  for (const name of [OWN, OTHER]) if (namespaceExists(name)) ip('netns', 'del', name);
  rmSync(runDir.path, { recursive: true, force: true });
});

test('what was made is known to whoever loads it next, and cleared', () => {
  const file = runDir.apiSocket;
  const state = MadeThings.load(runDir);
  assert.ok(state.isEmpty);
  assert.ok(state.ensureNamespace(OWN));
  state.addFile(file);
  writeFileSync(file, '');

  const next = MadeThings.load(runDir);
  assert.not.ok(next.isEmpty);
  assert.equal(next.clear(), []);
  assert.not.ok(namespaceExists(OWN));
  assert.not.ok(existsSync(file));
  assert.not.ok(existsSync(runDir.stateFile));
});

test("a namespace that was there is not ours, and isn't removed", () => {
  ip('netns', 'add', OTHER);
  const state = MadeThings.load(runDir);
  assert.not.ok(state.ensureNamespace(OTHER));
  assert.equal(state.clear(), []);
  assert.ok(namespaceExists(OTHER));
});

test('a namespace that somebody has removed and made again is theirs', () => {
  const state = MadeThings.load(runDir);
  state.ensureNamespace(OWN);
  ip('netns', 'del', OWN);
  ip('netns', 'add', OWN);
  assert.equal(MadeThings.load(runDir).clear(), []);
  assert.ok(namespaceExists(OWN));
});

test('a namespace that somebody has removed is no problem', () => {
  const state = MadeThings.load(runDir);
  state.ensureNamespace(OWN);
  ip('netns', 'del', OWN);
  assert.equal(state.clear(), []);
});

test('namespaces that are wanted again are kept, and stay ours', () => {
  const state = MadeThings.load(runDir);
  state.ensureNamespace(OWN);
  state.ensureNamespace(OTHER);
  assert.equal(state.removeNamespacesExcept(new Set([OWN])), []);
  assert.ok(namespaceExists(OWN));
  assert.not.ok(namespaceExists(OTHER));
  assert.equal(MadeThings.load(runDir).clear(), []);
  assert.not.ok(namespaceExists(OWN));
});

test('a namespace that was about to be made when its maker was killed is cleared up', () => {
  writeFileSync(runDir.stateFile, JSON.stringify({ namespaces: [{ name: OWN, identity: null }], files: [] }));
  ip('netns', 'add', OWN);
  assert.equal(MadeThings.load(runDir).removeNamespacesExcept(new Set([OWN])), []);
  assert.not.ok(namespaceExists(OWN), 'its loopback may not be up, so it is made anew even if it is wanted');
});

test('the empty file that is left of one whose making was cut short is removed too', () => {
  const state = { namespaces: [{ name: OWN, identity: null }], files: [] };
  writeFileSync(runDir.stateFile, JSON.stringify(state));
  writeFileSync(namespacePath(OWN), '');
  assert.equal(MadeThings.load(runDir).clear(), []);
  assert.not.ok(existsSync(namespacePath(OWN)));
});

test('one that cannot be made is forgotten', () => {
  const state = MadeThings.load(runDir);
  assert.throws(() => state.ensureNamespace('no/such'));
  assert.throws(() => state.ensureNamespace('bad name'), /network namespace "bad name"/);
  assert.ok(MadeThings.load(runDir).isEmpty);
});

test('a file of another kind is not taken for one of ours', () => {
  for (const text of ['{"namespaces":["a"]}', '[1]', '{"namespaces":[],']) {
    writeFileSync(runDir.stateFile, text);
    assert.throws(() => MadeThings.load(runDir), /state\.json: found ".*, expected the namespaces and files/);
    assert.is(readFileSync(runDir.stateFile, 'utf8'), text);
  }
});

test('a file without content, as a power failure leaves it, is set aside', () => {
  for (const text of ['', '\n', '\0\0\0\0']) {
    writeFileSync(runDir.stateFile, text);
    const warnings: string[] = [];
    assert.ok(MadeThings.load(runDir, undefined, (warning) => warnings.push(warning)).isEmpty);
    assert.match(warnings.join(), /state\.json is empty: set aside as .*state\.json\.empty/);
    assert.not.ok(existsSync(runDir.stateFile));
  }
});

test('a list that another user can have written is refused', () => {
  const victim = join(runDir.path, 'victim');
  mkdirSync(victim);
  const text = JSON.stringify({ namespaces: [], files: [], directories: [victim] });
  writeFileSync(runDir.stateFile, text);
  chownSync(runDir.stateFile, 65_534, 65_534);
  assert.throws(() => MadeThings.load(runDir), /state\.json: found user 65534 as its owner/);
  chownSync(runDir.stateFile, 0, 0);
  chmodSync(runDir.stateFile, 0o622);
  assert.throws(() => MadeThings.load(runDir), /state\.json: found mode 0622/);
});

test('every file that a host notes is its own, and goes', () => {
  const files = [runDir.apiSocket, runDir.tablesFile, runDir.numbersFile, runDir.totalsFile];
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, '', { mode: 0o600 });
  }
  writeFileSync(runDir.stateFile, JSON.stringify({ namespaces: [], files, directories: [] }), {
    mode: 0o600,
  });
  const warnings: string[] = [];
  MadeThings.load(runDir, undefined, (warning) => warnings.push(warning)).clear();
  assert.equal(warnings, []);
  for (const file of files) assert.not.ok(existsSync(file), file);
});

test('what Sluice does not make is not removed, whatever the list says', () => {
  const victims = [join(runDir.path, 'victim'), join(runDir.storeDir, '..', 'other'), runDir.path];
  for (const path of victims) mkdirSync(path, { recursive: true });
  mkdirSync(runDir.storeDir);
  writeFileSync(
    runDir.stateFile,
    JSON.stringify({ namespaces: [], files: ['/etc/passwd'], directories: [...victims, runDir.storeDir] }),
  );
  const warnings: string[] = [];
  assert.equal(MadeThings.load(runDir, undefined, (warning) => warnings.push(warning)).clear(), []);
  for (const path of [...victims, '/etc/passwd']) assert.ok(existsSync(path), path);
  assert.not.ok(existsSync(runDir.storeDir));
  assert.is(warnings.length, 4);
  assert.match(warnings[0]!, /found "\/etc\/passwd", which Sluice does not make; it is left alone/);
});

const TAP = { netns: OWN, interfaceName: 'eth0', addresses: ['10.9.0.1/24'], gateways: [] };
const TAP_TOO = { ...TAP, interfaceName: 'eth1', addresses: [], mtu: undefined };
const interfaces = (): string => {
  const { stdout } = spawnSync('ip', ['-n', OWN, '-brief', 'link'], { encoding: 'utf8' });
  return stdout.match(/^eth\d/gm)?.join(' ') ?? '';
};

test('TAPs that are noted outlive their process, and the next one takes over what it wants as it is', () => {
  const state = MadeThings.load(runDir);
  state.ensureNamespace(OWN);
  for (const request of [TAP, TAP_TOO]) {
    const tap = createTap(request);
    state.keepTap(request, tap);
    tap.release();
  }
  const next = MadeThings.load(runDir);
  assert.is(next.takeOverTap({ ...TAP, addresses: ['10.9.0.2/24'] }), undefined, 'made for something else');
  const taken = next.takeOverTap(TAP_TOO)!;
  assert.is(taken.interfaceName, 'eth1');
  // As it is now after a change of its addresses.
  next.keepTap({ ...TAP_TOO, addresses: ['10.9.0.3/24'] }, taken);
  taken.release();
  assert.is(next.takeOverTap(TAP_TOO), undefined);
  assert.equal(next.removeLeftovers([{ ...TAP_TOO, addresses: ['10.9.0.3/24'] }]), []);
  assert.is(interfaces(), 'eth1');
  next.takeOverTap({ ...TAP_TOO, addresses: ['10.9.0.3/24'] })!.close();
  assert.is(interfaces(), '');
});

test('TAPs in namespaces of others are cleared, the namespaces are not', () => {
  ip('netns', 'add', OTHER);
  const state = MadeThings.load(runDir);
  const request = { ...TAP, netns: OTHER };
  const tap = createTap(request);
  state.keepTap(request, tap);
  tap.release();
  assert.not.ok(state.isEmpty);
  assert.equal(MadeThings.load(runDir).clear(), []);
  assert.ok(namespaceExists(OTHER));
  const { stdout } = spawnSync('ip', ['-n', OTHER, '-brief', 'link'], { encoding: 'utf8' });
  assert.not.match(stdout, /eth0/);
});

test('a TAP that is closed is forgotten', () => {
  const state = MadeThings.load(runDir);
  state.ensureNamespace(OWN);
  const tap = createTap(TAP);
  state.keepTap(TAP, tap);
  tap.close();
  state.forgetTap(tap);
  assert.is(MadeThings.load(runDir).takeOverTap(TAP), undefined);
});

test.run();
