/** TAP devices (linux/if_tun.h): a network interface whose frames are read and written through a descriptor. */
import { closeSync, constants, openSync } from 'node:fs';
import * as native from '../bindings.ts';
import { checked, EINVAL, lastErrno, SystemError } from '../system-error.ts';
import { checkInterfaceName, INTERFACE_NAME_BYTES } from './interface-name.ts';

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNGETIFF = 0x800454d2;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUNSETVNETLE = 0x400454dc;

const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_TUN_EXCL = 0x8000;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;

/** struct ifreq: 16 bytes of name, then a union of 24. */
const IFREQ_BYTES = 40;

/** sizeof(struct virtio_net_hdr_v1): the header with num_buffers. */
export const VNET_HEADER_BYTES = 12;

/** What the interface's own stack leaves to us; all false without a vnet header. */
export interface TapOffloads {
  /** Partial checksums (VIRTIO_NET_HDR_F_NEEDS_CSUM). */
  readonly checksum: boolean;
  /** TCP segments of up to 64 KB, IPv4 and IPv6, with ECN. */
  readonly tcpSegmentation: boolean;
  /** UDP datagrams of one flow joined to one frame (Linux 6.2). */
  readonly udpSegmentation: boolean;
}

export interface TapDescriptor {
  readonly fd: number;
  readonly name: string;
  readonly vnetHeaderBytes: 0 | 12;
  readonly offloads: TapOffloads;
}

export interface TapOptions {
  /** Frames carry a 12-byte virtio_net_hdr_v1 and offloads are on. Default true. */
  readonly vnetHeader?: boolean;
}

const NO_OFFLOADS: TapOffloads = { checksum: false, tcpSegmentation: false, udpSegmentation: false };

/**
 * Make a TAP named `name` in this thread's network namespace; it lives as long as the descriptor, which is
 * non-blocking. A device of that name must not exist yet (EBUSY).
 */
export const openTap = (name: string, options: TapOptions = {}): TapDescriptor =>
  open(name, options, IFF_TUN_EXCL);

/**
 * Open a TAP named `name` of this thread's network namespace that `setPersistent` has made outlive its descriptor. EBUSY:
 * another process has it open; EINVAL: the interface is no TAP. Where there is no such interface, one is made: the caller
 * has looked, and compares the interface's number afterwards. The descriptor holds the namespace, also when its name is gone.
 */
export const reopenTap = (name: string, options: TapOptions = {}): TapDescriptor => open(name, options, 0);

/** The name of the interface behind a descriptor; throws SystemError if there is none. */
export function interfaceOf(fd: number): string {
  const request = Buffer.alloc(IFREQ_BYTES);
  checked('TUNGETIFF', native.ioctlStructure(fd, TUNGETIFF, request));
  return request.toString('latin1', 0, request.indexOf(0));
}

/** What a TAP that was opened with a vnet header, by another process, is to this one. */
export const describeTap = (fd: number): TapDescriptor => ({
  fd,
  name: interfaceOf(fd),
  vnetHeaderBytes: VNET_HEADER_BYTES,
  offloads: setOffloads(fd),
});

/** Whether the interface stays when its descriptor is closed. */
export function setPersistent(fd: number, isPersistent: boolean): void {
  checked('TUNSETPERSIST', native.ioctlValue(fd, TUNSETPERSIST, isPersistent ? 1 : 0));
}

function open(name: string, options: TapOptions, flags: number): TapDescriptor {
  checkInterfaceName(name);
  const withHeader = options.vnetHeader ?? true;
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name, 'latin1');
    request.writeUInt16LE(
      IFF_TAP | IFF_NO_PI | flags | (withHeader ? IFF_VNET_HDR : 0),
      INTERFACE_NAME_BYTES,
    );
    checked(`TUNSETIFF ${name}`, native.ioctlStructure(fd, TUNSETIFF, request));
    if (!withHeader) return { fd, name, vnetHeaderBytes: 0, offloads: NO_OFFLOADS };
    setInteger(fd, 'TUNSETVNETHDRSZ', TUNSETVNETHDRSZ, VNET_HEADER_BYTES);
    setInteger(fd, 'TUNSETVNETLE', TUNSETVNETLE, 1);
    return { fd, name, vnetHeaderBytes: VNET_HEADER_BYTES, offloads: setOffloads(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function setInteger(fd: number, call: string, request: number, value: number): void {
  const argument = Buffer.alloc(4);
  argument.writeInt32LE(value);
  checked(call, native.ioctlStructure(fd, request, argument));
}

/** All offloads that the kernel knows: kernels before 6.2 refuse the USO bits. */
function setOffloads(fd: number): TapOffloads {
  const tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (native.ioctlValue(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) === 0)
    return { checksum: true, tcpSegmentation: true, udpSegmentation: true };
  const errno = lastErrno();
  if (errno !== EINVAL) throw new SystemError('TUNSETOFFLOAD', errno);
  checked('TUNSETOFFLOAD', native.ioctlValue(fd, TUNSETOFFLOAD, tcp));
  return { checksum: true, tcpSegmentation: true, udpSegmentation: false };
}
