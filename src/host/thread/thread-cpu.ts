/** CPU time of a thread of this process, from /proc. */
import { readFileSync } from 'node:fs';

/** USER_HZ, the same on every architecture that Linux runs Node on. */
const TICKS_PER_SECOND = 100;
/** Fields of proc(5)'s stat, counted after the name in parentheses. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** undefined: the thread does not exist. */
export function threadCpuSeconds(id: number): { user: number; system: number } | undefined {
  try {
    const text = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const seconds = (at: number): number => Number(fields[at]) / TICKS_PER_SECOND;
    return { user: seconds(USER_TICKS), system: seconds(SYSTEM_TICKS) };
  } catch {
    return undefined;
  }
}
