/**
 * Hosts that should be attached: a host is expected from its first attachment until it leaves on purpose or a person
 * removes it.
 *
 * Theory of operation. A host is recorded at its first attachment, with the labels and networks that decide which
 * groups concern it. When its stream breaks, the record notes the time and the rules in force. Every leader therefore
 * knows the host, even one elected after it vanished. A host that stops (`down`) says farewell and is no longer
 * expected; a killed one cannot. Hosts that come and go with a change of leader cause no writes.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { type GroupConfig, networksOf } from '../../config/model/model.ts';
import { messageOf, Refusal } from '../../config/problems/refusal.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { type Entries, type HostDocument, KEYS, named } from '../groups/stored-documents.ts';
import type { Change } from '../store/store.ts';
import type { AttachedAgent } from './attached-agent.ts';

/** Upper bound: without TLS an agent may claim any name. */
const MAX_HOSTS = 4096;

export interface AwayHost {
  readonly host: string;
  /** Wall clock: when its stream broke, or when this leader was elected if the previous leader had not recorded it. */
  readonly sinceMs: number;
  readonly version: string;
  /** Last known rules in force. */
  readonly epoch: number;
  readonly revision: number;
}

/** What the records need from the controller. */
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
    this.write(agent.host, { version: agent.hello.version, networks: networksOfAgent(agent) });
  }

  /** `revision`: the revision of this term that the host had in force. */
  detached(agent: AttachedAgent, epoch: number, revision: number): void {
    const { host, hello } = agent;
    if (this.leaving.delete(host)) {
      this.write(host, undefined);
      return;
    }
    const rules =
      revision === 0 ? { epoch: hello.rulesEpoch, revision: hello.rulesRevision } : { epoch, revision };
    const away = { awaySinceMs: this.runtime.wallMs(), ...rules };
    this.write(host, { version: hello.version, networks: networksOfAgent(agent), ...away });
  }

  /** The host reports that it stops; it is no longer expected. */
  farewell(host: string): void {
    this.leaving.add(host);
  }

  /** Refusal 404 if the host is unknown, 409 if it is attached. */
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

  /** Whether the host is recorded and has not said farewell. */
  isExpected(host: string): boolean {
    return this.documents.entries.has(KEYS.host + host) && !this.leaving.has(host);
  }

  /** `group`: limits the list to hosts that have one of its networks. */
  away(group?: Pick<GroupConfig, 'network' | 'otherNetworks'>): AwayHost[] {
    const networks = group && networksOf(group);
    const hosts: AwayHost[] = [];
    for (const [host, document] of named<HostDocument>(this.documents.entries, KEYS.host)) {
      if (this.agents.has(host)) continue;
      if (networks?.some((network) => document.networks.includes(network)) === false) continue;
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

const networksOfAgent = ({ networks, ports }: AttachedAgent): string[] =>
  [...new Set(networks?.all.map(({ name }) => name) ?? ports.map(({ network }) => network))].sort();

const count = (entries: Entries): number => [...named(entries, KEYS.host)].length;
