/** Ports in the order in which they were added, each at most once; allocates nothing after construction. */
export class PortQueue {
  private readonly ports: Int32Array;
  private readonly isQueued: Uint8Array;
  private head = 0;
  private queued = 0;

  constructor(maxPorts: number) {
    this.ports = new Int32Array(maxPorts);
    this.isQueued = new Uint8Array(maxPorts);
  }

  get count(): number {
    return this.queued;
  }

  /** A port that is in the queue already keeps its place. */
  add(port: number): void {
    if (this.isQueued[port] === 1) return;
    this.isQueued[port] = 1;
    this.ports[(this.head + this.queued) % this.ports.length] = port;
    this.queued++;
  }

  /** The port that has waited longest; the queue must not be empty. */
  take(): number {
    const port = this.ports[this.head]!;
    this.head = (this.head + 1) % this.ports.length;
    this.queued--;
    this.isQueued[port] = 0;
    return port;
  }
}
