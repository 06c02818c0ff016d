/** Which entries of a full set give way to a port's new one: against all sets there are. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waysToReplace } from '../../../src/tables/common/set-shares.ts';

const sets = suite('set shares');

const WAYS = 4;
const PORTS = 5;
const LAYOUT = { ways: WAYS, entryWords: 2, portWord: 1, shift: 8, mask: 0xff };

sets('all sets of four ways and five ports: nobody is driven below the share of the newcomer', () => {
  const words = new Int32Array(WAYS * 2);
  for (let code = 0; code < PORTS ** WAYS; code++) {
    const owners = Array.from({ length: WAYS }, (_, way) => Math.floor(code / PORTS ** way) % PORTS);
    owners.forEach((owner, way) => {
      words[way * 2 + 1] = (owner << 8) | 0xff;
    });
    for (let candidates = 0; candidates < 1 << WAYS; candidates++) {
      for (let port = 0; port < PORTS; port++) {
        const chosen = waysToReplace(LAYOUT, words, 0, candidates, port);
        assert.is(chosen & ~candidates, 0);
        const count = (of: number): number =>
          owners.filter((owner, way) => owner === of && (candidates & (1 << way)) !== 0).length;
        owners.forEach((owner, way) => {
          if ((chosen & (1 << way)) === 0 || owner === port) return;
          assert.ok(count(owner) - 1 >= count(port) + 1, `${owners}: way ${way} for port ${port}`);
        });
        const mayTake = owners.some(
          (owner, way) =>
            (candidates & (1 << way)) !== 0 && (owner === port || count(owner) >= count(port) + 2),
        );
        assert.is(chosen !== 0, mayTake);
      }
    }
  }
});

sets.run();
