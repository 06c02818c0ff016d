/** What the kernel counts for an interface of this thread's network namespace. */
import { readFileSync } from 'node:fs';
import * as native from '../bindings.ts';
import { closeDescriptor } from '../libc.ts';
import { checked } from '../system-error.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFNAME = 0x8910;
/** struct ifreq: 16 bytes of name, then a union of 24, here with the index. */
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;
/** Of the numbers behind the name in /proc/net/dev: eight of receiving, then bytes, packets, errors, drops of sending. */
const SENDING_DROPS = 11;

/**
 * Frames that its own side sent and that the kernel dropped before they left, e.g. because a TAP's queue was full
 * (`tx_dropped`). By the kernel's number, as a VM may rename its interface; undefined: there is no such interface.
 */
export function readSendingDrops(index: number): number | undefined {
  const name = nameOf(index);
  if (name === undefined) return undefined;
  const line = readFileSync('/proc/thread-self/net/dev', 'latin1')
    .split('\n')
    .find((one) => one.trimStart().startsWith(`${name}:`));
  const drops = line
    ?.slice(line.indexOf(':') + 1)
    .trim()
    .split(/\s+/)[SENDING_DROPS];
  return drops === undefined ? undefined : Number(drops);
}

function nameOf(index: number): string | undefined {
  const fd = checked('socket AF_INET', native.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.writeInt32LE(index, NAME_BYTES);
    if (native.ioctlStructure(fd, SIOCGIFNAME, request) < 0) return undefined;
    return request.toString('latin1', 0, request.indexOf(0));
  } finally {
    closeDescriptor(fd);
  }
}
