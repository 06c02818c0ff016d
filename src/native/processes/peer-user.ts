/**
 * Finds the user at the other end of a connection within this machine.
 *
 * Unix sockets: the kernel reports the user (SO_PEERCRED, unix(7)). Loopback TCP: the other end is a socket of this
 * network namespace, and /proc/net/tcp lists its user. The kernel lists user 0 for sockets without an owner (closed
 * by their process, or not accepted yet), so only a socket with an inode counts, and it must still be connected.
 */
import { readFile } from 'node:fs/promises';
import { isIPv4, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as native from '../bindings.ts';
import { checked } from '../system-error.ts';
import type { User } from './users.ts';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12;
const UID = 4;

/** A listener may accept late: until then the socket at its end has no owner. */
const LOOKS = 60;
const FIRST_LOOK_MS = 1;
const LONGEST_LOOK_MS = 50;

/** The user's id; undefined: the other end was closed. The socket must be connected and local. */
export async function peerUser(socket: Socket): Promise<number | undefined> {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || remoteAddress === undefined) return unixPeerUser(socket);
  const [table, here, there] = [
    isIPv4(plain(remoteAddress)) ? ['tcp', 'tcp6'] : ['tcp6'],
    endpointForms(localAddress, localPort!),
    endpointForms(remoteAddress, remotePort!),
  ];
  for (let look = 0, pauseMs = FIRST_LOOK_MS; look < LOOKS && !socket.destroyed; look++) {
    for (const name of table) {
      const row = findRow(await tableOf(name), there, here);
      if (row !== undefined && row.inode !== 0) return row.uid;
    }
    await sleep(pauseMs);
    pauseMs = Math.min(LONGEST_LOOK_MS, 2 * pauseMs);
  }
  return undefined;
}

/** Of a client: the user that connected; of a server: the user that began to listen. */
function unixPeerUser(socket: Socket): number | undefined {
  const fd = (socket as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  const credentials = Buffer.alloc(UCRED_BYTES);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(UCRED_BYTES);
  checked('SO_PEERCRED', native.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length));
  return credentials.readUInt32LE(UID);
}

interface Reading {
  readonly current: Promise<string>;
  next: Promise<string> | undefined;
}

const readings = new Map<string, Reading>();

/** The kernel's table, read after this call. One read serves all callers that waited before it began. */
function tableOf(name: string): Promise<string> {
  const reading = readings.get(name);
  if (reading === undefined) return read(name);
  reading.next ??= reading.current.then(
    () => read(name),
    () => read(name),
  );
  return reading.next;
}

function read(name: string): Promise<string> {
  const current = readFile(`/proc/thread-self/net/${name}`, 'latin1');
  const reading: Reading = { current, next: undefined };
  readings.set(name, reading);
  const done = (): void => {
    if (readings.get(name) === reading && reading.next === undefined) readings.delete(name);
  };
  current.then(done, done);
  return current;
}

const ESTABLISHED = '01';

/** The connected socket that is `local` to its owner and has `remote` as its other end. */
function findRow(
  table: string,
  local: readonly string[],
  remote: readonly string[],
): { uid: number; inode: number } | undefined {
  for (const ours of local) {
    for (const theirs of remote) {
      const at = table.indexOf(` ${ours} ${theirs} ${ESTABLISHED} `);
      if (at < 0) continue;
      const [, , , , , , uid, , inode] = table.slice(at + 1, table.indexOf('\n', at)).split(/ +/);
      return { uid: Number(uid), inode: Number(inode) };
    }
  }
  return undefined;
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** In the format of /proc/net/tcp and tcp6: words in native byte order, the port as a number; tcp6 may contain IPv4. */
function endpointForms(address: string, port: number): string[] {
  const at = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const bare = plain(address);
  if (isIPv4(bare)) {
    const word = bare.split('.').map(Number).reverse().map(hexByte).join('');
    return [`${word}${at}`, `0000000000000000FFFF0000${word}${at}`];
  }
  // ::1 is the one loopback address of IPv6.
  return [`00000000000000000000000001000000${at}`];
}

const hexByte = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');

/**
 * Why the other end is not believed; undefined: it is root, the user of this process, or `trusted`, the user that
 * controllers run as.
 */
export async function peerProblem(socket: Socket, trusted?: User): Promise<string | undefined> {
  const own = process.geteuid!();
  const user = await peerUser(socket);
  if (user === 0 || user === own || (user !== undefined && user === trusted?.uid)) return undefined;
  const found = user === undefined ? 'nobody at the other end' : `user ${user} at the other end`;
  const others = [own === 0 ? [] : `user ${own}`, trusted === undefined ? [] : trusted.name].flat();
  const expected = ['root', ...new Set(others)].join(' or ');
  return `found ${found} of a connection without tls, expected ${expected}`;
}
