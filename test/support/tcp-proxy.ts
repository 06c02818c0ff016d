/** A way to a server that can be cut: the server and everyone else's ways to it stay as they are. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  /** `host:port` of this way. */
  readonly endpoint: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(server: Server, host: string, port: number) {
    this.server = server;
    this.endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (client) => {
      if (this.isCut) return void client.destroy();
      const target = connect(port, host);
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        this.sockets.add(from);
        from.setNoDelay();
        from.pipe(to);
        from.on('error', () => {});
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  static async to(endpoint: string): Promise<TcpProxy> {
    const [host, port] = endpoint.split(':');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
    return new TcpProxy(server, host!, Number(port));
  }

  /** Resets every connection, and each new one. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  restore(): void {
    this.isCut = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
