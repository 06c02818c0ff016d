/** The part of the npm package pcap-parser that the tests use; it brings no types. */
declare module 'pcap-parser' {
  import type { EventEmitter } from 'node:events';
  export interface Packet {
    header: {
      timestampSeconds: number;
      timestampMicroseconds: number;
      capturedLength: number;
      originalLength: number;
    };
    data: Buffer;
  }
  export function parse(path: string): EventEmitter;
}
