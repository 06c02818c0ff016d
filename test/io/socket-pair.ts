/** A pair of connected datagram sockets: one end stands for a device, whose frames the test writes and reads. */
import { readSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import type { FrameDevice } from '../../src/io/engine.ts';
import { closeDescriptor } from '../../src/native/libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;

/** So little that some hundred frames fill it. */
const SOCKET_BUFFER_BYTES = 256 * 1024;

const libc = koffi.load(null);
const socketpair = libc.func('socketpair', 'int', ['int', 'int', 'int', 'void *']);
const setsockopt = libc.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']);

export interface SocketDevice {
  readonly device: FrameDevice;
  /** Hand the engine a datagram: vnet header, if any, and frame. */
  feed(datagram: Uint8Array): void;
  /** What the engine wrote, oldest first, or null. */
  take(): Buffer | null;
  close(): void;
}

export function openSocketDevice(vnetHeaderBytes: 0 | 10 | 12, maxFrameBytes = 65_553): SocketDevice {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds) !== 0) throw new Error('socketpair failed');
  const [fd, peer] = fds as unknown as [number, number];
  const size = new Int32Array([SOCKET_BUFFER_BYTES]);
  for (const end of [fd, peer]) setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, size, 4);
  return {
    device: { fd, vnetHeaderBytes, maxFrameBytes },
    feed: (datagram) => {
      writeSync(peer, datagram);
    },
    take: () => {
      const buffer = Buffer.alloc(70_000);
      try {
        return buffer.subarray(0, readSync(peer, buffer));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
        throw error;
      }
    },
    close: () => {
      closeDescriptor(fd);
      closeDescriptor(peer);
    },
  };
}
