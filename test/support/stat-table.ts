/** A statistics table of its own, for tests that need no other. */
import { StatTable } from '../../src/tables/stat-table.ts';

export function statTable(slots: number): StatTable {
  const table = new StatTable(
    new Float64Array(StatTable.floatsNeeded(slots)),
    new Int32Array(StatTable.wordsNeeded(slots)),
  );
  table.initialise();
  return table;
}
