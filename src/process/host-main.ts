/** Entry of a detached host process, started by `up`. */
import { runDetached } from './detached.ts';
import { runHostProcess } from './run-process.ts';

await runDetached(runHostProcess);
