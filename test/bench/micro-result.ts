/** What the micro benchmark, a process of its own, hands over as JSON. */
import type { Spread } from './statistics.ts';

export interface MicroPopulation {
  flows: number;
  /** Nanoseconds per packet, client to VIP, of a flow that has a record. Restoring the frame is subtracted. */
  hitNs: Spread;
  /** The same from member to client. */
  replyNs: Spread;
  /** Nanoseconds per packet that makes a record, from an empty table up to this many flows. */
  newFlowNs: Spread;
  /** What was subtracted: taking a buffer, writing the frame anew, giving the buffer back. */
  restoreNs: Spread;
}

/** Bytes of JavaScript heap per million packets. */
export interface HeapUse {
  /** Allocated meanwhile, collected later or not. */
  allocatedBytes: number;
  /** Still in use after a full collection. */
  keptBytes: number;
}

export interface MicroResult {
  populations: MicroPopulation[];
  /** At the default table size, with every row in use. */
  bytesPerConnection: { hotRow: number; index: number; coldRow: number };
  heap: { hits: HeapUse; newFlows: HeapUse };
}
