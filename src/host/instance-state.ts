/**
 * What an instance has made outside of its own memory, written down before it is made, so that whoever finds the
 * file of an instance that was killed can clear up. TAPs are not listed: they end with their process.
 *
 * A namespace of a configured port is the user's place: what runs in it is left alone when the name is removed. One
 * that was made for a command of ours (a VM that the host runs itself, a prober) goes with all its processes.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { deleteNamespace, ensureNamespace } from '../io/namespace.ts';
import { namespaceExists, namespacePath } from '../native/netns.ts';
import { messageOf } from './host-error.ts';
import { killProcessesIn } from './namespace-processes.ts';
import type { RunDir } from './run-dir.ts';

interface OwnNamespace {
  readonly name: string;
  /** Which namespace of that name: see `identityOfNamespace`; null while it is being made. */
  readonly identity: string | null;
  /** The processes inside are ours too. */
  readonly withProcesses: boolean;
}

interface StateOnDisk {
  namespaces: OwnNamespace[];
  /** Absolute paths. */
  files: string[];
  /** Absolute paths; an instance that takes over from a killed one keeps what is in them. */
  directories: string[];
}

export class InstanceState {
  private readonly runDir: RunDir;
  private readonly namespaces: Map<string, OwnNamespace>;
  private readonly files: Set<string>;
  private readonly directories: Set<string>;

  private constructor(runDir: RunDir, state: StateOnDisk) {
    this.runDir = runDir;
    this.namespaces = new Map(state.namespaces.map((namespace) => [namespace.name, namespace]));
    this.files = new Set(state.files);
    this.directories = new Set(state.directories);
  }

  /** What the last instance has left behind; empty if that cleared up. */
  static load(runDir: RunDir): InstanceState {
    let text: string;
    try {
      text = readFileSync(runDir.stateFile, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return new InstanceState(runDir, { namespaces: [], files: [], directories: [] });
    }
    return new InstanceState(runDir, parseState(text, runDir.stateFile));
  }

  get isEmpty(): boolean {
    return this.namespaces.size === 0 && this.files.size === 0 && this.directories.size === 0;
  }

  /**
   * Makes the namespace if it is not there; then it is ours to remove, `withProcesses` together with what runs in
   * it. True if it was made.
   */
  ensureNamespace(name: string, withProcesses = false): boolean {
    if (namespaceExists(name)) return false;
    this.namespaces.set(name, { name, identity: null, withProcesses });
    this.save();
    try {
      const made = ensureNamespace(name);
      const identity = identityOfNamespace(name) ?? null;
      if (made) this.namespaces.set(name, { name, identity, withProcesses });
      else this.namespaces.delete(name);
      return made;
    } catch (error) {
      this.namespaces.delete(name);
      throw error;
    } finally {
      this.save();
    }
  }

  /** Whether the namespace was made for a command of ours. */
  isOwn(name: string): boolean {
    return this.namespaces.get(name)?.withProcesses ?? false;
  }

  /** Removes a namespace if it is ours; what is left of one that was being made, too. */
  removeNamespace(name: string): void {
    const own = this.namespaces.get(name);
    if (own === undefined) return;
    const found = identityOfNamespace(name);
    if (found !== undefined && (own.identity === null || own.identity === found)) {
      if (own.withProcesses) killProcessesIn(name);
      deleteNamespace(name);
    }
    this.namespaces.delete(name);
    this.save();
  }

  /** After an instance that was killed: removes all namespaces but those that the configuration wants as they are. */
  removeLeftovers(wanted: ReadonlySet<string>): string[] {
    const kept = [...this.namespaces.values()].filter(
      ({ name, withProcesses }) => !withProcesses && wanted.has(name),
    );
    return this.removeNamespacesExcept(new Set(kept.map(({ name }) => name)));
  }

  /**
   * Removes the namespaces that are ours and not among `wanted`, and those that were never finished; answers what
   * could not be removed.
   */
  removeNamespacesExcept(wanted: ReadonlySet<string>): string[] {
    const problems: string[] = [];
    for (const { name, identity } of [...this.namespaces.values()].reverse()) {
      if (wanted.has(name) && identity !== null) continue;
      try {
        this.removeNamespace(name);
      } catch (error) {
        problems.push(messageOf(error));
      }
    }
    return problems;
  }

  /** Notes a file before it is made. */
  addFile(path: string): void {
    this.files.add(path);
    this.save();
  }

  /** The same for a directory that lasts until the instance ends as it should, or somebody clears up. */
  addDirectory(path: string): void {
    this.directories.add(path);
    this.save();
  }

  removeFiles(): void {
    for (const path of this.files) rmSync(path, { force: true });
    this.files.clear();
    this.save();
  }

  /** Removes all that is listed; goes on when a part fails, and answers what could not be removed. */
  clear(): string[] {
    const problems = this.removeNamespacesExcept(new Set());
    this.removeFiles();
    for (const path of this.directories) rmSync(path, { recursive: true, force: true });
    this.directories.clear();
    if (this.isEmpty) rmSync(this.runDir.stateFile, { force: true });
    return problems;
  }

  /** Whole or not at all: a reader never sees half a file. */
  private save(): void {
    const state: StateOnDisk = {
      namespaces: [...this.namespaces.values()],
      files: [...this.files],
      directories: [...this.directories],
    };
    const temporary = `${this.runDir.stateFile}.new`;
    writeFileSync(temporary, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, this.runDir.stateFile);
  }
}

/**
 * Number and birth of the namespace of this name; undefined if there is none. The number alone is given to the next
 * one when a namespace ends; the inode's change time is when the name was bound to it, and nothing changes it later.
 */
function identityOfNamespace(name: string): string | undefined {
  const status = statSync(namespacePath(name), { bigint: true, throwIfNoEntry: false });
  return status === undefined ? undefined : `${status.ino} ${status.ctimeNs}`;
}

const stateSchema = z.object({
  namespaces: z.array(
    z.object({
      name: z.string(),
      identity: z.string().nullable(),
      withProcesses: z.boolean().default(false),
    }),
  ),
  files: z.array(z.string()),
  directories: z.array(z.string()).default([]),
});

function parseState(text: string, path: string): StateOnDisk {
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (error) {
    const found = JSON.stringify(text.slice(0, 60));
    throw new Error(`${path}: found ${found}, expected the namespaces and files of an instance`, {
      cause: error,
    });
  }
}
