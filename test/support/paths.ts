import { join, resolve } from 'node:path';

/** Root of the checkout. */
export const CHECKOUT = resolve(import.meta.dirname, '../../..');

/** The compiled command, as `scripts/sluice` runs it. */
export const CLI = join(CHECKOUT, 'dist/src/cli/main.js');

/** The server that the testbed's VMs run. */
export const SERVER = join(CHECKOUT, 'scripts/testbed/server.mjs');

/** Compiled client or server of tests. */
const clientFile = (name: string): string => join(import.meta.dirname, `clients/${name}.js`);
export const SOAK_SERVER = clientFile('soak-server');
export const RELAY = join(import.meta.dirname, 'clients/relay.js');
export const SOAK_CLIENT = clientFile('soak-client');
export const HOLD_FLOWS = clientFile('hold-flows');
export const OPEN_LOOP = clientFile('open-loop');
export const WORK_SERVER = clientFile('work-server');
