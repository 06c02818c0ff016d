/** Whether a TCP port of this thread's network namespace is free, and whether a process listens at it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import * as native from '../bindings.ts';
import { closeDescriptor } from '../libc.ts';
import { checked, EADDRINUSE, lastErrno } from '../system-error.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
/** State of a listening socket in /proc/net/tcp. */
const LISTEN = '0A';

/**
 * Whether the port is in use, as a listener at this address would find it. `address`: 4 or 16 bytes. Another obstacle (no
 * such address, no right to the port) is no answer: false.
 */
export function isPortBusy(address: Uint8Array, port: number): boolean {
  const isIpv4 = address.length === 4;
  const fd = checked(
    'socket SOCK_STREAM',
    native.socket(isIpv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0),
  );
  try {
    const one = Buffer.alloc(4);
    one.writeInt32LE(1);
    checked('setsockopt SO_REUSEADDR', native.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one, one.length));
    // struct sockaddr_in, or sockaddr_in6 with its flow label in between.
    const name = Buffer.alloc(isIpv4 ? 16 : 28);
    name.writeUInt16LE(isIpv4 ? AF_INET : AF_INET6);
    name.writeUInt16BE(port, 2);
    name.set(address, isIpv4 ? 4 : 8);
    return native.bind(fd, name, name.length) < 0 && lastErrno() === EADDRINUSE;
  } finally {
    closeDescriptor(fd);
  }
}

/** Whether a process listens at a port, at any address. False if this user may not see it. */
export function listensAt(pid: number, port: number): boolean {
  const digits = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/thread-self/net/${table}`, 'latin1').split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/ +/);
      if (state === LISTEN && local!.endsWith(digits)) inodes.add(`socket:[${inode}]`);
    }
  }
  return inodes.size > 0 && descriptorsOf(pid).some((target) => inodes.has(target));
}

/** The files behind a process's descriptors; those closed meanwhile are omitted. */
function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).flatMap((fd) => {
      try {
        return [readlinkSync(`${directory}/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
