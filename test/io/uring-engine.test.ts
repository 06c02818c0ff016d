import { UringEngine } from '../../src/io/uring-engine.ts';
import { engineContract } from './engine-contract.ts';

engineContract('io_uring engine', (options) => {
  const engine = new UringEngine(options);
  return { engine, slotsOffered: () => engine.slotsOffered };
});
