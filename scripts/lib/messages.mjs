// Generates the static code of the .proto files: `npm run messages [-- DIR]`; DIR: output directory, for the test that
// compares the committed code with newly generated code. The code is committed so that a build needs no generator.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const protos = ['src/messages/sluice.proto', 'src/controller/store/etcd-wire/etcd.proto'];
const run = (command, ...args) =>
  execFileSync(join(checkout, 'node_modules/.bin', command), args, { cwd: checkout, stdio: 'inherit' });

const options = [
  '--target=static-module',
  '--wrap=scripts/lib/messages-wrapper.mjs',
  '--dependency=protobufjs/minimal.js',
  '--es6',
  '--force-number',
  '--no-create',
  '--no-verify',
  '--no-delimited',
  '--no-typeurl',
  '--no-service',
  '--lint=',
];

// The types are generated from comments in the code, which are then removed from the committed code.
const scratch = mkdtempSync(join(tmpdir(), 'sluice-messages-'));
try {
  for (const proto of protos) {
    const name = basename(proto, '.proto');
    const outDir = process.argv[2] ? resolve(process.argv[2]) : join(checkout, dirname(proto), 'generated');
    mkdirSync(outDir, { recursive: true });
    const commented = join(scratch, `${name}.js`);
    const rooted = [...options, `--root=${name}`]; // protobufjs keeps roots by name, and other modules use the default one
    run('pbjs', ...rooted, `--out=${commented}`, proto);
    run('pbts', `--out=${join(outDir, `${name}.d.ts`)}`, '--no-comments', commented);
    run('pbjs', ...rooted, '--no-comments', `--out=${join(outDir, `${name}.js`)}`, proto);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
