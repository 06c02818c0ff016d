import { UringEngine } from '../../../src/io/engines/uring-engine.ts';
import { engineContract } from './engine-contract.ts';
import type { CreateEngine } from './engine-harness.ts';
import { engineNetworkContract } from './engine-network-contract.ts';

const create: CreateEngine = (options) => {
  const engine = new UringEngine(options);
  return { engine, slotsOffered: () => engine.slotsOffered };
};

engineContract('io_uring engine', create);
engineNetworkContract('io_uring engine', create);
