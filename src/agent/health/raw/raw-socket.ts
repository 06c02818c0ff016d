/**
 * Raw sockets by the optional npm package raw-socket, which is loaded for the first one. It works on a process's main
 * thread only.
 */
import { createRequire } from 'node:module';

/** The part of the package's interface that is used. */
export interface RawSocket {
  send(
    buffer: Buffer,
    offset: number,
    length: number,
    address: string,
    afterSend: (error: Error | null) => void,
  ): void;
  on(event: 'message', listener: (buffer: Buffer, source: string) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: 'close', listener: () => void): void;
}

interface RawSocketModule {
  createSocket(options: { protocol: number; addressFamily: number }): RawSocket;
}

/** The package's AddressFamily. */
const FAMILY_NUMBERS = { 4: 1, 6: 2 } as const;

/** `protocol`: of the IP header. Throws an Error that names what is missing: the package, or the permission. */
export const openRawSocket = (family: 4 | 6, protocol: number): RawSocket =>
  loadPackage().createSocket({ protocol, addressFamily: FAMILY_NUMBERS[family] });

function loadPackage(): RawSocketModule {
  try {
    return createRequire(import.meta.url)('raw-socket') as RawSocketModule;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Error(`raw sockets need the optional npm package raw-socket, which does not load: ${reason}`);
  }
}

/** Sockets by family, for a process that opens them before it gives up the permission. */
export class RawSockets<Kind> {
  private readonly open: (family: 4 | 6) => Kind;
  private readonly sockets = new Map<4 | 6, Kind>();

  /** `open` throws an Error that names what is missing. */
  constructor(open: (family: 4 | 6) => Kind) {
    this.open = open;
  }

  /** Throws as `open`. */
  of(family: 4 | 6): Kind {
    const socket = this.sockets.get(family) ?? this.open(family);
    this.sockets.set(family, socket);
    return socket;
  }

  /** Opens both, as far as possible: the first use of a missing one reports the reason. */
  openAll(): void {
    for (const family of [4, 6] as const) {
      try {
        this.of(family);
      } catch {}
    }
  }

  forget(family: 4 | 6): void {
    this.sockets.delete(family);
  }
}
