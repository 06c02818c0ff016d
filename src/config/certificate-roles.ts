/**
 * The holder of a certificate: its names and its roles in a fleet.
 *
 * A role is a URI among the subject's alternative names, `sluice:role:ROLE`, so that the certificate authority decides
 * which peers are controllers:
 *
 *   host        attaches to controllers under one of its names, and requests data of groups that concern it
 *   controller  is trusted by hosts, which apply the rules that it sends
 *   admin       may change every group
 */
export const ROLES = ['host', 'controller', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Identity {
  /** Common name and DNS names. */
  readonly names: readonly string[];
  readonly roles: readonly Role[];
}

const ROLE_URI = 'sluice:role:';

export const roleUri = (role: Role): string => `${ROLE_URI}${role}`;

/** OpenSSL's list, with values in quotes where they have a comma or a quote in them (node: X509Certificate.subjectAltName). */
const ALTERNATIVE = /([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/y;

/** `commonName`: one or all common names of the subject. */
export function identityOf(commonName: string | readonly string[] | undefined, alternatives = ''): Identity {
  const names = new Set([commonName ?? []].flat());
  const roles = new Set<Role>();
  ALTERNATIVE.lastIndex = 0;
  for (let match = ALTERNATIVE.exec(alternatives); match !== null; match = ALTERNATIVE.exec(alternatives)) {
    const [, kind, value] = match;
    if (kind === 'DNS') names.add(value!);
    const role = kind === 'URI' && value!.startsWith(ROLE_URI) ? value!.slice(ROLE_URI.length) : undefined;
    if (ROLES.includes(role as Role)) roles.add(role as Role);
    if (ALTERNATIVE.lastIndex === alternatives.length) break;
  }
  return { names: [...names], roles: [...roles] };
}

export interface RoleMismatch {
  readonly found: string;
  readonly expected: string;
}

/** Why the certificate does not have the role; undefined if it does. */
export function roleProblem(identity: Identity, role: Role): string | undefined {
  const mismatch = roleMismatch(identity, role);
  return mismatch && `found ${mismatch.found}, expected ${mismatch.expected}`;
}

export function roleMismatch({ names, roles }: Identity, role: Role): RoleMismatch | undefined {
  if (roles.includes(role)) return undefined;
  const name = names[0] ?? 'NAME';
  const found =
    roles.length === 0
      ? 'no role (it is older than roles, or not of tls init)'
      : `the role ${roles.join(', ')}`;
  return {
    found: `a certificate of ${name} with ${found}`,
    expected: `the role ${role}: sluice tls init --${role}s ${name}`,
  };
}
