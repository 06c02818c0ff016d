/** State of an interface in this thread's network namespace, from the kernel (netdevice(7)). */
import * as native from '../bindings.ts';
import { closeDescriptor } from '../libc.ts';
import { checked, ENODEV, lastErrno, SystemError } from '../system-error.ts';
import { checkInterfaceName, INTERFACE_NAME_BYTES } from './interface-name.ts';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
/** struct ifreq: 16 bytes of name, then a union of 24. */
const IFREQ_BYTES = 40;

export interface LinkState {
  /** Interface index: a new interface of the same name has another one. */
  readonly index: number;
  /** Switched on by its administrator. */
  readonly isUp: boolean;
  /** Also has a carrier: the link's other end is up. */
  readonly isRunning: boolean;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  /** Colon text. */
  readonly mac: string;
}

/** Null: there is no interface of this name. */
export function readLinkState(interfaceName: string): LinkState | null {
  checkInterfaceName(interfaceName);
  const fd = checked('socket AF_INET', native.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const ask = (call: string, request: number): Buffer => {
      const argument = Buffer.alloc(IFREQ_BYTES);
      argument.write(interfaceName, 'latin1');
      if (native.ioctlStructure(fd, request, argument) < 0)
        throw new SystemError(`${call} ${interfaceName}`, lastErrno());
      return argument.subarray(INTERFACE_NAME_BYTES);
    };
    const flags = ask('SIOCGIFFLAGS', SIOCGIFFLAGS).readUInt16LE(0);
    return {
      index: ask('SIOCGIFINDEX', SIOCGIFINDEX).readInt32LE(0),
      isUp: (flags & IFF_UP) !== 0,
      isRunning: (flags & IFF_RUNNING) !== 0,
      mtu: ask('SIOCGIFMTU', SIOCGIFMTU).readInt32LE(0),
      // struct sockaddr: two bytes of family, then the address.
      mac: [...ask('SIOCGIFHWADDR', SIOCGIFHWADDR).subarray(2, 8)]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join(':'),
    };
  } catch (error) {
    if (error instanceof SystemError && error.errno === ENODEV) return null;
    throw error;
  } finally {
    closeDescriptor(fd);
  }
}
