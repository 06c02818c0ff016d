/**
 * Resources of a run directory's process, running or killed, which checks of the machine must not count as another's.
 */
import { listensAt } from '../native/network/listening.ts';
import { MadeThings } from './made-things.ts';
import type { RunDir } from './run-dir.ts';

export interface OwnThings {
  hasTap(netns: string, interfaceName: string, index: number): boolean;
  hasListener(port: number): boolean;
}

/** A directory of another user contains none of ours. */
export function ownThingsOf(runDir: RunDir): OwnThings {
  return {
    hasTap: (netns, interfaceName, index) => {
      const taps = orNothing(() => MadeThings.tapsIn(runDir)) ?? [];
      return taps.some(
        ({ request, index: known }) =>
          known === index && request.netns === netns && request.interfaceName === interfaceName,
      );
    },
    hasListener: (port) => {
      const running = orNothing(() => runDir.running());
      return running !== undefined && listensAt(running.pid, port);
    },
  };
}

function orNothing<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
