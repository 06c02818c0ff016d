/** What a part of the datapath has reported, as a row of a trace. */
import type { TraceStepRow } from '../../api/tracing/trace-shapes.ts';
import type { Configuration, GroupConfig } from '../../config/model/model.ts';
import type { AddressWords, MacWords, TraceFact, TraceRecord } from '../../datapath/frame/trace-sink.ts';
import { STATE_NAMES } from '../../tables/balancing/connection-record.ts';
import { CHOSEN_BY } from '../../tables/balancing/rule-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { NEIGHBOUR } from '../../tables/forwarding/neighbour-table.ts';
import { formatEndpoint, wordsToAddress, wordsToMac } from '../../wire/address.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import { decisionText, ruleText } from './decision-text.ts';

const nameIn = (names: Readonly<Record<string, number>>, number: number): string =>
  Object.keys(names).find((name) => names[name] === number) ?? 'unknown';

const addressText = (words: AddressWords): string => wordsToAddress(Int32Array.from(words), 0);
const macText = ([high, low]: MacWords): string => wordsToMac(high, low);

/** Candidates that are listed; the others are counted. */
const MAX_LISTED = 16;

type Said = Pick<TraceStepRow, 'verdict' | 'detail'>;

export class FactText {
  private readonly ids: DatapathIds;
  private readonly configuration: Configuration;
  private readonly groups: ReadonlyMap<string, GroupConfig>;
  private readonly portName: (port: number) => string;

  constructor(ids: DatapathIds, configuration: Configuration, portName: (port: number) => string) {
    this.ids = ids;
    this.configuration = configuration;
    this.groups = new Map(configuration.groups.map((group) => [group.name, group]));
    this.portName = portName;
  }

  /** Of a part that is no operator: the forwarding element's. */
  row(fact: TraceFact): TraceStepRow {
    const said = this.of(fact);
    switch (fact.kind) {
      case 'route':
        return { at: `router ${this.routerOf(fact.network)}`, operator: 'router', ...said };
      case 'neighbour':
        return { at: this.network(fact.network), operator: 'neighbour', ...said };
      case 'switch':
        return { at: this.network(fact.network), operator: 'switch', ...said };
      default:
        return { at: this.configuration.host, operator: 'forwarding', ...said };
    }
  }

  of(fact: TraceFact): Said {
    switch (fact.kind) {
      case 'endpoint':
        return { verdict: fact.role, detail: ENDPOINTS[fact.role] };
      case 'connection':
        if (fact.record === undefined)
          return { verdict: 'no-connection', detail: 'no record covers the packet' };
        return {
          verdict: 'connection',
          detail: `${fact.reply ? 'reply of' : 'packet of'} ${this.recordText(fact.record)}`,
        };
      case 'opened':
        return { verdict: 'opened', detail: `a record for the new flow: ${this.recordText(fact.record)}` };
      case 'rule':
        return this.ruleRow(fact);
      case 'criteria': {
        const detail =
          fact.set < 0 ? 'no criteria set is in effect now' : `set ${fact.set + 1} of ${fact.of}`;
        return { verdict: fact.set < 0 ? 'no-criteria' : 'criteria', detail };
      }
      case 'selection':
        return this.selection(fact);
      case 'firewall': {
        const [firewall, rule] = fact.rule < 0 ? ['', ''] : this.ids.firewallRuleOf(fact.rule);
        const by = fact.rule < 0 ? 'the default' : `rule ${rule} of ${firewall}`;
        const detail = fact.known ? 'a flow that it has allowed before' : by;
        return { verdict: fact.allowed ? 'allowed' : 'denied', detail };
      }
      case 'to-member':
        return { verdict: 'to-member', detail: addressText(fact.address) };
      case 'route': {
        const via = fact.via === undefined ? 'on link' : `via ${addressText(fact.via)}`;
        return {
          verdict: 'routed',
          detail: `to network ${this.network(fact.network)}, ${via}, TTL ${fact.ttl}`,
        };
      }
      case 'neighbour': {
        const state = nameIn(NEIGHBOUR, fact.state);
        const isKnown = fact.state !== NEIGHBOUR.incomplete && fact.state !== NEIGHBOUR.failed;
        return {
          verdict: state,
          detail: `${addressText(fact.address)}${isKnown ? ` is at ${macText(fact.mac)}` : ''}`,
        };
      }
      case 'switch':
        return fact.port === NONE
          ? { verdict: 'flood', detail: `${macText(fact.mac)}: at most ${fact.copies} copies` }
          : { verdict: 'known', detail: `${macText(fact.mac)} is behind ${this.portName(fact.port)}` };
      case 'waits':
        return {
          verdict: 'waits',
          detail:
            fact.for === 'neighbour' ? 'until the neighbour answers' : 'until the first fragment is here',
        };
    }
  }

  private ruleRow({ compared, matched }: TraceFact & { kind: 'rule' }): Said {
    const names = compared.map(({ rule, group }) =>
      ruleText(rule, this.ids.groupName(group) ?? 'unknown', this.ids, this.groups),
    );
    if (!matched) {
      const none =
        names.length === 0 ? 'this load balancer has no rule for the address' : `none of ${names.join(', ')}`;
      return { verdict: 'no-rule', detail: none };
    }
    const before = names.slice(0, -1);
    const group = this.groups.get(this.ids.groupName(compared.at(-1)!.group) ?? '');
    const passed = before.length === 0 ? '' : `; not ${before.join(', ')}`;
    return {
      verdict: 'rule',
      detail: `${names.at(-1)}${group === undefined ? '' : ` (${matchText(group)})`}${passed}`,
    };
  }

  private selection({ by, candidates, chosen }: TraceFact & { kind: 'selection' }): Said {
    const listed = candidates.slice(0, MAX_LISTED).map(({ member, weight, isSelf }) => {
      const name = this.ids.memberOf(member)?.member ?? 'unknown';
      return `${name} weight ${weight}${isSelf ? ' (the client itself)' : ''}${member === chosen ? ' ←' : ''}`;
    });
    const more = candidates.length > MAX_LISTED ? [`${candidates.length - MAX_LISTED} more`] : [];
    const name = chosen === NONE ? 'none' : (this.ids.memberOf(chosen)?.member ?? 'unknown');
    const detail = `${name} by ${nameIn(CHOSEN_BY, by)} of ${[...listed, ...more].join(', ')}`;
    return { verdict: chosen === NONE ? 'none-selected' : 'selected', detail };
  }

  private recordText(record: TraceRecord): string {
    const chosen = this.ids.memberOf(record.member);
    const who = chosen === undefined ? 'a flow straight to a member' : `${chosen.group}/${chosen.member}`;
    const { packets, replyPackets, state } = record;
    const counts = `${STATE_NAMES[state] ?? 'unknown'}, ${packets} packets, ${replyPackets} replies`;
    return chosen === undefined
      ? `${who} (${counts})`
      : `${who} (${counts}), ${decisionText(record, this.ids, this.groups)}`;
  }

  private network(id: number): string {
    return this.ids.networkName(id) ?? `network ${id}`;
  }

  private routerOf(network: number): string {
    const name = this.ids.networkName(network);
    return this.configuration.networks.find((one) => one.name === name)?.router ?? 'default';
  }
}

const ENDPOINTS = {
  none: 'the destination is neither a VIP nor a member here',
  vip: 'the destination is a VIP',
  member: 'the destination is a member, addressed directly',
} as const;

/** What a group's rules ask of a packet. */
function matchText({ vip, protocol, port, ports, match }: GroupConfig): string {
  const wanted = [
    `to ${port === undefined ? vip.join(' or ') : vip.map((one) => formatEndpoint(one, port)).join(' or ')}`,
  ];
  if (protocol !== 'any') wanted.push(protocol);
  if (ports !== undefined)
    wanted.push(`ports ${ports.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(', ')}`);
  if (match.sources !== undefined && match.sources.length > 0)
    wanted.push(`from ${match.sources.join(', ')}`);
  return wanted.join(', ');
}
