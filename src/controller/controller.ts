/**
 * One controller: follower or leader, with its agents and people's requests.
 *
 * Theory of operation. Controllers share a store, and one of them leads. Only the leader accepts agents (the others
 * redirect them, waiting-agents.ts), computes and writes; each write carries the epoch of the leader's election and
 * is refused after a newer election. All controllers know the groups from the store, so a new leader starts with them
 * and needs only the load from the agents.
 *
 * A change is checked against the current groups, written, and sent to the agents; the request is answered when the
 * agents concerned have it in force, or are late. If every one of them refuses it, it is reverted. While the store
 * cannot be written, changes are refused, and everything else continues.
 */
import type { Logger } from 'pino';
import { answerCall } from '../api/call.ts';
import type { Answerer } from '../api/routes.ts';
import type { Changed } from '../api/shapes.ts';
import type { Configuration, GroupConfig, NetworkConfig, TemplateConfig } from '../config/model/model.ts';
import { ownEntry } from '../config/model/own-entry.ts';
import { messageOf, Refusal } from '../config/problems/refusal.ts';
import type { EventSink } from '../events/event.ts';
import type { AgentSession, AgentSessionHandler, AgentSessionListener } from '../messages/link.ts';
import type { Request } from '../messages/messages.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { checkAgentRequest, isFarewell } from './agents/agent-requests.ts';
import type { AttachedAgent } from './agents/attached-agent.ts';
import { ExpectedHosts } from './agents/expected-hosts.ts';
import { WaitingAgents } from './agents/waiting-agents.ts';
import { EpochRaise } from './epoch-raise.ts';
import { GroupChanges } from './group-changes.ts';
import { groupEvents } from './groups/group-events.ts';
import { failedBy, type GroupStates } from './groups/group-states.ts';
import { Replica } from './groups/replica.ts';
import { type Tombstone, tombstoneOf } from './groups/stored-documents.ts';
import { HealthVerdicts } from './health/health-verdicts.ts';
import { Scaling } from './scaling/scaling.ts';
import { VmKeeper } from './scaling/vm-keeper.ts';
import type { Campaign, Change, Store } from './store/store.ts';
import { DEFAULT_TERM_SETTINGS, Term, type TermSettings } from './term.ts';
import { TimedChanges } from './timed-changes.ts';

export interface ControllerOptions {
  /** Networks, and the groups that the file seeds. */
  readonly configuration: Configuration;
  /** The owner closes it, after `stop`. */
  readonly store: Store;
  readonly log: Logger;
  readonly events: EventSink;
  readonly runtime: Runtime;
  /** `id`: its own among the controllers of a store, the same at each start. `address`: where agents reach it. */
  readonly self: { readonly id: string; readonly address: string };
  readonly settings?: Partial<TermSettings>;
}

/** State that exists only while this controller leads. */
interface Office {
  readonly term: Term;
  readonly hosts: ExpectedHosts;
  readonly vms: VmKeeper;
  readonly scaling: Scaling;
  readonly health: HealthVerdicts;
  readonly timed: TimedChanges;
}

export class Controller implements AgentSessionHandler {
  readonly id: string;
  readonly runtime: Runtime;
  /** Wall clock. */
  readonly startedAtMs: number;
  private readonly startedMs: number;
  private readonly options: ControllerOptions;
  private readonly log: Logger;
  private readonly replica: Replica;
  private readonly campaign: Campaign;
  private readonly waitingAgents = new WaitingAgents();
  private readonly epochRaise: EpochRaise;
  private configurationNow: Configuration;
  /** The groups as the last events have told of them. */
  private shown: GroupStates;
  private office: Office | undefined;
  private leaderAddress: string | undefined;
  /** Of groups, by people and by the VM keeper. */
  readonly changes: GroupChanges;
  private agentAnswerer: Answerer = () => {
    throw new Refusal(503, 'this controller answers no requests yet');
  };

  /** Stands for election at once; agents may attach from now on. */
  constructor(options: ControllerOptions) {
    const { configuration, store, log, runtime, self, settings } = options;
    this.id = self.id;
    this.runtime = runtime;
    this.startedAtMs = runtime.wallMs();
    this.startedMs = runtime.monotonicMs();
    this.options = { ...options, settings: { ...DEFAULT_TERM_SETTINGS, ...settings } };
    this.configurationNow = configuration;
    this.log = log;
    this.replica = new Replica(store, log, runtime, () => this.stateChanged());
    this.shown = this.replica.groups;
    this.changes = new GroupChanges(this, this.replica);
    this.epochRaise = new EpochRaise((above) => this.campaign.raiseEpoch(above), log, runtime);
    this.campaign = store.campaign(self, {
      elected: (epoch) => this.elected(epoch),
      lost: (reason) => this.lost(reason),
      leader: (address) => this.leaderIs(address),
    });
  }

  get uptimeMs(): number {
    return this.runtime.monotonicMs() - this.startedMs;
  }

  /** As configured in the file, without changes from the store. */
  get configuration(): Configuration {
    return this.configurationNow;
  }

  get groups(): GroupStates {
    return this.replica.groups;
  }

  /** Malformed documents of the store: reason by key. */
  get setAside(): ReadonlyMap<string, string> {
    return this.replica.setAside;
  }

  /** undefined: this controller follows. */
  get leadership(): Term | undefined {
    return this.office?.term;
  }

  get templates(): readonly TemplateConfig[] {
    return this.configurationNow.templates;
  }

  get networks(): readonly NetworkConfig[] {
    return this.configurationNow.networks;
  }

  get storeKind(): Store['kind'] {
    return this.options.store.kind;
  }

  /** The leader's last known address. */
  get leader(): string | undefined {
    return this.leaderAddress;
  }

  /** Resigns leadership, disconnects the agents, and stops writing. */
  async stop(): Promise<void> {
    this.epochRaise.stop();
    await this.campaign.resign();
    this.endTerm('');
    this.replica.stop();
    await this.changes.idle();
  }

  /** The leader's term; throws a Refusal with the leader's address if another controller leads. */
  leading(): Term {
    return this.inOffice().term;
  }

  private inOffice(): Office {
    if (this.office !== undefined) return this.office;
    const where = this.leaderAddress === undefined ? 'none is known' : `it is at ${this.leaderAddress}`;
    throw new Refusal(503, `this controller is not the leader; ${where}`);
  }

  attached(session: AgentSession): AgentSessionListener {
    if (this.office === undefined) return this.waitingAgents.admit(session, this.leaderElsewhere);
    return this.office.term.attach(session);
  }

  /** Handler of API requests that agents forward from their hosts. */
  answerAgentsWith(answerer: Answerer): void {
    this.agentAnswerer = answerer;
  }

  /** Of the leader. */
  get scaling(): Scaling {
    return this.inOffice().scaling;
  }

  /** Of the leader. */
  get vms(): VmKeeper {
    return this.inOffice().vms;
  }

  /** Health check result of a member, for people; undefined: nothing to report. */
  healthOf(groupName: string, member: string): string | undefined {
    const { office } = this;
    const state = this.groups.get(groupName);
    if (office === undefined || state === undefined) return undefined;
    const { group, health } = state;
    const failure = ownEntry(health, member);
    if (failure === undefined) {
      const isChecked = group.health === undefined || office.health.checkersOf(groupName, member) > 0;
      return failedBy(state, member) ?? (isChecked ? undefined : 'checked by nobody');
    }
    const heldMs = office.health.heldForMs(group, member);
    if (heldMs === undefined) return failure.detail;
    return `${failure.detail}; in use ${Math.ceil(heldMs / 1000)} s after it stays healthy`;
  }

  /** Of the leader. */
  get healthChecks(): HealthVerdicts {
    return this.inOffice().health;
  }

  /** Of the leader. */
  get hosts(): ExpectedHosts {
    return this.inOffice().hosts;
  }

  // --- changes ---------------------------------------------------------------------------------------------------

  /** The groups as they will be when this file is taken up; those that it does not change are the same objects. */
  preview(configuration: Configuration): GroupConfig[] {
    return [...groupsOf(this.previewStates(configuration)).values()];
  }

  previewStates(configuration: Configuration): GroupStates {
    return this.replica.preview(configuration, this.id);
  }

  /** Who has removed the group, and when; undefined: it was not removed. */
  tombstoneOf(group: string): Tombstone | undefined {
    return tombstoneOf(this.replica.entries, group);
  }

  write(changes: readonly Change[]): Promise<void> {
    return this.replica.write(changes, this.leading().epoch);
  }

  writeFindings(changes: readonly Change[]): Promise<void> {
    return this.replica.writeFindings(changes, this.leading().epoch);
  }

  /** Applies a changed file. */
  async reload(configuration: Configuration, by?: string): Promise<Changed> {
    await this.changes.exclusively(async () => {
      const { epoch } = this.leading();
      this.configurationNow = configuration;
      await this.replica.applyFile(configuration, this.id, epoch, by);
    }, by);
    return this.changes.settled(undefined);
  }

  // --- leadership ------------------------------------------------------------------------------------------------

  private elected(epoch: number): void {
    const { replica } = this;
    // After a raised epoch its agents attach here again.
    this.endTerm(this.options.self.address);
    this.options.events.emit({
      type: 'leader.elected',
      subject: this.id,
      details: { epoch },
      line: `controller ${this.id} leads, epoch ${epoch}`,
    });
    const { self, settings } = this.options;
    const term = new Term(
      epoch,
      self,
      settings as TermSettings,
      {
        requested: (agent, request) => {
          this.agentAsks(agent, request).catch((error) =>
            this.log.error({ err: error }, `a request of host ${agent.host} failed: ${messageOf(error)}`),
          );
        },
        probed: (host, results) => health.took(host, results),
        vmEvent: (host, event) => vms.took(host, event),
        attached: (agent) => {
          hosts.attached(agent);
          vms.attached(agent);
        },
        outranked: (host, epoch) => this.epochRaise.seen(host, epoch),
        detached: (agent, revision) => {
          hosts.detached(agent, epoch, revision);
          health.detached(agent.host);
          vms.detached(agent.host);
        },
      },
      this.options,
    );
    const hosts = new ExpectedHosts(
      {
        get entries() {
          return replica.entries;
        },
        writeFindings: (changes) => replica.writeFindings(changes, epoch),
      },
      term.agents,
      this.runtime,
      this.log,
    );
    const vms = new VmKeeper(term, this.replica.entries, this.changes, this.options);
    const { settlingMs } = settings as TermSettings;
    const scaling = new Scaling(term, this.changes, vms, settlingMs, this.options);
    const { healthWarmUpMs } = settings as TermSettings;
    const health = new HealthVerdicts(this, term.agents, this.options, this.runtime, {
      warmUpMs: healthWarmUpMs,
      settlingMs,
    });
    const timed = new TimedChanges(this.changes, this.runtime, this.log);
    this.office = { term, hosts, vms, scaling, health, timed };
    timed.watch(this.groups);
    term.begin(groupsOf(this.groups), this.replica.tombstones);
    this.waitingAgents.attach((session) => term.attach(session));
    this.replica
      .applyFile(this.configurationNow, this.id, epoch)
      .catch((error) => this.log.error(`the file's groups: ${messageOf(error)}`));
  }

  private lost(reason: string): void {
    this.options.events.emit({
      type: 'leader.lost',
      subject: this.id,
      reason,
      line: `controller ${this.id} has lost leadership: ${reason}`,
      level: reason === 'resigned' ? 'info' : 'warn',
    });
    this.endTerm(this.leaderElsewhere ?? '');
  }

  private leaderIs(address: string | undefined): void {
    if (address === this.leaderAddress) return;
    this.leaderAddress = address;
    const elsewhere = this.leaderElsewhere;
    if (address === undefined || elsewhere !== undefined)
      this.options.events.emit({
        type: 'leader.elsewhere',
        subject: elsewhere ?? this.id,
        reason: elsewhere === undefined ? 'no controller leads' : '',
        line: elsewhere === undefined ? 'no controller leads' : `the controller at ${elsewhere} leads`,
      });
    this.waitingAgents.leaderIs(elsewhere);
  }

  /** The address that agents are redirected to. */
  private get leaderElsewhere(): string | undefined {
    return this.leaderAddress === this.options.self.address ? undefined : this.leaderAddress;
  }

  private endTerm(leader: string): void {
    const { office } = this;
    if (office === undefined) return;
    this.office = undefined;
    this.replica.dropUnwritten();
    office.timed.stop();
    office.health.stop();
    office.scaling.stop();
    office.vms.stop();
    office.term.end(leader);
  }

  private stateChanged(): void {
    const before = this.shown;
    this.shown = this.groups;
    // Others say what has happened while another one leads.
    if (this.office !== undefined)
      for (const event of groupEvents(before, this.shown, this.changes.by)) this.options.events.emit(event);
    const { office } = this;
    office?.term.setGroups(groupsOf(this.groups), this.replica.tombstones);
    office?.timed.watch(this.groups);
  }

  private async agentAsks(agent: AttachedAgent, request: Request): Promise<void> {
    const { id, method, path, body, actor = '' } = request;
    const by = actor === '' ? `host ${agent.host}` : `${actor} at host ${agent.host}`;
    const call = { method, target: path, body, actor: by };
    const answerer: Answerer = (asked) => {
      if (isFarewell(agent.host, asked.method, asked.path)) {
        this.hosts.farewell(agent.host);
        return {};
      }
      checkAgentRequest(agent, this.groups, asked.method, asked.path);
      return this.agentAnswerer(asked);
    };
    const answer = await answerCall(call, answerer, (error) =>
      this.log.error({ err: error }, `api: ${method} ${path} of host ${agent.host} failed`),
    );
    agent.send({ type: 'reply', id, status: answer.status, body: JSON.stringify(answer.body) });
  }
}

const groupsOf = (groups: GroupStates) => new Map([...groups].map(([name, { group }]) => [name, group]));
