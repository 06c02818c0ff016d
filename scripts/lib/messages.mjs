// Makes the static code of src/messages/sluice.proto: `npm run messages [-- DIR]`; DIR: where to, for the test that
// compares the committed code with what would be made now. It is committed so that a build needs no generator.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const proto = 'src/messages/sluice.proto';
const outDir = resolve(process.argv[2] ?? join(checkout, 'src/messages/generated'));
const run = (command, ...args) =>
  execFileSync(join(checkout, 'node_modules/.bin', command), args, { cwd: checkout, stdio: 'inherit' });

const options = [
  '--target=static-module',
  '--wrap=scripts/lib/messages-wrapper.mjs',
  '--dependency=protobufjs/minimal.js',
  '--root=sluice', // protobufjs keeps roots by name, and other modules use the default one
  '--es6',
  '--force-number',
  '--no-create',
  '--no-verify',
  '--no-delimited',
  '--no-typeurl',
  '--no-service',
  '--lint=',
];

// The types are made from comments in the code, which the code that is committed can do without.
const scratch = mkdtempSync(join(tmpdir(), 'sluice-messages-'));
try {
  mkdirSync(outDir, { recursive: true });
  const commented = join(scratch, 'sluice.js');
  run('pbjs', ...options, `--out=${commented}`, proto);
  run('pbts', `--out=${join(outDir, 'sluice.d.ts')}`, '--no-comments', commented);
  run('pbjs', ...options, '--no-comments', `--out=${join(outDir, 'sluice.js')}`, proto);
} finally {
  rmSync(scratch, { recursive: true });
}
