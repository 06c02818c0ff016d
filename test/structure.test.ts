import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bannedImports,
  cycles,
  directionProblems,
  folderCycles,
  foldersWithoutPurpose,
  fullFolders,
  importsOf,
  leftOutTests,
  longFiles,
  longParameterLists,
  MAX_FILES,
  MAX_LINES,
  MAX_PARAMETERS,
  missingFromLock,
  ownClocks,
  ROOMS,
  type SourceTree,
} from './structure.ts';

const checkout = resolve(import.meta.dirname, '../..');

function treeOf(directories: string[], pattern: RegExp): SourceTree {
  const tree = new Map<string, string>();
  for (const directory of directories) {
    for (const entry of readdirSync(join(checkout, directory), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !pattern.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      tree.set(path.slice(checkout.length + 1), readFileSync(path, 'utf8'));
    }
  }
  return tree;
}

const source = treeOf(['src'], /\.ts$/);
const everything = treeOf(['src', 'test', 'scripts'], /(\.(ts|mjs|cjs|sh)|^[^.]+)$/);

const tree = (files: Record<string, string>): SourceTree => new Map(Object.entries(files));

// The rules, each on a seeded violation and on the nearest thing that is allowed.

const rules = suite('structure: the rules themselves');

rules('every form of import is seen', () => {
  const text = `
    import { a } from '../wire/a.ts';
    import type { B } from './b.ts';
    import { type C } from './c.ts';
    import * as d from 'node:fs';
    export { e } from './e.ts';
    export type { F } from './f.ts';
    import './g.ts';
    const h = await import('./h.ts');
    type I = import('./i.ts').I;
    // import './comment.ts';
    const text = "import './string.ts'";`;
  const seen = importsOf('src/io/x.ts', text).map(({ target, specifier, typeOnly }) => [
    target ?? specifier,
    typeOnly,
  ]);
  assert.equal(seen, [
    ['src/wire/a.ts', false],
    ['src/io/b.ts', true],
    ['src/io/c.ts', true],
    ['node:fs', false],
    ['src/io/e.ts', false],
    ['src/io/f.ts', true],
    ['src/io/g.ts', false],
    ['src/io/h.ts', false],
    ['src/io/i.ts', true],
  ]);
});

rules('imports against the direction are found', () => {
  const files = {
    'src/wire/tcp.ts': "import { f } from '../tables/frames.ts';",
    'src/tables/frames.ts': 'export const f = 1;',
  };
  assert.equal(directionProblems(tree(files)), [
    'src/wire/tcp.ts imports ../tables/frames.ts: wire may import from no other room',
  ]);
  const turned = {
    'src/tables/frames.ts': "import { f } from '../wire/tcp.ts';",
    'src/wire/tcp.ts': 'export const f = 1;',
  };
  assert.equal(directionProblems(tree(turned)), []);
});

rules('the rooms of packets and policies import no node: module and no package', () => {
  for (const room of ['wire', 'tables', 'datapath', 'policy']) {
    for (const specifier of ['node:fs', 'fs', 'koffi']) {
      const problems = directionProblems(
        tree({ [`src/${room}/x.ts`]: `import * as x from '${specifier}';` }),
      );
      assert.is(problems.length, 1, `${room} ${specifier}`);
    }
  }
  assert.equal(directionProblems(tree({ 'src/host/x.ts': "import 'node:fs';" })), []);
});

rules('config takes types of the snapshot, not values, and addresses', () => {
  const others = { 'src/datapath/snapshot.ts': '', 'src/wire/address.ts': '', 'src/wire/tcp.ts': '' };
  const problemsOf = (text: string) => directionProblems(tree({ 'src/config/x.ts': text, ...others })).length;
  assert.is(problemsOf("import type { A } from '../datapath/snapshot.ts';"), 0);
  assert.is(problemsOf("import { a } from '../datapath/snapshot.ts';"), 1);
  assert.is(problemsOf("import { a } from '../wire/address.ts';"), 0);
  assert.is(problemsOf("import { a } from '../wire/tcp.ts';"), 1);
});

rules('a room that nobody listed, and a file that is not there, are found', () => {
  assert.is(directionProblems(tree({ 'src/util/x.ts': '' })).length, 1);
  assert.is(directionProblems(tree({ 'src/wire/x.ts': "import './y.ts';" })).length, 1);
});

rules('a clock, a timer or chance of its own is found in the control plane, and is allowed elsewhere', () => {
  const problemsOf = (path: string, text: string) => ownClocks(tree({ [path]: text })).length;
  assert.is(problemsOf('src/controller/x.ts', 'const now = Date.now();'), 1);
  assert.is(problemsOf('src/agent/x.ts', 'const at = new Date().toISOString();'), 1);
  assert.is(problemsOf('src/host/x.ts', 'setTimeout(act, 5);'), 1);
  assert.is(problemsOf('src/api/x.ts', "import { setTimeout as sleep } from 'node:timers/promises';"), 1);
  assert.is(problemsOf('src/policy/x.ts', 'const share = Math.random();'), 1);
  assert.is(
    problemsOf('src/messages/x.ts', "import { systemRuntime } from '../runtime/system-runtime.ts';"),
    1,
  );
  assert.is(problemsOf('src/controller/x.ts', '// Date.now\nruntime.setTimer(act, 5); new Date(ms);'), 0);
  assert.is(problemsOf('src/host/thread/worker.ts', 'const now = Date.now();'), 0);
  assert.is(problemsOf('src/process/x.ts', 'const now = Date.now();'), 0);
});

rules('cycles are found, of any length, and told once', () => {
  const files = {
    'src/a.ts': "import './b.ts';",
    'src/b.ts': "import './c.ts';",
    'src/c.ts': "import type { A } from './a.ts';",
    'src/d.ts': "import './a.ts'; import './c.ts';",
  };
  assert.equal(cycles(tree(files)), ['src/a.ts → src/b.ts → src/c.ts → src/a.ts']);
  assert.equal(cycles(tree({ ...files, 'src/c.ts': '' })), []);
});

rules(
  'operators that import each other, and a fast path that imports the forwarding element, are found',
  () => {
    const files = {
      'src/datapath/operators/a.ts': "import type { B } from './b.ts'; import '../frame/frame.ts';",
      'src/datapath/operators/b.ts': "import '../ports/operator.ts';",
      'src/datapath/fast-path/c.ts': "import '../forwarding/d.ts'; import '../balancing/e.ts';",
      'src/datapath/forwarding/d.ts': "import './f.ts';",
      'src/datapath/port-chain.ts': "import './operators/a.ts'; import './operators/b.ts';",
    };
    assert.equal(bannedImports(tree(files)), [
      'src/datapath/operators/a.ts imports ./b.ts: operators do not import each other',
      'src/datapath/fast-path/c.ts imports ../forwarding/d.ts: the fast path imports nothing of the forwarding element',
    ]);
  },
);

rules('the agent imports only named files of the host, and only the process imports the controller', () => {
  const problemsOf = (path: string, target: string) =>
    directionProblems(tree({ [path]: `import '../${target}';`, [`src/${target}`]: '' })).length;
  assert.is(problemsOf('src/agent/x.ts', 'host/host.ts'), 0);
  assert.is(problemsOf('src/agent/x.ts', 'host/listings/listings.ts'), 1);
  for (const room of Object.keys(ROOMS).filter((name) => name !== 'controller')) {
    const problems = problemsOf(`src/${room}/x.ts`, 'controller/controller.ts');
    assert.is(problems, room === 'process' ? 0 : 1, room);
  }
});

rules('cycles of folders are found on every level; the files beside them may join them', () => {
  const files = {
    'src/a/x/one.ts': "import '../y/two.ts';",
    'src/a/y/two.ts': '',
    'src/a/y/three.ts': "import type { One } from '../x/four.ts';",
    'src/a/x/four.ts': '',
    'src/a/main.ts': "import './x/one.ts'; import './y/two.ts';",
  };
  assert.equal(folderCycles(tree(files)), ['src/a/x → src/a/y → src/a/x']);
  assert.equal(folderCycles(tree({ ...files, 'src/a/y/three.ts': "import '../main.ts';" })), []);
  const deeper = {
    'src/a/x/p/one.ts': "import '../q/two.ts'; import '../three.ts';",
    'src/a/x/q/two.ts': "import '../p/four.ts';",
    'src/a/x/p/four.ts': '',
    'src/a/x/three.ts': "import './p/four.ts';",
  };
  assert.equal(folderCycles(tree(deeper)), ['src/a/x/p → src/a/x/q → src/a/x/p']);
});

rules('a folder without a purpose, and a purpose without a folder', () => {
  const text = '| `src/wire` | wire formats | nothing |\n| `src/io` | engines | native |';
  assert.equal(foldersWithoutPurpose(tree({ 'src/wire/a.ts': '', 'src/io/b.ts': '' }), text), []);
  assert.equal(foldersWithoutPurpose(tree({ 'src/wire/a.ts': '', 'src/io/deep/b.ts': '' }), text), [
    'src/io/deep: no purpose',
    'src/io: no such folder',
  ]);
});

rules('folders with too many files are found', () => {
  const filesOf = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`src/wire/f${i}.ts`, '']));
  assert.equal(fullFolders(tree({ ...filesOf(MAX_FILES), 'src/wire/more/x.ts': '' })), []);
  assert.equal(fullFolders(tree(filesOf(MAX_FILES + 1))), [
    `src/wire: ${MAX_FILES + 1} files, expected at most ${MAX_FILES}`,
  ]);
});

rules('long files are found, generated ones are let be', () => {
  const atLimit = 'x\n'.repeat(MAX_LINES);
  assert.equal(longFiles(tree({ 'src/a.ts': atLimit, 'src/messages/generated/b.js': `${atLimit}x\n` })), []);
  assert.is(longFiles(tree({ 'src/a.ts': `${atLimit}x\n` })).length, 1);
});

rules('long lists of parameters are found, of functions, methods, constructors, arrows and types', () => {
  const list = (count: number): string => Array.from({ length: count }, (_, i) => `p${i}: number`).join(', ');
  const forms = [
    (p: string) => `function f(${p}) {}`,
    (p: string) => `const f = (${p}): void => {};`,
    (p: string) => `class C { m(${p}) {} }`,
    (p: string) => `class C { constructor(${p}) {} }`,
    (p: string) => `interface I { m(${p}): void }`,
    (p: string) => `type F = (${p}) => void;`,
    (p: string) => `function outer() { return function (${p}) {}; }`,
  ];
  for (const form of forms) {
    const problemsOf = (count: number) => longParameterLists(tree({ 'src/x.ts': form(list(count)) })).length;
    assert.is(problemsOf(MAX_PARAMETERS), 0, form('…'));
    assert.is(problemsOf(MAX_PARAMETERS + 1), 1, form('…'));
  }
});

rules('suites that do not run, and tests that are left out, are found', () => {
  const problemsOf = (text: string) => leftOutTests(tree({ 'test/x.test.ts': text })).length;
  assert.is(problemsOf("const a = suite('a');\na('x', f);\na.run();\n"), 0);
  assert.is(problemsOf("const a = suite('a');\na('x', f);\n"), 1);
  assert.is(problemsOf("const a = suite('a');\nconst b = suite('b');\na.run();\n// b.run();\n"), 1);
  assert.is(problemsOf("const a = suite('a');\na.only('x', f);\na.run();\n"), 1);
  assert.is(problemsOf("const a = suite('a');\na.skip('x', f);\na.run();\n"), 1);
  assert.is(problemsOf("f(() => {\n  const a = suite('a');\n  a('x', f);\n  a.run();\n});\n"), 0);
  assert.is(problemsOf("const t = suite('a');\nt.run();\n{\n  const t = suite('b');\n}\n"), 1);
});

rules('a lock file without a package that another needs is found', () => {
  const root = { dependencies: { a: '1' } };
  const a = { optionalDependencies: { '@b/linux': '1' } };
  const complete = { packages: { '': root, 'node_modules/a': a, 'node_modules/@b/linux': {} } };
  assert.equal(missingFromLock(complete), []);
  assert.is(missingFromLock({ packages: { '': root, 'node_modules/a': a } }).length, 1);
});

rules.run();

// The rules on this checkout.

const structure = suite('structure');

const none = (problems: string[]) => assert.is(problems.length, 0, `\n${problems.join('\n')}`);

structure('the checkout was read', () => {
  assert.ok(source.has('src/tables/frame-arena.ts'));
  assert.ok(everything.has('test/structure.test.ts'));
  assert.ok(everything.has('scripts/sluice'));
});

structure('imports run one way', () => none(directionProblems(source)));

structure('no file imports itself by a detour', () => none(cycles(source)));

structure('no part imports what it must not know', () => none(bannedImports(source)));

structure('control plane code has no clock, timer or chance of its own', () => none(ownClocks(source)));

structure('no folder of a room imports itself by a detour', () => none(folderCycles(source)));

structure('no folder has too many files', () => none(fullFolders(source)));

structure('ARCHITECTURE.md states the purpose of every folder, and of no other', () =>
  none(foldersWithoutPurpose(source, readFileSync(join(checkout, 'ARCHITECTURE.md'), 'utf8'))),
);

structure('no file is longer than people read', () => none(longFiles(everything)));

structure('no function has more parameters than people keep apart', () => none(longParameterLists(source)));

structure('no test is left out', () => none(leftOutTests(everything)));

structure('npm ci accepts the lock file', () =>
  none(missingFromLock(JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')))),
);

structure.run();
