/**
 * The agent's end of one stream to one controller: from connecting to its end, never reused.
 *
 * One message at a time is in flight. Messages that must be delivered wait in a bounded queue; of a waiting report
 * only the newest header is kept, and its rows are read from the table when it is sent.
 */
import { messageOf } from '../config/problems/refusal.ts';
import { AgentEncoder, decodeFromController } from '../messages/codec.ts';
import type { FromAgent, FromController } from '../messages/messages.ts';
import type { ReportHeader } from '../messages/report.ts';
import { ReportDiff, type ReportTable } from '../messages/report-table.ts';

export interface ControllerStreamEvents {
  received(message: FromController): void;
  sent(): void;
  /** A report has replaced one that was still waiting. */
  merged(): void;
  /** Malformed bytes were received; `ended` follows. */
  malformed(): void;
  /** `received` has thrown; `ended` follows. */
  failed(message: FromController, error: unknown): void;
  /** Called once. `isUnreachable`: the connection failed, rather than being ended by the controller. */
  ended(reason: string, isUnreachable: boolean): void;
}

/** A call to a controller: bytes in both directions, message by message. */
export interface Call {
  /** `sent`: there is room for the next message. */
  write(bytes: Buffer, sent: () => void): void;
  cancel(): void;
}

export interface CallEvents {
  received(bytes: Buffer): void;
  /** Called once. */
  ended(reason: string, isUnreachable: boolean): void;
}

const MAX_WAITING = 1024;

export class ControllerStream {
  private readonly call: Call;
  private readonly events: ControllerStreamEvents;
  private readonly encoder = new AgentEncoder();
  private readonly diff = new ReportDiff();
  private readonly waiting: FromAgent[] = [];
  private waitingReport: { header: ReportHeader; table: ReportTable } | undefined;
  private isWriting = false;
  private hasEnded = false;

  constructor(open: (events: CallEvents) => Call, events: ControllerStreamEvents) {
    this.events = events;
    this.call = open({
      received: (bytes) => this.receive(bytes),
      ended: (reason, isUnreachable) => this.finish(reason, isUnreachable),
    });
  }

  send(message: FromAgent): void {
    if (this.hasEnded) return;
    if (this.waiting.length >= MAX_WAITING) {
      this.end('too many messages wait for the controller');
      return;
    }
    this.waiting.push(message);
    this.pump();
  }

  report(header: ReportHeader, table: ReportTable): void {
    if (this.waitingReport) this.events.merged();
    this.waitingReport = { header, table };
    this.pump();
  }

  /** Ends the stream locally. */
  end(reason: string): void {
    if (this.hasEnded) return;
    this.call.cancel();
    this.finish(reason, false);
  }

  private finish(reason: string, isUnreachable: boolean): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.waiting.length = 0;
    this.waitingReport = undefined;
    this.events.ended(reason, isUnreachable);
  }

  private receive(bytes: Buffer): void {
    if (this.hasEnded) return;
    let message: FromController | undefined;
    try {
      message = decodeFromController(bytes);
    } catch (error) {
      this.events.malformed();
      this.end(`the controller sent a malformed message: ${messageOf(error)}`);
      return;
    }
    if (message === undefined) return;
    try {
      this.events.received(message);
    } catch (error) {
      this.events.failed(message, error);
      this.end(`a message (${message.type}) of the controller failed: ${messageOf(error)}`);
    }
  }

  private pump(): void {
    if (this.isWriting || this.hasEnded) return;
    const message = this.next();
    if (!message) return;
    const { buffer, byteOffset, byteLength } = this.encoder.encode(message);
    this.isWriting = true;
    this.events.sent();
    this.call.write(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength), () => {
      this.isWriting = false;
      this.pump();
    });
  }

  private next(): FromAgent | undefined {
    const message = this.waiting.shift();
    if (message || !this.waitingReport) return message;
    const { header, table } = this.waitingReport;
    this.waitingReport = undefined;
    return { type: 'report', ...this.diff.next(header, table) };
  }
}
