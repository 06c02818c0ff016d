/**
 * What people have ordered, and what must therefore be: an order that was answered as done is not lost, whoever leads afterwards. One
 * that failed may have been carried out all the same, and of two at the same time either may be the later one.
 */
import type { MemberConfig } from '../../src/config/model/model.ts';

type State = MemberConfig['state'];

interface Known {
  running: number;
  /** undefined: nobody can say. */
  state: State | undefined;
}

export class Orders {
  /** How many were answered as done. */
  doneCount = 0;
  private readonly members = new Map<string, Known>();

  /** `done`: with the state that the member has then; undefined: the one that it had. */
  begin(group: string, member: string): { done(state: State | undefined): void; failed(): void } {
    const key = `${group} ${member}`;
    const known = this.members.get(key) ?? { running: 0, state: 'active' };
    this.members.set(key, known);
    const isAlone = known.running === 0;
    known.running++;
    return {
      done: (state) => {
        this.doneCount++;
        known.running--;
        if (!isAlone || known.running > 0) known.state = undefined;
        else if (state !== undefined) known.state = state;
      },
      failed: () => {
        known.running--;
        known.state = undefined;
      },
    };
  }

  stateOf(group: string, member: string): State | undefined {
    const known = this.members.get(`${group} ${member}`);
    return known === undefined || known.running > 0 ? undefined : known.state;
  }
}
