/** Both ends of a link for tests: what they say, and what they heard. */
import type { LinkLog } from '../../src/messages/fleet-service.ts';
import type {
  AgentSession,
  AgentSessionHandler,
  AgentSessionListener,
  ControllerLinkHandler,
} from '../../src/messages/link.ts';
import {
  type FromAgent,
  type FromController,
  type Hello,
  PROTOCOL_VERSIONS,
  type Welcome,
} from '../../src/messages/messages.ts';
import { type ReportRow, RowKeys } from '../../src/messages/report.ts';

export const helloOf = (host: string, agentEpoch = 1): Hello => ({
  protocolVersion: PROTOCOL_VERSIONS.oldest,
  host,
  agentEpoch,
  version: '0',
  ports: [],
  rulesEpoch: 0,
  rulesRevision: 0,
});

export const welcomeOf = (controller: string): Welcome => ({
  protocolVersion: PROTOCOL_VERSIONS.oldest,
  epoch: 3,
  controller,
  leader: '',
  reportIntervalMs: 1000,
  reportRaw: false,
});

/** A controller that takes every agent, or redirects all of them. */
export class TestController implements AgentSessionHandler {
  readonly name: string;
  readonly sessions = new Map<string, AgentSession>();
  readonly received: FromAgent[] = [];
  readonly rows: ReportRow[] = [];
  readonly detachments: string[] = [];
  /** Set: where agents are sent. */
  redirect: string | undefined;
  /** Those that were sent elsewhere, and are still here. */
  readonly waiting = new Set<AgentSession>();
  welcome: Welcome;
  /** Called with each message that is no report. */
  onMessage: (message: FromAgent) => void = () => {};

  constructor(name = 'c1') {
    this.name = name;
    this.welcome = welcomeOf(name);
  }

  attached(session: AgentSession): AgentSessionListener {
    if (this.redirect !== undefined) {
      session.send({ type: 'redirect', leader: this.redirect });
      this.waiting.add(session);
      return { received: () => {}, detached: () => this.waiting.delete(session) };
    }
    const { host } = session.hello;
    this.sessions.set(host, session);
    session.send({ type: 'welcome', ...this.welcome });
    const keys = new RowKeys();
    return {
      received: (message) => {
        if (message.type === 'report') this.rows.push(...keys.rowsOf(message));
        else {
          this.received.push(message);
          this.onMessage(message);
        }
      },
      detached: (reason) => {
        if (this.sessions.get(host) === session) this.sessions.delete(host);
        this.detachments.push(`${host}: ${reason}`);
      },
    };
  }
}

/** What an agent heard. */
export class TestAgent implements ControllerLinkHandler {
  readonly messages: FromController[] = [];
  /** Names of the controllers that it attached to, in order. */
  readonly attachments: string[] = [];
  readonly detachments: string[] = [];
  private readonly greeting: Hello;

  constructor(greeting: Hello = helloOf('h1')) {
    this.greeting = greeting;
  }

  hello(): Hello {
    return this.greeting;
  }

  attached({ controller }: Welcome): void {
    this.attachments.push(controller);
  }

  received(message: FromController): void {
    this.messages.push(message);
  }

  detached(reason: string): void {
    this.detachments.push(reason);
  }
}

/** Log lines, with their level in front. */
export class TestLog implements LinkLog {
  readonly lines: string[] = [];

  info(message: string): void {
    this.lines.push(`info ${message}`);
  }

  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }

  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}
