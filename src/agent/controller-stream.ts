/**
 * The agent's end of one gRPC stream to one controller: from connecting to its end, never reused.
 *
 * One message at a time is in flight. Messages that must be delivered wait in a bounded queue; of a waiting report only
 * the newest header is kept, and its rows are taken from the table when it is sent.
 */
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials as grpcCredentials,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { identityOf, roleProblem } from '../config/certificate-roles.ts';
import { messageOf } from '../config/model/refusal.ts';
import type { TlsMaterial } from '../config/tls-files.ts';
import { AgentEncoder, decodeFromController } from '../messages/codec.ts';
import { ATTACH, channelOptions, type Keepalive } from '../messages/fleet-service.ts';
import type { FromAgent, FromController } from '../messages/messages.ts';
import type { ReportHeader } from '../messages/report.ts';
import { ReportDiff, type ReportTable } from '../messages/report-table.ts';
import { peerProblem } from '../native/processes/peer-user.ts';

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

const MAX_WAITING = 1024;

export class ControllerStream {
  private readonly client: Client;
  private readonly call: ClientDuplexStream<Buffer, Buffer>;
  private readonly events: ControllerStreamEvents;
  private readonly encoder = new AgentEncoder();
  private readonly diff = new ReportDiff();
  private readonly waiting: FromAgent[] = [];
  private waitingReport: { header: ReportHeader; table: ReportTable } | undefined;
  private isWriting = false;
  private hasEnded = false;

  constructor(
    address: string,
    tls: TlsMaterial | undefined,
    keepalive: Keepalive,
    events: ControllerStreamEvents,
  ) {
    this.events = events;
    const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    const credentials = tls
      ? grpcCredentials.createSsl(tls.ca, tls.key, tls.cert, {
          checkServerIdentity: (_serverName, certificate) =>
            checkServerIdentity(host, certificate) ?? controllerProblem(certificate),
        })
      : withTrustedPeer(grpcCredentials.createInsecure());
    this.client = new Client(address, credentials, {
      ...channelOptions(keepalive),
      // An IP address cannot be a TLS server name (RFC 6066); the certificate is checked against the address above.
      ...(tls && isIP(host) !== 0 ? { 'grpc.ssl_target_name_override': 'localhost' } : {}),
      // The link decides when to retry; gRPC's own retries would share a backoff between streams.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      // Agents connect to controllers directly, not through http_proxy.
      'grpc.enable_http_proxy': 0,
    });
    this.call = this.client.makeBidiStreamRequest(
      ATTACH.path,
      ATTACH.requestSerialize,
      ATTACH.responseDeserialize,
    );
    this.call.on('data', (bytes: Buffer) => this.receive(bytes));
    this.call.on('status', (ended: StatusObject) =>
      this.finish(reasonOf(ended), ended.code === status.UNAVAILABLE),
    );
    this.call.on('error', () => {}); // `status` reports the same
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
    this.client.close();
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

/** Nothing is sent or received before the peer is known to be root or this user. */
function withTrustedPeer(plain: ChannelCredentials): ChannelCredentials {
  const makeConnector = plain._createSecureConnector.bind(plain);
  plain._createSecureConnector = (...args) => {
    const connector = makeConnector(...args);
    return {
      ...connector,
      connect: async (socket) => {
        const problem = await peerProblem(socket);
        if (problem !== undefined) throw new Error(problem);
        return connector.connect(socket);
      },
    };
  };
  return plain;
}

/** Any certificate of the authority could serve at the addresses in it; only a controller's is accepted. */
function controllerProblem({ subject, subjectaltname }: PeerCertificate): Error | undefined {
  const problem = roleProblem(identityOf(subject.CN, subjectaltname), 'controller');
  return problem === undefined ? undefined : new Error(problem);
}

/** For display: the controller's reason, or why there is no connection. */
function reasonOf({ code, details }: StatusObject): string {
  if (code === status.OK) return 'the controller ended the stream';
  return details === '' ? status[code]! : details.replace(/^No connection established\. Last error: /, '');
}
