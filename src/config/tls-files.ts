/** Reads the files of `tls:` and checks them against each other before use. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Identity, identityOf, type Role, roleMismatch } from './certificate-roles.ts';
import { fileErrorText } from './problems/file-error.ts';

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** PEM, as node:tls expects it. */
export interface TlsMaterial {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Holder of the certificate. */
  readonly identity: Identity;
  /** End of the certificate's or its authority's validity, whichever is earlier. */
  readonly expiresMs: number;
}

/** A problem with the file of a setting. */
export interface TlsFileProblem {
  readonly setting: keyof TlsFiles;
  readonly file: string;
  readonly found: string;
  readonly expected: string;
}

/** All problems of the files, one per line: `tls.cert FILE: found …, expected …`. */
export class TlsFilesError extends Error {
  readonly problems: readonly string[];
  readonly details: readonly TlsFileProblem[];

  /** `path` of the settings in the configuration. */
  constructor(path: string, details: readonly TlsFileProblem[]) {
    const problems = details.map(
      ({ setting, file, found, expected }) =>
        `${path}.${setting} ${file}: found ${found}, expected ${expected}`,
    );
    super(problems.join('\n'));
    this.name = 'TlsFilesError';
    this.problems = problems;
    this.details = details;
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Throws TlsFilesError; `path` of the setting appears in its messages. */
export function loadTlsFiles(files: TlsFiles, nowMs = Date.now(), path = 'tls'): TlsMaterial {
  const problems: TlsFileProblem[] = [];
  const problem = (setting: keyof TlsFiles, found: string, expected: string): void => {
    problems.push({ setting, file: files[setting], found, expected });
  };
  const read = (setting: keyof TlsFiles): Buffer | undefined =>
    readOrReport(files[setting], (found, expected) => problem(setting, found, expected));
  const certificates = (setting: 'ca' | 'cert', pem: Buffer | undefined): X509Certificate[] => {
    return pem ? certificatesIn(pem, (found, expected) => problem(setting, found, expected)) : [];
  };

  const [ca, cert, key] = [read('ca'), read('cert'), read('key')];
  const authorities = certificates('ca', ca);
  const [own] = certificates('cert', cert);
  const privateKey = key && privateKeyOf(key, (found, expected) => problem('key', found, expected));

  // During a change of authorities the file has both, maybe with the same name.
  const issuer =
    own && authorities.find((authority) => own.checkIssued(authority) && own.verify(authority.publicKey));
  for (const [setting, one] of [
    ['ca', issuer ?? authorities[0]],
    ['cert', own],
  ] as const) {
    if (one) checkTime(one, nowMs, (found, expected) => problem(setting, found, expected));
  }
  if (own && privateKey && !own.checkPrivateKey(privateKey))
    problem('key', 'the key of another certificate', `the key of ${files.cert}`);
  if (own && authorities.length > 0 && !issuer)
    problem(
      'cert',
      `a certificate issued by ${oneLine(own.issuer)}`,
      `one issued by an authority in ${files.ca}`,
    );

  if (problems.length > 0 || !ca || !cert || !key || !own || !issuer) throw new TlsFilesError(path, problems);
  return { ca, cert, key, identity: identityIn(own), expiresMs: Math.min(endOf(own), endOf(issuer)) };
}

/** Loads authorities alone, for peers that request no client certificate. Throws TlsFilesError. */
export function loadAuthorities(file: string, path: string): Pick<TlsMaterial, 'ca' | 'expiresMs'> {
  const problems: TlsFileProblem[] = [];
  const report: Report = (found, expected) => problems.push({ setting: 'ca', file, found, expected });
  const pem = readOrReport(file, report);
  const authorities = pem ? certificatesIn(pem, report) : [];
  if (problems.length > 0 || !pem) throw new TlsFilesError(path, problems);
  return { ca: pem, expiresMs: Math.max(...authorities.map(endOf)) };
}

type Report = (found: string, expected: string) => void;

function readOrReport(file: string, report: Report): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    report(fileErrorText(error), 'a readable file');
    return undefined;
  }
}

function certificatesIn(pem: Buffer, report: Report): X509Certificate[] {
  try {
    const found = (pem.toString('latin1').match(CERTIFICATE) ?? []).map((one) => new X509Certificate(one));
    if (found.length === 0) report('none', 'a certificate in PEM form');
    return found;
  } catch {
    report('a damaged certificate', 'a certificate in PEM form');
    return [];
  }
}

function privateKeyOf(pem: Buffer, report: Report): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    report('no private key, or one with a passphrase', 'a private key in PEM form');
    return undefined;
  }
}

function checkTime(certificate: X509Certificate, nowMs: number, report: Report): void {
  const end = endOf(certificate);
  const start = Date.parse(certificate.validFrom);
  if (nowMs > end) report(`a certificate that expired on ${iso(end)}`, 'one that is valid now');
  if (nowMs < start) report(`a certificate that is valid from ${iso(start)} on`, 'one that is valid now');
}

const identityIn = ({ subject, subjectAltName }: X509Certificate): Identity =>
  identityOf(/^CN=(.*)$/m.exec(subject)?.[1], subjectAltName);

/** As loadTlsFiles, for a member of a fleet, whose certificate must have the role. */
export function loadFleetTls(files: TlsFiles, role: Role): TlsMaterial {
  const material = loadTlsFiles(files);
  const mismatch = roleMismatch(material.identity, role);
  if (mismatch !== undefined)
    throw new TlsFilesError('tls', [{ setting: 'cert', file: files.cert, ...mismatch }]);
  return material;
}

const endOf = (certificate: X509Certificate): number => Date.parse(certificate.validTo);
const iso = (ms: number): string => new Date(ms).toISOString();
const oneLine = (distinguishedName: string): string => distinguishedName.split('\n').join(', ');
