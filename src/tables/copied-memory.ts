/** Memory of tables that is not mapped from a file: changes are undone from a copy of all of it. */
export class CopiedMemory {
  private readonly memory: Uint8Array;
  private copy: Uint8Array | undefined;

  constructor(memory: ArrayBufferLike) {
    this.memory = new Uint8Array(memory);
  }

  isolate(): void {
    this.copy = this.memory.slice();
  }

  revert(): void {
    if (this.copy !== undefined) this.memory.set(this.copy);
    this.copy = undefined;
  }
}
