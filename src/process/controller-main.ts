/** Entry of a detached controller process, started by `controller`. */
import { runControllerProcess } from './controller-process.ts';
import { runDetached } from './detached.ts';

await runDetached(runControllerProcess);
