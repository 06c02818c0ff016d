/** CLOCK_REALTIME in nanoseconds, read without garbage (as monotonic-clock.ts does, and why). */
import * as native from './bindings.ts';
import { mapAnonymous } from './memory.ts';

const CLOCK_REALTIME = 0;

/** struct timespec: 64 bits of seconds, of which the low 32 do until 2106, and nanoseconds. */
const time = mapAnonymous(16);
const words = new Uint32Array(time.bytes);
const address = native.steadyNumber(time.address);

/** `read` reads the clock for the other two, until the next reading in this thread. */
export const wallClock = {
  read: (): void => {
    native.clockGettime(CLOCK_REALTIME, address[0]);
  },
  /** Since 1970. */
  seconds: (): number => words[0]!,
  nanoseconds: (): number => words[2]!,
};
