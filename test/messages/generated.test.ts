import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const checkout = resolve(import.meta.dirname, '../../..');

const COMMITTED = ['src/messages/generated/sluice', 'src/controller/store/etcd-wire/generated/etcd'];

const generated = suite('messages: generated code');

generated('what is committed is what the generator makes of the .proto files', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-generated-'));
  try {
    execFileSync(process.execPath, [join(checkout, 'scripts/lib/messages.mjs'), scratch], { stdio: 'pipe' });
    for (const path of COMMITTED.flatMap((name) => [`${name}.js`, `${name}.d.ts`])) {
      const file = basename(path);
      const committed = readFileSync(join(checkout, path), 'utf8');
      const hint = `${file} is out of date: npm run messages`;
      assert.ok(readFileSync(join(scratch, file), 'utf8') === committed, hint);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

generated.run();
