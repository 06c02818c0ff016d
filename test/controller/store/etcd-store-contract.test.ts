import { openStore } from '../../../src/controller/store/open-store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { EtcdServer } from '../../support/etcd.ts';
import { runContract } from './contract.ts';
import { TestLog } from './support.ts';

// One etcd for all: each test has its own prefix, and so sees that prefixes keep stores apart.
const server = await EtcdServer.start();
let tests = 0;

runContract('etcd', async () => {
  const prefix = `/sluice-test/${tests++}/`;
  return {
    open: () =>
      openStore({ kind: 'etcd', endpoints: [server.endpoint], prefix }, new TestLog(), systemRuntime),
    remove: async () => {},
  };
});
