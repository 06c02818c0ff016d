import { SyscallEngine } from '../../src/io/syscall-engine.ts';
import { engineContract } from './engine-contract.ts';

engineContract('system-call engine', (options) => ({
  engine: new SyscallEngine(options),
  slotsOffered: () => 0,
}));
