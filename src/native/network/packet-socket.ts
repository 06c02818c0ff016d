/**
 * AF_PACKET sockets (packet(7), linux/if_packet.h): whole frames of an existing interface, with the vnet header
 * in front, so that checksums and segmentation stay offloaded.
 *
 * The kernel takes the outer 802.1Q tag out of a received frame, and a plain read does not say which one it was. So a
 * socket serves one VLAN (or the untagged frames), and a filter in the kernel, where the tag is known, gives it no
 * others. Frames to the interface's own address are the kernel's: the filter keeps them back too.
 */

import * as native from '../bindings.ts';
import { closeDescriptor } from '../libc.ts';
import { checked, lastErrno, SystemError } from '../system-error.ts';
import { attachFilter, type Instruction } from './bpf.ts';
import { checkInterfaceName } from './interface-name.ts';

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
const PACKET_STATISTICS = 6;
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
  /**
   * Which frames to receive, always without those to the interface's own address: those of one VLAN (1 to 4094), which
   * then come without their tag, or `untagged` ones. Absent: all, with tags removed.
   */
  readonly vlan?: number | 'untagged';
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
    // Before the interface is named, so that no frame gets past it.
    if (options.vlan !== undefined) attachFilter(fd, vlanFilter(options.vlan));
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

/** Offsets of the kernel's metadata of a frame (linux/filter.h, SKF_AD_…). */
const AD_PACKET_TYPE = 0xffff_f000 + 4;
const AD_VLAN_TAG = 0xffff_f000 + 44;
const AD_VLAN_TAG_PRESENT = 0xffff_f000 + 48;
const AD_VLAN_PROTOCOL = 0xffff_f000 + 60;
/** A frame to the interface's own address (linux/if_packet.h). */
const PACKET_HOST = 0;
const ETH_P_8021Q = 0x8100;
const VID_MASK = 0xfff;

// Classic BPF (linux/bpf_common.h): load a word, load a 16-bit field, and with a mask, skip if equal, end with a verdict.
const LOAD = 0x20;
const AND = 0x54;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
/** Bytes to keep: all of them. */
const ACCEPT: Instruction = [RETURN, 0, 0, 0xffff_ffff];
const REFUSE: Instruction = [RETURN, 0, 0, 0];

/** A priority tag (VID 0) makes a frame no member of any VLAN (802.1Q §9.6): it counts as untagged. */
function vlanFilter(vlan: number | 'untagged'): Instruction[] {
  if (vlan === 'untagged')
    return [
      [LOAD, 0, 0, AD_PACKET_TYPE],
      [JUMP_IF_EQUAL, 4, 0, PACKET_HOST],
      [LOAD, 0, 0, AD_VLAN_TAG],
      [AND, 0, 0, VID_MASK],
      [JUMP_IF_EQUAL, 0, 1, 0],
      ACCEPT,
      REFUSE,
    ];
  if (!(Number.isInteger(vlan) && vlan >= 1 && vlan <= 4094))
    throw new RangeError(`packet socket: VLAN ${vlan}, expected 1 to 4094`);
  return [
    [LOAD, 0, 0, AD_PACKET_TYPE],
    [JUMP_IF_EQUAL, 8, 0, PACKET_HOST],
    [LOAD, 0, 0, AD_VLAN_TAG_PRESENT],
    [JUMP_IF_EQUAL, 6, 0, 0],
    [LOAD, 0, 0, AD_VLAN_PROTOCOL],
    [JUMP_IF_EQUAL, 0, 4, ETH_P_8021Q],
    [LOAD, 0, 0, AD_VLAN_TAG],
    [AND, 0, 0, VID_MASK],
    [JUMP_IF_EQUAL, 0, 1, vlan],
    ACCEPT,
    REFUSE,
  ];
}

/** Frames that found the socket's receive buffer full since the last call. */
export function takeLostFrames(fd: number): number {
  const statistics = Buffer.alloc(8); // struct tpacket_stats: frames that came, and of them those that were lost
  const result = native.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, statistics, integer(statistics.length));
  checked('PACKET_STATISTICS', result);
  return statistics.readUInt32LE(4);
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
