/**
 * Hosts that should be attached: each that has been, until it leaves on purpose or is forgotten by a person.
 *
 * Theory of operation. A host is written down when it attaches for the first time, with what decides which groups concern
 * it; when its stream breaks, since when it is away and which rules it has. So every leader knows of it, one that was
 * elected after the host vanished, too. A host that stops (`down`) says farewell, and is not expected back; a killed one
 * cannot. Nothing is written while hosts come and go with a change of leader.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { messageOf, Refusal } from '../../config/model/refusal.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { type Entries, type HostDocument, KEYS, named } from '../groups/stored-documents.ts';
import type { Change } from '../store/store.ts';
import type { AttachedAgent } from './attached-agent.ts';

/** More are not written down: without TLS an agent may say any name. */
const MAX_HOSTS = 4096;

export interface AwayHost {
  readonly host: string;
  /** Wall clock: when its stream broke, or when this leader was elected, if the one before did not live to see it. */
  readonly sinceMs: number;
  readonly version: string;
  /** Rules that it has in force, as far as is known. */
  readonly epoch: number;
  readonly revision: number;
}

/** What is asked of the controller. */
interface Documents {
  readonly entries: Entries;
  writeFindings(changes: readonly Change[]): Promise<void>;
}

export class ExpectedHosts {
  private readonly documents: Documents;
  private readonly agents: ReadonlyMap<string, AttachedAgent>;
  private readonly runtime: Runtime;
  private readonly log: Logger;
  private readonly electedMs: number;
  private readonly leaving = new Set<string>();

  constructor(
    documents: Documents,
    agents: ReadonlyMap<string, AttachedAgent>,
    runtime: Runtime,
    log: Logger,
  ) {
    this.documents = documents;
    this.agents = agents;
    this.runtime = runtime;
    this.log = log;
    this.electedMs = runtime.wallMs();
  }

  attached(agent: AttachedAgent): void {
    this.leaving.delete(agent.host);
    this.write(agent.host, { version: agent.hello.version, networks: networksOf(agent) });
  }

  /** `revision`: of this term, that the host had in force. */
  detached(agent: AttachedAgent, epoch: number, revision: number): void {
    const { host, hello } = agent;
    if (this.leaving.delete(host)) {
      this.write(host, undefined);
      return;
    }
    const rules =
      revision === 0 ? { epoch: hello.rulesEpoch, revision: hello.rulesRevision } : { epoch, revision };
    const away = { awaySinceMs: this.runtime.wallMs(), ...rules };
    this.write(host, { version: hello.version, networks: networksOf(agent), ...away });
  }

  /** The host says that it stops, and is not to be waited for. */
  farewell(host: string): void {
    this.leaving.add(host);
  }

  /** Refusal 404 or 409 if there is none, or if it is attached. */
  async forget(host: string): Promise<void> {
    if (this.agents.has(host))
      throw new Refusal(
        409,
        `host ${host} is attached; one that is stopped by \`down\` is not expected back`,
      );
    if (!this.documents.entries.has(KEYS.host + host))
      throw new Refusal(404, `host: found ${host}, expected one that is away`);
    await this.write(host, undefined);
  }

  /** Whether it was written down, and has not said farewell. */
  isExpected(host: string): boolean {
    return this.documents.entries.has(KEYS.host + host) && !this.leaving.has(host);
  }

  /** `network`: those alone that have it. */
  away(network?: string): AwayHost[] {
    const hosts: AwayHost[] = [];
    for (const [host, document] of named<HostDocument>(this.documents.entries, KEYS.host)) {
      if (this.agents.has(host) || (network !== undefined && !document.networks.includes(network))) continue;
      const { awaySinceMs = this.electedMs, version, epoch = 0, revision = 0 } = document;
      hosts.push({ host, sinceMs: awaySinceMs, version, epoch, revision });
    }
    return hosts;
  }

  /** Resolves when it counts; never rejects. */
  private async write(host: string, document: HostDocument | undefined): Promise<void> {
    const key = KEYS.host + host;
    const { entries } = this.documents;
    if (isDeepStrictEqual(entries.get(key), document)) return;
    if (document !== undefined && !entries.has(key) && count(entries) >= MAX_HOSTS) return;
    const change: Change = document === undefined ? { key, deleted: true } : { key, value: document };
    try {
      await this.documents.writeFindings([change]);
    } catch (error) {
      this.log.warn(`host ${host} could not be written down: ${messageOf(error)}`);
    }
  }
}

const networksOf = ({ networks, ports }: AttachedAgent): string[] =>
  [...new Set(networks?.all.map(({ name }) => name) ?? ports.map(({ network }) => network))].sort();

const count = (entries: Entries): number => [...named(entries, KEYS.host)].length;
