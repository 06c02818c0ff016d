import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../../src/controller/store/open-store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { runContract } from './contract.ts';
import { TestLog } from './support.ts';

runContract('file', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-file-store-'));
  return {
    open: () => openStore({ kind: 'file', dir }, new TestLog(), systemRuntime),
    remove: async () => rmSync(dir, { recursive: true }),
  };
});
