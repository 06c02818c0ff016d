/**
 * A gRPC server with the health service, by @grpc/grpc-js and a definition written by hand: `node … PORT`. It says SERVING
 * for the whole and for `shop.Cart`, NOT_FOUND for others, and after a line on stdin the status that stands there.
 */
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js';

let serving = 1;

const definition: ServiceDefinition = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (name: string) => Buffer.from(name),
    requestDeserialize: (bytes: Buffer) => bytes.subarray(2).toString(),
    responseSerialize: (value: number) => Buffer.from([8, value]),
    responseDeserialize: (bytes: Buffer) => bytes[1],
  },
};

const check: UntypedHandleCall = (
  call: { request: string },
  answer: (error: object | null, value?: number) => void,
) => {
  if (call.request === '' || call.request === 'shop.Cart') answer(null, serving);
  else answer({ code: status.NOT_FOUND, message: 'unknown service' });
};

process.stdin.setEncoding('utf8').on('data', (text: string) => {
  serving = Number(text.trim());
});

const server = new Server();
server.addService(definition, { Check: check });
server.bindAsync(`[::]:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
