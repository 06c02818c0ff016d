/**
 * TAP devices as the NICs of VMs that are namespaces.
 *
 * The device is created in the caller's namespace under a temporary name, moved, and renamed inside. If it were
 * created inside, the descriptor would hold a reference on the namespace, which would outlive `ip netns del` and
 * leave Sluice connected to an unreachable VM.
 *
 * A lasting device stays when its process ends without closing it, with all that the VM has configured on it. The next
 * process takes it over. From a process that runs still, it has a copy of the descriptor, and the VM notices nothing: what
 * it sends meanwhile waits in the device's queue. Of one that was killed the device is there without carrier, and is
 * opened again inside of the namespace. Such a descriptor cannot but hold the namespace: its owner must ask from time to
 * time whether the device `isOrphan`.
 */
import { closeSync } from 'node:fs';
import { checkInterfaceName } from '../../native/network/interface-name.ts';
import { readLinkState } from '../../native/network/link-state.ts';
import {
  namespaceExists,
  namespaceIdentity,
  namespacePath,
  withNamespace,
} from '../../native/network/netns.ts';
import {
  describeTap,
  interfaceOf,
  openTap,
  reopenTap,
  setPersistent,
  type TapDescriptor,
  type TapOffloads,
  type TapOptions,
} from '../../native/network/tun.ts';
import { EBADFD, EBUSY, SystemError } from '../../native/system-error.ts';
import type { FrameDevice } from '../engine.ts';
import { runIpBatch, runIpBatches } from './ip-command.ts';
import { checkNamespaceName } from './namespace.ts';

/** Largest IP packet, and in front of it Ethernet with one VLAN tag; GSO frames count whole. */
const MAX_TAP_FRAME_BYTES = 65_535 + 14 + 4;

export interface TapRequest {
  readonly netns: string;
  /** Name inside the namespace. */
  readonly interfaceName: string;
  /** Colon text; absent: the kernel's random one. */
  readonly mac?: string;
  /** Largest IP packet in bytes, 68 to 65521; absent: 1500. */
  readonly mtu?: number;
  /** `address/bits`, IPv4 and IPv6. IPv6 ones are usable at once (nodad). */
  readonly addresses: readonly string[];
  /** Next hops of the default route, at most one per family. */
  readonly gateways: readonly string[];
  readonly options?: TapOptions;
}

export interface Tap {
  readonly fd: number;
  readonly interfaceName: string;
  readonly netns: string;
  /** The kernel's number of the interface, in its namespace. */
  readonly index: number;
  readonly offloads: TapOffloads;
  readonly device: FrameDevice;
  /** The namespace has lost its name, and only the descriptor of a device that was taken over keeps it. */
  isOrphan(): boolean;
  /** From now on the device outlives its process; before, it ends with its descriptor, however that is closed. */
  makeLasting(): void;
  /** Ends the device. Detach it from its engine before. */
  close(): void;
  /** Lets go of the device; a lasting one stays. */
  release(): void;
}

/** Creates a TAP, up and configured, in an existing namespace. Throws an Error with the failed step and the reason. */
export function createTap(request: TapRequest): Tap {
  const { netns, interfaceName } = request;
  const set = configuration(request);
  const opened = openUnderTemporaryName(request.options ?? {});
  try {
    const purpose = `put interface ${interfaceName} into namespace ${netns}`;
    runIpBatch(purpose, [`link set dev ${opened.name} netns ${netns}`]);
    runIpBatch(purpose, [`link set dev ${opened.name} name ${interfaceName}`, ...set], netns);
  } catch (error) {
    closeSync(opened.fd);
    throw error;
  }
  const index = interfaceIndex(netns, interfaceName);
  return tapOf(request, opened, index);
}

/**
 * The same for many TAPs, with a process per namespace in place of several per TAP, several at a time. `fresh`: namespaces
 * whose loopback is to be brought up too. All or none.
 */
export async function createTaps(
  requests: readonly TapRequest[],
  fresh: ReadonlySet<string>,
): Promise<Tap[]> {
  const batches = new Map<string, { purpose: string; commands: string[]; netns: string }>();
  for (const netns of fresh) {
    const purpose = `bring up loopback of network namespace ${netns}`;
    batches.set(netns, { purpose, commands: ['link set lo up'], netns });
  }
  const settings = requests.map(configuration);
  const opened: TapDescriptor[] = [];
  try {
    const moves = requests.map(({ netns, interfaceName, options }, at) => {
      const descriptor = openUnderTemporaryName(options ?? {});
      opened.push(descriptor);
      const { name } = descriptor;
      const commands = [`link set dev ${name} name ${interfaceName}`, ...settings[at]!];
      const purpose = `put interface ${interfaceName} into namespace ${netns}`;
      const batch = batches.get(netns);
      if (batch === undefined) batches.set(netns, { purpose, commands, netns });
      else {
        batch.purpose = purpose;
        batch.commands.push(...commands);
      }
      return `link set dev ${name} netns ${netns}`;
    });
    if (moves.length > 0) runIpBatch('put interfaces into their namespaces', moves);
    await runIpBatches([...batches.values()]);
    return requests.map((request, at) =>
      tapOf(request, opened[at]!, interfaceIndex(request.netns, request.interfaceName)),
    );
  } catch (error) {
    for (const { fd } of opened) closeSync(fd);
    throw error;
  }
}

/**
 * Takes over the lasting TAP that the previous process made for the same request, unchanged; undefined if it is gone or
 * belongs to another process. `index`: its interface index then. `copy`: of that process's descriptor, closed here.
 */
export function takeOverTap(request: TapRequest, index: number, copy?: number): Tap | undefined {
  const { netns, interfaceName, options } = request;
  if (copy !== undefined) {
    if (isDescriptorOf(copy, request, index)) return tapOf(request, describeTap(copy), index, 'taken over');
    closeSync(copy);
  }
  if (!namespaceExists(netns)) return undefined;
  return withNamespace(namespacePath(netns), () => {
    if (readLinkState(interfaceName)?.index !== index) return undefined;
    let opened: TapDescriptor;
    try {
      opened = reopenTap(interfaceName, options);
    } catch (error) {
      if (error instanceof SystemError) return undefined;
      throw error;
    }
    if (readLinkState(interfaceName)?.index === index) return tapOf(request, opened, index, 'taken over');
    closeSync(opened.fd);
    return undefined;
  });
}

function isDescriptorOf(fd: number, { netns, interfaceName }: TapRequest, index: number): boolean {
  try {
    return interfaceOf(fd) === interfaceName && interfaceIndex(netns, interfaceName) === index;
  } catch (error) {
    if (error instanceof SystemError) return false; // the device has disappeared
    throw error;
  }
}

/** Removes a lasting TAP that no process has open, if it still exists. */
export function removeTap(netns: string, interfaceName: string, index: number, copy?: number): void {
  takeOverTap({ netns, interfaceName, addresses: [], gateways: [] }, index, copy)?.close();
}

/** 0: there is no such interface, or no such namespace. */
const interfaceIndex = (netns: string, interfaceName: string): number =>
  namespaceExists(netns)
    ? withNamespace(namespacePath(netns), () => readLinkState(interfaceName)?.index ?? 0)
    : 0;

function tapOf(request: TapRequest, opened: TapDescriptor, index: number, how?: 'taken over'): Tap {
  const { fd, offloads, vnetHeaderBytes } = opened;
  const { netns } = request;
  let isLasting = how === 'taken over';
  const heldNamespace = isLasting ? namespaceIdentity(netns) : undefined;
  return {
    fd,
    interfaceName: request.interfaceName,
    netns,
    index,
    offloads,
    device: { fd, vnetHeaderBytes, maxFrameBytes: MAX_TAP_FRAME_BYTES },
    isOrphan: () => heldNamespace !== undefined && heldNamespace !== namespaceIdentity(netns),
    makeLasting: () => {
      setPersistent(fd, true);
      isLasting = true;
    },
    close: () => {
      if (isLasting) endLasting(fd);
      closeSync(fd);
    },
    release: () => closeSync(fd),
  };
}

/** A device that has disappeared already needs no end. */
function endLasting(fd: number): void {
  try {
    setPersistent(fd, false);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === EBADFD)) throw error;
  }
}

/** The ip(8) commands that configure the interface, all words checked. */
function configuration(request: TapRequest): string[] {
  const { netns, interfaceName, mac, mtu, addresses, gateways } = request;
  checkNamespaceName(netns);
  checkInterfaceName(interfaceName);
  const where = `interface ${interfaceName} of namespace ${netns}`;
  const dev = `dev ${interfaceName}`;
  const commands: string[] = [];
  if (mac !== undefined) {
    if (!/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i.test(mac))
      throw new RangeError(`${where}: MAC "${mac}", expected a unicast address such as 02:00:00:00:01:0b`);
    commands.push(`link set ${dev} address ${mac}`);
  }
  if (mtu !== undefined) {
    if (!(Number.isInteger(mtu) && mtu >= 68 && mtu <= 65_521))
      throw new RangeError(`${where}: mtu ${mtu}, expected 68 to 65521`);
    commands.push(`link set ${dev} mtu ${mtu}`);
  }
  commands.push(`link set ${dev} up`);
  for (const address of addresses) {
    if (!/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(address))
      throw new RangeError(`${where}: address "${address}", expected address/bits`);
    commands.push(`addr add ${address} ${dev}${address.includes(':') ? ' nodad' : ''}`);
  }
  for (const gateway of gateways) {
    if (!/^[0-9a-fA-F.:]+$/.test(gateway))
      throw new RangeError(`${where}: gateway "${gateway}", expected an address`);
    commands.push(`route add ${gateway.includes(':') ? '::/0' : '0.0.0.0/0'} via ${gateway} ${dev}`);
  }
  return commands;
}

let lastNumber = 0;

/** A TAP with a unique name: `sl`, this process's id and a number, at most 15 characters. */
function openUnderTemporaryName(options: TapOptions): TapDescriptor {
  for (let tries = 0; ; tries++) {
    lastNumber = (lastNumber + 1) % 36 ** 5;
    const name = `sl${process.pid.toString(36)}-${lastNumber.toString(36)}`;
    try {
      return openTap(name, options);
    } catch (error) {
      if (error instanceof SystemError && error.errno === EBUSY && tries < 100) continue;
      if (error instanceof SystemError)
        throw new Error(`cannot make a TAP interface: ${error.message}`, { cause: error });
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM' || code === 'ENODEV')
        throw new Error(`cannot make a TAP interface: ${message}; root and the tun driver are needed`, {
          cause: error,
        });
      throw error;
    }
  }
}
