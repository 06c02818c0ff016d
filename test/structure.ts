/**
 * Rules on the shape of the source tree, as pure functions over (path → text), so that the rules themselves
 * can be tested on a few lines.
 *
 * Imports run one way between the rooms of src/; the rooms that handle packets and policies know no I/O and no
 * packages; no file imports itself by a detour, nor does a folder; no file is longer than people read.
 */

import { posix } from 'node:path';
import ts from 'typescript';

/** Path relative to the checkout, with slashes → text. */
export type SourceTree = ReadonlyMap<string, string>;

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path in the tree, or null for a package or a node: module. */
  readonly target: string | null;
  /** Only types: gone after compilation. */
  readonly typeOnly: boolean;
}

interface Room {
  readonly imports: readonly string[];
  /** Files of other rooms that may be imported on top of `imports`, value or type. */
  readonly files?: readonly string[];
  /** Files of other rooms whose types only may be imported. */
  readonly types?: readonly string[];
  /** Imports neither node: modules nor packages. */
  readonly pure?: boolean;
}

/** Which room of src/ may import which others; a room may always import itself. */
export const ROOMS: Readonly<Record<string, Room>> = {
  wire: { imports: [], pure: true },
  tables: { imports: ['wire'], pure: true },
  datapath: { imports: ['tables', 'wire'], pure: true },
  policy: { imports: [], pure: true },
  native: { imports: [] },
  io: { imports: ['native', 'wire', 'tables'] },
  runtime: { imports: [], pure: true },
  events: { imports: ['runtime'] },
  messages: { imports: ['runtime'] },
  metrics: { imports: ['api', 'config'] },
  config: {
    imports: ['events', 'policy', 'runtime'],
    files: ['src/wire/address.ts'],
    types: ['src/datapath/snapshot.ts', 'src/tables/balancing/rule-spec.ts', 'src/policy/policy-config.ts'],
  },
  'run-dir': { imports: ['native', 'config', 'io'] },
  api: { imports: ['config', 'events', 'messages', 'runtime'], types: ['src/tables/balancing/rule-spec.ts'] },
  controller: {
    imports: ['policy', 'messages', 'config', 'api', 'events', 'metrics', 'runtime'],
    files: ['src/native/processes/file-lock.ts', 'src/native/processes/peer-user.ts', 'src/run-dir/frame.ts'],
    types: ['src/tables/balancing/rule-spec.ts'],
  },
  host: {
    imports: [
      'api',
      'config',
      'datapath',
      'events',
      'io',
      'messages',
      'metrics',
      'native',
      'policy',
      'run-dir',
      'runtime',
      'tables',
      'wire',
    ],
  },
  agent: {
    imports: ['api', 'config', 'events', 'io', 'messages', 'native', 'policy', 'run-dir', 'runtime', 'wire'],
    files: [
      'src/host/host.ts',
      'src/host/stat-collector.ts',
      'src/host/listings/remaining-flows.ts',
      'src/host/publishing/datapath-ids.ts',
      'src/host/publishing/weights.ts',
      'src/tables/stat-table.ts',
    ],
    types: ['src/tables/balancing/rule-spec.ts'],
  },
  page: { imports: ['api', 'config', 'events', 'runtime'] },
  replay: { imports: ['config', 'datapath', 'host', 'io', 'tables', 'wire'] },
  process: {
    imports: [
      'agent',
      'api',
      'config',
      'controller',
      'events',
      'host',
      'io',
      'messages',
      'metrics',
      'native',
      'page',
      'run-dir',
      'runtime',
    ],
    files: ['src/wire/address.ts'],
  },
  capture: { imports: ['io', 'native', 'wire'] },
  cli: {
    imports: ['api', 'capture', 'config', 'events', 'process', 'replay', 'run-dir'],
    files: ['src/wire/address.ts'],
  },
};

export const MAX_LINES = 500;
/** Beyond, a call is a row of numbers that nobody tells apart: what belongs together goes into a struct, reused where packets pass. */
export const MAX_PARAMETERS = 6;
/** Files directly in a folder of src. */
export const MAX_FILES = 16;
const roomOf = (path: string): string | null => /^src\/([^/]+)\//.exec(path)?.[1] ?? null;

/** Generated code is JavaScript with its types beside it; those stand for it. */
const sourceOf = (path: string): string =>
  path.includes('/generated/') ? path.replace(/\.js$/, '.d.ts') : path;

/** Every import, re-export and dynamic import() of a file. */
export function importsOf(path: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (literal: ts.Node | undefined, typeOnly: boolean) => {
    if (!literal || !ts.isStringLiteralLike(literal)) return;
    const specifier = literal.text;
    const target = specifier.startsWith('.') ? sourceOf(posix.join(posix.dirname(path), specifier)) : null;
    found.push({ specifier, target, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, bringsOnlyTypes(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node))
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  return found;
}

function bringsOnlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  return (
    !clause.name && !!names && ts.isNamedImports(names) && names.elements.every((name) => name.isTypeOnly)
  );
}

/** Imports against the direction, out of pure rooms, or to files that are not there. */
export function directionProblems(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const [path, text] of tree) {
    const name = roomOf(path);
    if (name === null) continue;
    const room = ROOMS[name];
    if (!room) {
      problems.push(`${path}: room "${name}" is not one of ${Object.keys(ROOMS).join(', ')}`);
      continue;
    }
    for (const one of importsOf(path, text)) {
      const problem = judge(name, room, one, tree);
      if (problem) problems.push(`${path} imports ${one.specifier}: ${problem}`);
    }
  }
  return problems;
}

function judge(name: string, room: Room, { target, typeOnly }: Import, tree: SourceTree): string | null {
  if (target === null) return room.pure ? `${name} imports no package and no node: module` : null;
  if (!tree.has(target)) return `there is no ${target}`;
  const other = roomOf(target);
  if (other === name || (other && room.imports.includes(other)) || room.files?.includes(target)) return null;
  if (room.types?.includes(target)) return typeOnly ? null : `${name} may import its types only`;
  return `${name} may import from ${room.imports.join(', ') || 'no other room'}`;
}

/** Folders that must not import from others, or files of one folder from each other. */
export const BANS: readonly { readonly from: string; readonly to: string; readonly because: string }[] = [
  {
    from: 'src/datapath/operators/',
    to: 'src/datapath/operators/',
    because: 'operators do not import each other',
  },
  {
    from: 'src/datapath/fast-path/',
    to: 'src/datapath/forwarding/',
    because: 'the fast path imports nothing of the forwarding element',
  },
];

export function bannedImports(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const [path, text] of tree) {
    const bans = BANS.filter(({ from }) => path.startsWith(from));
    if (bans.length === 0) continue;
    for (const { specifier, target } of importsOf(path, text)) {
      const ban = bans.find(({ to }) => target?.startsWith(to));
      if (ban) problems.push(`${path} imports ${specifier}: ${ban.because}`);
    }
  }
  return problems;
}

/** Rooms that get time, timers and chance handed in, so that the simulation can run them. */
const CLOCKLESS = [
  'src/agent/',
  'src/api/',
  'src/controller/',
  'src/events/',
  'src/host/',
  'src/messages/',
  'src/page/',
  'src/policy/',
];
/** Exceptions: the datapath's thread with its watchman, the entry of a process of its own, and the browser's part of the page. */
const WITH_CLOCK = ['src/host/thread/', 'src/agent/health/prober-main.ts', 'src/page/browser/'];
const OWN_CLOCK =
  /\b(Date\.now|setTimeout|setInterval|setImmediate|performance\.now|Math\.random|AbortSignal\.timeout|process\.hrtime|node:timers)\b|new Date\(\)/;

/** Control plane code that reads a clock, sets a timer or draws a number other than by the Runtime that it was given. */
export function ownClocks(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const [path, text] of tree) {
    const isListed = CLOCKLESS.some((room) => path.startsWith(room));
    if (!isListed || WITH_CLOCK.some((exempt) => path.startsWith(exempt))) continue;
    const found = OWN_CLOCK.exec(withoutComments(text))?.[0];
    if (found !== undefined) problems.push(`${path}: found ${found}, expected the Runtime's`);
    if (importsOf(path, text).some(({ target }) => target === 'src/runtime/system-runtime.ts'))
      problems.push(`${path}: found the system's Runtime, expected one that is handed in`);
  }
  return problems;
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');

/**
 * Cycles between the folders beside each other in a room or in one of its folders, as `src/a/x → src/a/y → src/a/x`. Files beside
 * the folders, which put the parts together, are not counted.
 */
export function folderCycles(tree: SourceTree): string[] {
  const imports = new Map<string, Map<string, Set<string>>>();
  for (const [path, text] of tree) {
    if (roomOf(path) === null) continue;
    for (const { target } of importsOf(path, text)) {
      if (target === null || !tree.has(target)) continue;
      const edge = siblingFolders(path, target);
      if (!edge) continue;
      const folders = imports.get(edge.parent) ?? new Map<string, Set<string>>();
      imports.set(edge.parent, folders);
      folders.set(edge.from, (folders.get(edge.from) ?? new Set()).add(edge.to));
    }
  }
  return [...imports.values()].flatMap((folders) =>
    graphCycles(folders.keys(), (folder) => folders.get(folder) ?? []),
  );
}

/** The two folders in which the paths of an importing and an imported file part, if both are folders of one room. */
function siblingFolders(
  path: string,
  target: string,
): { readonly parent: string; readonly from: string; readonly to: string } | undefined {
  const a = path.split('/');
  const b = target.split('/');
  let depth = 0;
  while (a[depth] === b[depth]) depth++;
  // src and the room come first; the last part is the file.
  if (depth < 2 || depth >= a.length - 1 || depth >= b.length - 1) return undefined;
  const folder = (parts: string[]): string => parts.slice(0, depth + 1).join('/');
  return { parent: a.slice(0, depth).join('/'), from: folder(a), to: folder(b) };
}

/** One line per cycle of imports, type imports included: `a → b → a`. */
export function cycles(tree: SourceTree): string[] {
  return graphCycles(tree.keys(), (path) =>
    importsOf(path, tree.get(path)!).flatMap(({ target }) =>
      target !== null && tree.has(target) ? [target] : [],
    ),
  );
}

function graphCycles(nodes: Iterable<string>, next: (node: string) => Iterable<string>): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const stack: string[] = [];
  const visit = (node: string): void => {
    const at = stack.indexOf(node);
    if (at >= 0) {
      found.push([...stack.slice(at), node].join(' → '));
      return;
    }
    if (finished.has(node)) return;
    stack.push(node);
    for (const other of next(node)) visit(other);
    stack.pop();
    finished.add(node);
  };
  for (const node of nodes) visit(node);
  return found;
}

/** Folders of src with files whose purpose ARCHITECTURE.md does not state, and folders there that are not in src. */
export function foldersWithoutPurpose(tree: SourceTree, architecture: string): string[] {
  const stated = new Set(
    [...architecture.matchAll(/^\| `(src[^`]*)` \| [^|]+ \|/gm)].map(([, folder]) => folder!),
  );
  const folders = new Set(
    [...tree.keys()].filter((path) => roomOf(path) !== null).map((path) => posix.dirname(path)),
  );
  return [
    ...[...folders].filter((folder) => !stated.has(folder)).map((folder) => `${folder}: no purpose`),
    ...[...stated].filter((folder) => !folders.has(folder)).map((folder) => `${folder}: no such folder`),
  ];
}

/** Folders of src with more files than people find their way in; folders in them are not counted. */
export function fullFolders(tree: SourceTree): string[] {
  const files = new Map<string, number>();
  for (const path of tree.keys()) {
    const folder = posix.dirname(path);
    if (roomOf(path) !== null) files.set(folder, (files.get(folder) ?? 0) + 1);
  }
  return [...files]
    .filter(([, count]) => count > MAX_FILES)
    .map(([folder, count]) => `${folder}: ${count} files, expected at most ${MAX_FILES}`);
}

/** Files over MAX_LINES; generated ones are not read by people. */
export function longFiles(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const [path, text] of tree) {
    if (path.includes('/generated/')) continue;
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    if (lines > MAX_LINES) problems.push(`${path}: ${lines} lines, expected at most ${MAX_LINES}`);
  }
  return problems;
}

/** Functions with more parameters than people keep apart at a call; generated files are let be. */
export function longParameterLists(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const [path, text] of tree) {
    if (path.includes('/generated/')) continue;
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && node.parameters.length > MAX_PARAMETERS) {
        const name = node.name === undefined ? 'a function' : node.name.getText(file);
        const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
        const found = `${node.parameters.length} parameters, expected at most ${MAX_PARAMETERS}`;
        problems.push(`${path}:${line}: ${name}: ${found}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return problems;
}

/**
 * Ways in which a file leaves tests out and still looks good: a suite without .run(), .only, .skip. A suite is a
 * `const NAME = suite(…)`; a file may also get its suites from a function that it calls, and where that makes
 * none the runner says so. The runner's own fixtures are meant to be bad.
 */
export function leftOutTests(tree: SourceTree): string[] {
  const problems: string[] = [];
  for (const [path, text] of tree) {
    if (!/^test\/.*\.ts$/.test(path) || path.startsWith('test/runner/fixtures/')) continue;
    const suites = [...text.matchAll(/^\s*const (\w+) = suite\(/gm)].map((match) => match[1]!);
    for (const name of new Set(suites)) {
      const made = suites.filter((other) => other === name).length;
      const run = [...text.matchAll(new RegExp(`^\\s*${name}\\.run\\(\\);`, 'gm'))].length;
      if (run !== made)
        problems.push(`${path}: ${made} × const ${name} = suite(…), but ${run} × ${name}.run();`);
      const left = new RegExp(`^\\s*${name}\\.(only|skip)\\b`, 'm').exec(text);
      if (left) problems.push(`${path}: ${name}.${left[1]} leaves tests out`);
    }
  }
  return problems;
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> }>
  >;
}

/**
 * Packages that others need and the lock file lacks. npm writes such a lock where the registry that it asked
 * lacks a platform's optional package, and `npm ci` then refuses it everywhere.
 */
export function missingFromLock(lock: Lock): string[] {
  const names = new Set(Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const problems: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      if (!names.has(name))
        problems.push(`package-lock.json: ${path || 'the root'} needs ${name}, which is missing`);
    }
  }
  return problems;
}
