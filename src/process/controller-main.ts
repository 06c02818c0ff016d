/** Entry of a detached controller process, started by `controller`. */
import { runControllerProcess } from './controller-up.ts';
import { runDetached } from './detached.ts';

await runDetached(runControllerProcess);
