/**
 * Spinning before sleeping, where it costs no one a CPU.
 *
 * A frame that arrives while its receiver spins is seen at once; one that arrives while it sleeps costs a wake-up,
 * some tens of microseconds until the thread runs again. But a spinning thread takes a CPU, and the VMs whose
 * frames are waited for need one too: with more tasks to run than CPUs, sleeping is faster for everybody. So every
 * LOOK_INTERVAL waits the kernel is asked how many tasks want to run (2.7 µs), and while they are more than the CPUs,
 * there is no spinning.
 */
import { availableParallelism } from 'node:os';
import { readClock, readUs32 } from '../../native/monotonic-clock.ts';
import { RunnableTasks } from '../../native/processes/runnable-tasks.ts';

/** Waits between two looks at the number of runnable tasks. */
const LOOK_INTERVAL = 64;
/** Looks at the condition between two looks at the clock, which is far slower. */
const TRIES_PER_CLOCK = 64;

export class BusyPoll {
  readonly durationUs: number;
  private readonly cpus = availableParallelism();
  private readonly tasks = new RunnableTasks();
  private waitsUntilLook = 0;
  private cpuToSpare = true;

  /** `durationUs` 0: never spin. */
  constructor(durationUs: number) {
    this.durationUs = durationUs;
  }

  /** Whether to spin in the wait that begins now. */
  wanted(): boolean {
    if (this.durationUs === 0) return false;
    if (--this.waitsUntilLook < 0) {
      this.waitsUntilLook = LOOK_INTERVAL;
      this.cpuToSpare = this.tasks.count() <= this.cpus;
    }
    return this.cpuToSpare;
  }

  /** Spins until `ready` returns true, for at most durationUs and `maxWaitUs`; false on timeout. */
  spin(ready: () => boolean, maxWaitUs: number): boolean {
    readClock();
    const endUs = (readUs32() + Math.min(this.durationUs, maxWaitUs)) | 0;
    do {
      for (let i = 0; i < TRIES_PER_CLOCK; i++) if (ready()) return true;
      readClock();
    } while (((endUs - readUs32()) | 0) > 0);
    return false;
  }

  close(): void {
    this.tasks.close();
  }
}
