/** Frames of a test's own making, sent from inside a VM past its kernel. */
import { join } from 'node:path';
import { hexOf } from './addresses.ts';
import type { Host } from './host.ts';
import { rawFrame, UDP, udpFrame, type Way, type WireFrame } from './packets.ts';

const SEND_FRAMES = join(import.meta.dirname, 'clients/send-frames.js');

/** Sends frames out of a VM's eth0, in order; what their vnet headers leave to others is left to them. */
export async function sendFrames(
  host: Pick<Host, 'start'>,
  vm: string,
  frames: readonly WireFrame[],
): Promise<void> {
  const hasOffloads = frames.some(({ vnet }) => vnet.some((byte) => byte !== 0));
  const sender = host.start(vm, process.execPath, SEND_FRAMES, ...(hasOffloads ? ['--vnet'] : []));
  const lines = frames.map(({ vnet, bytes }) => `${hasOffloads ? hexOf(vnet) : ''}${hexOf(bytes)}\n`);
  sender.child.stdin!.end(lines.join(''));
  const status = await sender.ended;
  if (status !== 0) throw new Error(`send-frames: exit status ${status}: ${sender.stderr}`);
}

/** The way of an IPv4 packet from a VM to an address of its network, as its kernel would send it. */
export async function wayFrom(host: Host, vm: string, from: string, to: string): Promise<Way> {
  await host.try(vm, 'ping', '-n', '-c', '1', '-W', '1', to);
  const [entry] = JSON.parse(await host.exec(vm, 'ip', '-json', 'neighbour', 'show', to));
  if (entry?.lladdr === undefined) throw new Error(`${vm}: found no neighbour ${to}`);
  return { fromMac: await macOf(host, vm), toMac: entry.lladdr, from, to };
}

export const macOf = async (host: Host, vm: string): Promise<string> =>
  (await host.exec(vm, 'cat', '/sys/class/net/eth0/address')).trim();

/** An IPv4 datagram in fragments of at most `bytes` bytes of payload, a multiple of 8. */
export function udpFragments(
  way: Way,
  ports: { sourcePort: number; destinationPort: number; payload: Uint8Array },
  bytes: number,
  identification: number,
): WireFrame[] {
  const datagram = udpFrame(way, ports).bytes.subarray(34);
  const pieces: WireFrame[] = [];
  for (let offset = 0; offset < datagram.length; offset += bytes) {
    const fragment = { offset, more: offset + bytes < datagram.length };
    const part = { ...way, identification, df: false, fragment };
    pieces.push(rawFrame(part, UDP, datagram.subarray(offset, offset + bytes)));
  }
  return pieces;
}
