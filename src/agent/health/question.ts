/** A question to a server that may be slow, silent or hostile: it is settled once, in time. */
import type { Runtime } from '../../runtime/runtime.ts';

/** Asks, and calls `settle` with the outcome; later calls have no effect. Returns a function that cancels it. */
export type Ask<Outcome> = (settle: (outcome: Outcome) => void) => () => void;

/**
 * Resolves within `timeoutMs`, plus delays of this thread, which do not count against the server. Never rejects:
 * `late` is the outcome without one in time, `broken` that of an `ask` that throws.
 */
export function askWithin<Outcome>(
  timeoutMs: number,
  runtime: Runtime,
  ask: Ask<Outcome>,
  { late, broken }: { late(): Outcome; broken(error: Error): Outcome },
): Promise<Outcome> {
  return new Promise((resolve) => {
    let cancel = (): void => {};
    let isSettled = false;
    const settle = (outcome: Outcome): void => {
      if (isSettled) return;
      isSettled = true;
      runtime.clearTimer(timer);
      cancel();
      resolve(outcome);
    };
    // Replies already in the socket are read first: a delay of this thread must not fail the server.
    const timer = runtime.setTimer(() => runtime.soon(() => settle(late())), timeoutMs);
    try {
      const cancelThis = ask(settle);
      if (isSettled) cancelThis();
      else cancel = cancelThis;
    } catch (error) {
      settle(broken(error as Error));
    }
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
};

/** Errors that concern only this host. */
const OWN_ERRORS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'ENETDOWN']);

/** `isOwn`: the server has nothing to do with it. */
export function socketError({ code = '', message }: NodeJS.ErrnoException): {
  isOwn: boolean;
  reason: string;
} {
  return { isOwn: OWN_ERRORS.has(code), reason: REASONS[code] ?? message };
}
