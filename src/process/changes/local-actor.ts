/** Names the user of a request over the API's unix socket, for audit trails: `uid 1000 (alice)`. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { peerUser } from '../../native/processes/peer-user.ts';

export async function localActor(socket: Socket): Promise<string> {
  const uid = await peerUser(socket).catch(() => undefined);
  if (uid === undefined) return 'unknown user';
  const name = nameOf(uid);
  return name === undefined ? `uid ${uid}` : `uid ${uid} (${name})`;
}

function nameOf(uid: number): string | undefined {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find((fields) => fields[2] === String(uid))?.[0];
  } catch {
    return undefined;
  }
}
