/**
 * Whether a socket listens at a port in a process's namespace, from the kernel's socket tables (proc_pid_net(5)): no
 * packet is sent, and the command is not disturbed.
 */
import { readFileSync } from 'node:fs';

/** include/net/tcp_states.h: TCP_LISTEN; a UDP socket without a peer is in TCP_CLOSE. */
const TCP_LISTEN = '0A';
const UDP_UNCONNECTED = '07';

/** Addresses in these tables are little-endian words in hex. */
const IPV4_LOOPBACK = /^[0-9A-F]{6}7F$/;
const IPV6_LOOPBACK = '00000000000000000000000001000000';

/** TCP or UDP, at an address that other stations can reach. False if the process does not exist. */
export function isServing(pid: number, port: number): boolean {
  return (
    ['tcp', 'tcp6'].some((table) => hasSocket(pid, table, port, TCP_LISTEN)) ||
    ['udp', 'udp6'].some((table) => hasSocket(pid, table, port, UDP_UNCONNECTED))
  );
}

function hasSocket(pid: number, table: string, port: number, state: string): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/net/${table}`, 'latin1');
  } catch {
    return false;
  }
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  // A heading, then: number, local address:port, remote address:port, state, …
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .some(([, local = '', , found]) => {
      const [address = '', at] = local.split(':');
      const isLoopback = IPV4_LOOPBACK.test(address) || address === IPV6_LOOPBACK;
      return at === hexPort && found === state && !isLoopback;
    });
}
