/**
 * AF_PACKET sockets (packet(7), linux/if_packet.h): whole frames of an existing interface, with the vnet header
 * in front, so that checksums and segmentation stay offloaded.
 */
import * as native from './bindings.ts';
import { checkInterfaceName } from './interface-name.ts';
import { closeDescriptor } from './libc.ts';
import { checked, lastErrno, SystemError } from './system-error.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 0x0003;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_VNET_HDR_SZ = 24;
const PACKET_MR_PROMISC = 1;
const SOCKADDR_LL_BYTES = 20;
const PACKET_MREQ_BYTES = 16;

/** Bytes in flight before the socket refuses: room for some dozens of 64 KB segments each way. */
const SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;

export interface PacketSocketOptions {
  /** Take frames for other MAC addresses too. Default true: a switch port must. */
  readonly promiscuous?: boolean;
  /** `auto` asks for the 12-byte header (Linux 6.6) and falls back to 10. */
  readonly vnetHeader?: 'auto' | 10 | 0;
}

export interface PacketSocket {
  readonly fd: number;
  readonly interfaceIndex: number;
  readonly vnetHeaderBytes: 0 | 10 | 12;
}

/** A non-blocking socket on `interfaceName` of this thread's namespace; frames sent by others are not seen. */
export function openPacketSocket(interfaceName: string, options: PacketSocketOptions = {}): PacketSocket {
  checkInterfaceName(interfaceName);
  const interfaceIndex = native.ifNameToIndex(interfaceName);
  if (interfaceIndex === 0) throw new SystemError(`if_nametoindex ${interfaceName}`, lastErrno());
  // Protocol 0: nothing is received before bind has named the interface.
  const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = checked('socket AF_PACKET', native.socket(AF_PACKET, type, 0));
  try {
    setOption(fd, 'SO_SNDBUFFORCE', SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES);
    setOption(fd, 'SO_RCVBUFFORCE', SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES);
    setOption(fd, 'PACKET_IGNORE_OUTGOING', SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    const vnetHeaderBytes = setVnetHeader(fd, options.vnetHeader ?? 'auto');
    const address = Buffer.alloc(SOCKADDR_LL_BYTES);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16BE(ETH_P_ALL, 2);
    address.writeInt32LE(interfaceIndex, 4);
    checked(`bind AF_PACKET ${interfaceName}`, native.bind(fd, address, address.length));
    if (options.promiscuous ?? true) {
      const membership = Buffer.alloc(PACKET_MREQ_BYTES);
      membership.writeInt32LE(interfaceIndex, 0);
      membership.writeUInt16LE(PACKET_MR_PROMISC, 4);
      const result = native.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, membership.length);
      checked(`PACKET_ADD_MEMBERSHIP ${interfaceName}`, result);
    }
    return { fd, interfaceIndex, vnetHeaderBytes };
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function setVnetHeader(fd: number, wanted: 'auto' | 10 | 0): 0 | 10 | 12 {
  if (wanted === 0) return 0;
  if (wanted === 'auto' && native.setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR_SZ, integer(12), 4) === 0)
    return 12;
  setOption(fd, 'PACKET_VNET_HDR', SOL_PACKET, PACKET_VNET_HDR, 1);
  return 10;
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function setOption(fd: number, name: string, level: number, option: number, value: number): void {
  checked(name, native.setsockopt(fd, level, option, integer(value), 4));
}
