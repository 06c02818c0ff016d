/**
 * Events: what has happened on a host or controller, and who or what decided it. One shape for all of them, in the API, in
 * the files and for `sluice events`.
 */

/** Types of events, each with what it says. A type is `area` or `area.happening`; a filter takes either. */
export const EVENT_TYPES = {
  'agent.attached': 'the agent of a host has attached to this controller, or this host to a controller',
  'agent.detached': 'that attachment has ended',
  'audit.agent-forget': 'a person has removed a host that is away',
  'audit.capture': 'a person has begun to capture packets',
  'audit.down': 'a person has stopped this process',
  'audit.group-reset': "a person has undone all of a group's changes",
  'audit.member-add': 'a person has added a member',
  'audit.member-drain': 'a person has drained a member',
  'audit.member-fail': 'a person has failed a member',
  'audit.member-remove': 'a person has removed a member',
  'audit.member-reset': "a person has undone a member's changes",
  'audit.member-cancel': 'a person has dropped changes of a member that were to come',
  'audit.member-weight': "a person has set a member's weight",
  'audit.policy-set': "a person has set a group's policy",
  'audit.reload': 'a person has reloaded a configuration file',
  'audit.scale': "a person has set a group's number of VMs",
  'certificate.expiring': 'a certificate expires soon, or has expired',
  'certificate.renewed': 'a certificate was read again from its files',
  'config.reloaded': 'a configuration file is in force; its differences from the previous one',
  drop: 'packets that a port has dropped for one reason, within a second',
  'drop.denied': 'packets that a firewall rule with `log` has denied, by their addresses and ports',
  'events.lost': 'events that could not be written down',
  'events.missed': 'events that this reader was too slow for',
  'events.omitted': 'events of one type that came faster than they are kept',
  'group.added': 'a group is new',
  'group.removed': 'a group has gone',
  'health.failed': "this host's checks of a member fail",
  'health.passed': "this host's checks of a member succeed again",
  'leader.elected': 'this controller leads',
  'leader.elsewhere': 'another controller leads, or none does',
  'leader.lost': 'this controller no longer leads',
  'member.active': 'a member takes new flows again',
  'member.added': 'a group has a new member',
  'member.draining': 'a member takes no new flows; its remaining ones go on',
  'member.drained': "a draining member's deadline was reached: its remaining flows have ended",
  'member.failed': 'a member has failed: its flows end or move on',
  'member.held-back': 'a member keeps failing and recovering, and has to stay healthy for longer',
  'member.recovered': 'a failed member serves again',
  'member.removed': 'a group has lost a member',
  'member.weight': "a member's configured weight has changed",
  'port.added': 'a port is new',
  'port.down': "a port's device has disappeared",
  'port.removed': 'a port has gone',
  'port.up': "a port's device is there again",
  'process.failed': 'the process ends because of a bug, or because the datapath has ended',
  'process.handing-over': 'the process ends and leaves its work to the next one',
  'process.started': 'the process has started',
  'process.stopping': 'the process ends',
  'process.took-over': 'the process goes on with what the previous one has left',
  'rules.in-force': 'rules of the controllers are in force on this host',
  'rules.refused': 'a host could not bring rules into force',
  'scaling.decided': 'the number of VMs of a group changes',
  'set.begun': 'another criteria set of a group is in force',
  'table.full': 'a table of the datapath is nearly full',
  'table.relieved': 'that table has room again',
  'uplink.added': 'an uplink is new',
  'uplink.down': "an uplink's interface has no carrier, or has disappeared",
  'uplink.removed': 'an uplink has gone',
  'uplink.up': "an uplink's interface is up",
  'vm.crashed': 'a VM has ended by itself',
  'vm.failed': 'a VM could not be started or stopped',
  'vm.started': 'a VM runs',
  'vm.stopped': 'a VM was stopped',
  'weights.changed': 'a policy has changed weights, with the loads that it saw',
} as const satisfies Record<string, string>;

export type EventType = keyof typeof EVENT_TYPES;

/** Changes that people have made. They are kept apart from the other events, and for longer. */
export type AuditType = Extract<EventType, `audit.${string}`>;

/** As they are listed. */
export interface Event {
  /** ISO 8601. */
  readonly time: string;
  /** Name of the host or controller that says so. */
  readonly host: string;
  readonly type: EventType;
  /** What it is about: `group`, `group/member`, a port, a host, a file. */
  readonly subject: string;
  /** Why; '': the type says it. */
  readonly reason: string;
  /** Who or what decided: a user, a certificate's name, `health checks`, `policy inverse-load`; '': nobody. */
  readonly actor: string;
  /** `count`: how many alike this one stands for, with `since`, the time of the first. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** As they are reported. */
export interface NewEvent extends Pick<Event, 'subject'> {
  readonly type: Exclude<EventType, AuditType>;
  readonly reason?: string;
  readonly actor?: string;
  readonly details?: Event['details'];
  /** Sets it apart from alike events, which are folded: see folding.ts. */
  readonly apart?: string;
  /** The line of the log that says the same; absent: only events have it. */
  readonly line?: string;
  /** Of that line; `info` if absent. */
  readonly level?: 'info' | 'warn' | 'error' | 'fatal';
}

/** What everything that can happen is reported to. */
export interface EventSink {
  /** Never throws, and never waits. */
  emit(event: NewEvent): void;
}

/** Where a part of a process writes its log, and reports what happens. */
export interface Outlets<Log> {
  readonly log: Log;
  readonly events: EventSink;
}

/** The areas, which filters take for all of their types. */
export const EVENT_AREAS: readonly string[] = [
  ...new Set(Object.keys(EVENT_TYPES).map((type) => type.split('.')[0]!)),
];

export interface EventFilter {
  /** Wall clock. */
  readonly sinceMs?: number;
  /** A type or an area. */
  readonly type?: string;
  /** `group` is that of its members, too. */
  readonly subject?: string;
}

export function matchesFilter({ time, type, subject }: Event, filter: EventFilter): boolean {
  if (filter.sinceMs !== undefined && !(Date.parse(time) >= filter.sinceMs)) return false;
  if (filter.type !== undefined && type !== filter.type && !type.startsWith(`${filter.type}.`)) return false;
  return (
    filter.subject === undefined || subject === filter.subject || subject.startsWith(`${filter.subject}/`)
  );
}
