import { SyscallEngine } from '../../../src/io/engines/syscall-engine.ts';
import { engineContract } from './engine-contract.ts';
import type { CreateEngine } from './engine-harness.ts';
import { engineNetworkContract } from './engine-network-contract.ts';

const create: CreateEngine = (options) => {
  const engine = new SyscallEngine(options);
  return { engine, slotsOffered: () => 0 };
};

engineContract('system-call engine', create);
engineNetworkContract('system-call engine', create);
