/** A failed system call: the call, its object, and errno by name and in words. */
import { constants } from 'node:os';
import { koffi, strerror } from './bindings.ts';

/** Linux errno values (asm-generic/errno.h) that os.constants.errno leaves out. */
const FURTHER_NAMES: Record<number, string> = {
  76: 'ENOTUNIQ',
  77: 'EBADFD',
  94: 'ESOCKTNOSUPPORT',
  96: 'EPFNOSUPPORT',
  108: 'ESHUTDOWN',
  112: 'EHOSTDOWN',
};

export const EPERM = 1;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSYS = 38;
export const ETIME = 62;
export const EBADFD = 77;
export const EADDRINUSE = 98;
export const ENETDOWN = 100;
export const ENOBUFS = 105;
export const ECANCELED = 125;

const names = new Map<number, string>(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** `EBUSY` for 16; `errno 999` for a number without a name. */
export const errnoName = (errno: number): string =>
  names.get(errno) ?? FURTHER_NAMES[errno] ?? `errno ${errno}`;

export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly errno: number;
  /** errno's name, as in Node's own system errors. */
  readonly code: string;
  /** The call and what it was applied to, e.g. `TUNSETIFF sl0`. */
  readonly call: string;

  constructor(call: string, errno: number) {
    const words = strerror(errno);
    super(`${call}: ${errnoName(errno)} (${words.charAt(0).toLowerCase()}${words.slice(1)})`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.call = call;
  }
}

/** errno of this thread's last call through the bindings; meaningful only right after a call failed. */
export const lastErrno = (): number => koffi.errno();

/** The result of a call that answers -1 on failure; throws SystemError then. */
export function checked(call: string, result: number): number {
  if (result < 0) throw new SystemError(call, lastErrno());
  return result;
}
