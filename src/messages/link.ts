/**
 * The link between an agent and the controllers: gRPC between hosts (controller/agents, agent/controller-link), or the
 * event loop inside one process (in-process-link).
 *
 * Theory of operation. A stream begins with the agent's Hello. The leader answers with Welcome. Another controller sends
 * a Redirect that names the leader, again whenever the leader changes, and Welcome if it becomes the leader itself; the
 * agent decides whether to follow a Redirect or to stay. Delivery is asynchronous, in order, at most once. No state
 * outlives a stream: after `attached` each side sends its full state.
 *
 * Nothing here blocks, and every queue is bounded. For a slow agent, queued Rules and GlobalStats are merged with those
 * that follow (outbound-queue.ts), and a report contains the table's figures at the time of sending. All other messages
 * must be delivered: when too many are queued, the stream ends.
 */
import type { FromAgent, FromController, Hello, Welcome } from './messages.ts';
import type { ReportHeader } from './report.ts';
import type { ReportTable } from './report-table.ts';

/** The controller's end of one agent's stream. */
export interface AgentSession {
  readonly hello: Hello;
  /** The agent's remote address, for display. */
  readonly peer: string;
  /** End of the validity of the agent's certificate, ISO 8601; undefined: it has none. */
  readonly certificateExpires?: string;
  /** Whether the agent may request changes of every group, not only of those that concern its host. */
  readonly isAdmin: boolean;
  /** Queues the message; ignored after the stream's end. One object sent to many agents is encoded once. */
  send(message: FromController): void;
  /** Ends the stream after its queued messages; the agent gets the reason and attaches again later. */
  close(reason: string): void;
}

/** Implemented by the controller. */
export interface AgentSessionHandler {
  /** Called for a new stream. The controller sends Welcome first, or Redirects until Welcome. */
  attached(session: AgentSession): AgentSessionListener;
}

/** Events of one stream, as the controller receives them. */
export interface AgentSessionListener {
  /** Called for every message except Hello. A report's arrays are valid until this returns. */
  received(message: FromAgent): void;
  /** Called once, also after `close`. */
  detached(reason: string): void;
}

export type ControllerLinkState = 'connecting' | 'attached' | 'waiting';

/** For `status`: counters since the link was created, and its current state. */
export interface ControllerLinkStatus {
  readonly state: ControllerLinkState;
  /** The controller attached to, or being tried. */
  readonly controller: string;
  readonly sinceMs: number;
  /** Why the last stream ended or could not be opened; empty if none has ended. */
  readonly lastError: string;
  readonly attachments: number;
  readonly failures: number;
  readonly redirects: number;
  readonly sent: number;
  readonly received: number;
  /** Messages passed to `send` while not attached. */
  readonly unsent: number;
  /** Reports that were merged into a later one. */
  readonly mergedReports: number;
  /** Streams that ended because the controller sent a malformed message. */
  readonly malformed: number;
}

/** The agent's end. It attaches by itself, and again whenever the stream ends, until it is closed. */
export interface ControllerLink {
  readonly state: ControllerLinkState;
  readonly status: ControllerLinkStatus;
  /** Returns false if not attached; the message is then dropped. */
  send(message: Exclude<FromAgent, { type: 'hello' | 'report' }>): boolean;
  /** Sends the table's changes since the stream's last report, at once or, if the stream is full, later. */
  report(header: ReportHeader, table: ReportTable): boolean;
  close(): Promise<void>;
}

/** Implemented by the agent. */
export interface ControllerLinkHandler {
  /** Called for each stream. */
  hello(): Hello;
  attached(welcome: Welcome): void;
  /** Called for every message except Welcome and Redirect. */
  received(message: FromController): void;
  /** Called once per `attached`, also after `close`. */
  detached(reason: string): void;
}
