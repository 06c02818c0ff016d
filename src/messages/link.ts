/**
 * The link between an agent and the controllers, whatever carries it: gRPC between hosts (controller/fleet-server,
 * host/controller-link), or nothing but the event loop inside one process (in-process-link).
 *
 * Theory of operation. A stream begins with the agent's Hello. A controller that leads answers with Welcome; one that
 * does not says by Redirect where the leader is, and again when that changes, or it leads and sends Welcome after all:
 * it is for the agent to go there or to stay. Delivery is asynchronous, in order, at most once; nothing outlives a stream, so after `attached` each side tells its state anew.
 *
 * Nothing here blocks, and every queue is bounded. What has newer news is not queued twice: while an agent is slow,
 * Rules and GlobalStats that wait are merged with those that follow (outbound-queue.ts), and of reports only the
 * table's figures at the time of sending are sent. Other messages must arrive or the stream must end: when too many
 * wait, it ends.
 */
import type { FromAgent, FromController, Hello, Welcome } from './messages.ts';
import type { ReportHeader } from './report.ts';
import type { ReportTable } from './report-table.ts';

/** The controller's end of one agent's stream. */
export interface AgentSession {
  readonly hello: Hello;
  /** Where the agent connects from, for people. */
  readonly peer: string;
  /** It may ask for changes of every group, not only of those that concern its host. */
  readonly isAdmin: boolean;
  /** Queues the message; after the stream's end it does nothing. One object sent to many agents is encoded once. */
  send(message: FromController): void;
  /** Ends the stream when what is queued has been sent; the agent sees the reason and attaches again later. */
  close(reason: string): void;
}

/** Given by the controller core. */
export interface AgentSessionHandler {
  /** A new stream. Send Welcome here, before anything else, or Redirects until Welcome. */
  attached(session: AgentSession): AgentSessionListener;
}

/** What a controller hears of one stream. */
export interface AgentSessionListener {
  /** Every message but Hello. A report's arrays hold until this returns. */
  received(message: FromAgent): void;
  /** Once, also after `close`. */
  detached(reason: string): void;
}

export type ControllerLinkState = 'connecting' | 'attached' | 'waiting';

/** For `status`: monotonic counts since the link was made, and what it is doing. */
export interface ControllerLinkStatus {
  readonly state: ControllerLinkState;
  /** The controller attached to, or being tried. */
  readonly controller: string;
  readonly sinceMs: number;
  /** Why the last stream ended or could not be made; empty: none has yet. */
  readonly lastError: string;
  readonly attachments: number;
  readonly failures: number;
  readonly redirects: number;
  readonly sent: number;
  readonly received: number;
  /** Messages that were given to `send` while not attached. */
  readonly unsent: number;
  /** Reports that waited and went out as part of a later one. */
  readonly mergedReports: number;
  /** Streams that ended because the controller sent bytes that are no message. */
  readonly malformed: number;
}

/** The agent's end; it attaches by itself, and again when the stream ends, until closed. */
export interface ControllerLink {
  readonly state: ControllerLinkState;
  readonly status: ControllerLinkStatus;
  /** False: not attached, the message is dropped. */
  send(message: Exclude<FromAgent, { type: 'hello' | 'report' }>): boolean;
  /** Sends what changed in the table since the stream's last report, at once or, if the stream is full, later. */
  report(header: ReportHeader, table: ReportTable): boolean;
  close(): Promise<void>;
}

/** Given by the agent. */
export interface ControllerLinkHandler {
  /** Asked for each stream. */
  hello(): Hello;
  attached(welcome: Welcome): void;
  /** Every message but Welcome and Redirect. */
  received(message: FromController): void;
  /** Once per `attached`, also after `close`. */
  detached(reason: string): void;
}
