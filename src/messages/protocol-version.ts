/** Which version of the protocol a stream uses: the newest that both sides speak. */
import { type Hello, PROTOCOL_VERSIONS, type ProtocolVersions } from './messages.ts';

/** Undefined: there is no common one. */
export function commonVersion(ours: ProtocolVersions, theirs: ProtocolVersions): number | undefined {
  const newest = Math.min(ours.newest, theirs.newest);
  return newest >= Math.max(ours.oldest, theirs.oldest) ? newest : undefined;
}

/** An agent of the first version names a single one. */
export const versionsOf = ({ protocolVersion, newestProtocolVersion = 0 }: Hello): ProtocolVersions => ({
  oldest: protocolVersion,
  newest: Math.max(protocolVersion, newestProtocolVersion),
});

/** Why there is no stream to an agent with this Hello; undefined: there is a common version. */
export function versionProblem(hello: Hello, ours = PROTOCOL_VERSIONS): string | undefined {
  const theirs = versionsOf(hello);
  if (commonVersion(ours, theirs) !== undefined) return undefined;
  return `found protocol version ${rangeText(theirs)}, expected ${rangeText(ours)}`;
}

export const speaks = (version: number, { oldest, newest } = PROTOCOL_VERSIONS): boolean =>
  version >= oldest && version <= newest;

export const rangeText = ({ oldest, newest }: ProtocolVersions): string =>
  oldest === newest ? `${oldest}` : `${oldest} to ${newest}`;
