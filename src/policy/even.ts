/** The configured weights, whatever the load. */
import type { Candidates, Distribution } from './policy.ts';

export class Even implements Distribution {
  shares({ members }: Candidates): number[] {
    return members.map(({ configuredWeight }) => configuredWeight);
  }
}
