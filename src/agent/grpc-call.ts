/** The agent's gRPC call to one controller: authentication of the peer, and connection options. */
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { Client, credentials as grpcCredentials, type StatusObject, status } from '@grpc/grpc-js';
import { identityOf, roleProblem } from '../config/certificate-roles.ts';
import type { TlsMaterial } from '../config/tls-files.ts';
import { ChannelSockets } from '../messages/channel-sockets.ts';
import { ATTACH, channelOptions, type Keepalive } from '../messages/fleet-service.ts';
import { peerProblem } from '../native/processes/peer-user.ts';
import type { User } from '../native/processes/users.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Call, CallEvents } from './controller-stream.ts';

export interface Access {
  readonly tls?: TlsMaterial;
  /** Without TLS: user of controllers on this machine. */
  readonly trusted: User;
}

export function openGrpcCall(
  address: string,
  { tls, trusted }: Access,
  keepalive: Keepalive,
  runtime: Runtime,
  events: CallEvents,
): Call {
  const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const credentials = tls
    ? grpcCredentials.createSsl(tls.ca, tls.key, tls.cert, {
        checkServerIdentity: (_serverName, certificate) =>
          checkServerIdentity(host, certificate) ?? controllerProblem(certificate),
      })
    : grpcCredentials.createInsecure();
  const sockets = new ChannelSockets(runtime);
  // Without TLS nothing is sent or received before the peer is known to be root, this user, or that of controllers.
  const check = tls ? undefined : (socket: Socket) => peerProblem(socket, trusted);
  const client = new Client(address, sockets.watch(credentials, check), {
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
  const call = client.makeBidiStreamRequest(ATTACH.path, ATTACH.requestSerialize, ATTACH.responseDeserialize);
  const close = (): void => {
    client.close();
    sockets.close();
  };
  call.on('data', (bytes: Buffer) => events.received(bytes));
  call.on('status', (ended: StatusObject) => {
    close();
    events.ended(reasonOf(ended), ended.code === status.UNAVAILABLE);
  });
  call.on('error', () => {}); // `status` reports the same
  return {
    write: (bytes, sent) => void call.write(bytes, sent),
    cancel() {
      call.cancel();
      close();
    },
  };
}

/** The authority's certificates are valid for their addresses whatever their role; only a controller's is accepted. */
function controllerProblem({ subject, subjectaltname }: PeerCertificate): Error | undefined {
  const problem = roleProblem(identityOf(subject.CN, subjectaltname), 'controller');
  return problem === undefined ? undefined : new Error(problem);
}

/** For display: the controller's reason, or why the connection failed. */
function reasonOf({ code, details }: StatusObject): string {
  if (code === status.OK) return 'the controller ended the stream';
  return details === '' ? status[code]! : details.replace(/^No connection established\. Last error: /, '');
}
