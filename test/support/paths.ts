import { join, resolve } from 'node:path';

/** Root of the checkout. */
export const CHECKOUT = resolve(import.meta.dirname, '../../..');

/** The compiled command, as `scripts/sluice` runs it. */
export const CLI = join(CHECKOUT, 'dist/src/cli/main.js');

/** The server that the testbed's VMs run. */
export const SERVER = join(CHECKOUT, 'scripts/testbed/server.mjs');
