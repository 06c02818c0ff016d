/** What the leader knows of one attached agent. */

import { PeerRequests } from '../../api/peer-requests.ts';
import type { AgentSession } from '../../messages/link.ts';
import type {
  FromController,
  Hello,
  HostNetworks,
  HostTemplates,
  Port,
  Ports,
} from '../../messages/messages.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { HostPort } from '../distribution/interest.ts';

export class AttachedAgent {
  readonly session: AgentSession;
  readonly requests: PeerRequests;
  /** Wall clock. */
  readonly sinceMs: number;
  ports: readonly Port[];
  /** undefined: not reported. */
  networks: HostNetworks | undefined;
  templates: HostTemplates | undefined;
  reports = 0;
  /** Reports missing in the sequence: lost, or merged into later ones by a slow link. */
  missedReports = 0;
  /** Monotonic; undefined: none yet. */
  lastReportMs: number | undefined;
  private lastSequence = 0;

  constructor(session: AgentSession, runtime: Runtime) {
    this.session = session;
    this.sinceMs = runtime.wallMs();
    this.ports = session.hello.ports;
    this.networks = session.hello.networks;
    this.templates = session.hello.templates;
    this.requests = new PeerRequests(runtime, `host ${session.hello.host}`, (message) => {
      session.send(message);
      return true;
    });
  }

  get host(): string {
    return this.session.hello.host;
  }

  get hello(): Hello {
    return this.session.hello;
  }

  /** The ports, with the networks that they reach through the host's router. */
  get hostPorts(): HostPort[] {
    const routed = this.networks?.all.filter((one) => one.routed) ?? [];
    const joined = new Map<string, Set<string>>();
    for (const { name, router = '' } of routed)
      joined.set(router, (joined.get(router) ?? new Set()).add(name));
    const routedTo = new Map(routed.map(({ name, router = '' }) => [name, joined.get(router)!]));
    return this.ports.map((port) => ({ ...port, routedTo: routedTo.get(port.network) }));
  }

  send(message: FromController): void {
    this.session.send(message);
  }

  tookPorts({ ports, networks, templates }: Ports): void {
    this.ports = ports;
    this.networks = networks;
    this.templates = templates;
  }

  noteReport(sequence: number, nowMs: number): void {
    if (this.lastSequence > 0 && sequence > this.lastSequence) {
      this.missedReports += sequence - this.lastSequence - 1;
    }
    this.lastSequence = Math.max(this.lastSequence, sequence);
    this.lastReportMs = nowMs;
    this.reports++;
  }
}
