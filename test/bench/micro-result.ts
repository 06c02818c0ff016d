/** What the micro benchmark, a process of its own, hands over as JSON. */
import type { Spread } from './statistics.ts';

export interface MicroResult {
  populations: {
    flows: number;
    /** Nanoseconds per packet of a flow that has a record; restoring the frame is subtracted. */
    hitNs: Spread;
    /** Nanoseconds per packet that makes a record, from an empty table up to this many flows. */
    newFlowNs: Spread;
    /** What was subtracted: writing the frame anew. */
    restoreNs: Spread;
  }[];
  /** At the datapath's default table size, every row in use. */
  bytesPerConnection: { hotRow: number; index: number; coldRow: number };
  /** Per million packets that hit. */
  heap: {
    /** Bytes allocated on the JavaScript heap, collected or not. */
    allocatedBytes: number;
    /** Bytes still in use after a full collection. */
    keptBytes: number;
  };
}
