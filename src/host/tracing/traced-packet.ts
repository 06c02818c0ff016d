/** The frame that a trace asks about: given in hexadecimal, or composed as the port's VM would send it. */
import type { TracedPacket } from '../../api/tracing/trace-shapes.ts';
import type { PortConfig } from '../../config/model/model.ts';
import { HostError } from '../../config/problems/host-error.ts';
import type { Problem } from '../../config/problems/problems.ts';
import { MAX_FRAME_BYTES } from '../../tables/frame-arena.ts';
import { addressFamily, isAddress } from '../../wire/address.ts';
import { composePacket, parseFlags } from '../../wire/packets/compose.ts';

/** The client port, and the identifier of an echo, that a VM could have taken. */
const SOURCE_PORT = 40_000;
const IDENTIFIER = 1;
const TTL = 64;
/** Until the datapath has resolved the next hop: a station that nobody knows. */
const UNKNOWN_MAC = '02:00:00:00:00:00';

/** Bytes of a frame in hexadecimal, spaces and colons ignored; throws HostError 400. */
export function frameFromHex(text: string): Uint8Array {
  const digits = text.replace(/[\s:]/g, '');
  const isHex = /^([0-9a-fA-F]{2})+$/.test(digits);
  if (!isHex || digits.length / 2 > MAX_FRAME_BYTES) {
    const found = isHex ? `${digits.length / 2} bytes` : JSON.stringify(text.slice(0, 40));
    const expected = `1 to ${MAX_FRAME_BYTES} bytes in hexadecimal`;
    throw new HostError(400, 'no frame to trace', [{ path: 'frame', found, expected }]);
  }
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Throws HostError 400 with every problem. */
export function frameFromDescription(packet: TracedPacket, port: PortConfig): Uint8Array {
  const problems = problemsOf(packet);
  if (problems.length > 0) throw new HostError(400, 'no packet to trace', problems);
  const { protocol, source, destination, flags = 'S', ttl = TTL, dscp = 0, vlan, length } = packet;
  return composePacket({
    protocol,
    sourceMac: port.mac,
    destinationMac: UNKNOWN_MAC,
    source,
    destination,
    sourcePort: packet.sourcePort ?? (protocol === 'icmp' ? IDENTIFIER : SOURCE_PORT),
    destinationPort: packet.destinationPort ?? 0,
    flags: parseFlags(flags)!,
    ttl,
    dscp,
    vlan,
    length,
  });
}

function problemsOf(packet: TracedPacket): Problem[] {
  const { protocol, source, destination, destinationPort, flags = 'S' } = packet;
  const problems: Problem[] = [];
  const check = (path: keyof TracedPacket, found: unknown, expected: string, isRight: boolean): void => {
    if (!isRight) problems.push({ path: `packet.${path}`, found: String(found), expected });
  };
  check('source', source, 'an IP address', isAddress(source));
  check('destination', destination, 'an IP address', isAddress(destination));
  if (problems.length === 0) {
    const family = addressFamily(source);
    check(
      'destination',
      destination,
      `an IPv${family} address, as the source`,
      addressFamily(destination) === family,
    );
  }
  if (protocol !== 'icmp')
    check(
      'destinationPort',
      destinationPort ?? 'none',
      `a port: ${protocol} needs one`,
      destinationPort !== undefined,
    );
  check('flags', flags, 'letters of F S R P A U E W', parseFlags(flags) !== undefined);
  return problems;
}
