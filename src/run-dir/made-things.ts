/**
 * Objects that a process has created outside its own memory: namespaces, TAPs, files. Each is recorded in state.json
 * before it is created, so that after a kill the next process can take it over or remove it.
 *
 * A namespace of a configured port belongs to the user: processes in it keep running when the name is
 * removed. A namespace made for a command of Sluice (a VM of a template, a prober) is removed with all its
 * processes.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../config/problems/host-error.ts';
import {
  deleteNamespace,
  deleteNamespaces,
  ensureNamespace,
  makeNamespaces,
} from '../io/devices/namespace.ts';
import { removeTap, type Tap, type TapRequest, takeOverTap } from '../io/devices/tap.ts';
import { namespaceExists, namespaceIdentity } from '../native/network/netns.ts';
import { withDescriptorsOf } from '../native/processes/pidfd.ts';
import { SystemError } from '../native/system-error.ts';
import { killProcessesIn } from './namespace-processes.ts';
import { readOwnFile } from './own-files.ts';
import { replaceFile } from './replace-file.ts';
import type { RunDir } from './run-dir.ts';

interface OwnNamespace {
  readonly name: string;
  /** Identity of the namespace (`namespaceIdentity`); null while it is being created. */
  readonly identity: string | null;
  /** The processes inside are removed with it. */
  readonly withProcesses: boolean;
}

/** A persistent TAP, in any namespace. */
interface OwnTap {
  /** The request that it was made for. */
  readonly request: TapRequest;
  /** Interface index in its namespace. */
  readonly index: number;
  /** Its descriptor in the process that wrote this record. */
  readonly fd: number;
}

/** Duplicated descriptors by `nameOf` of their TAPs. */
export type TapCopies = Map<string, number>;

const nameOf = ({ request, index }: OwnTap): string => `${request.netns} ${request.interfaceName} ${index}`;

interface StateOnDisk {
  namespaces: OwnNamespace[];
  taps: OwnTap[];
  /** Absolute paths. */
  files: string[];
  /** Absolute paths; a process that takes over keeps their contents. */
  directories: string[];
}

const NOTHING: StateOnDisk = { namespaces: [], taps: [], files: [], directories: [] };

export class MadeThings {
  private readonly runDir: RunDir;
  private readonly namespaces: Map<string, OwnNamespace>;
  private taps: readonly OwnTap[];
  private readonly copies: TapCopies;
  private readonly files: Set<string>;
  private readonly directories: Set<string>;

  private constructor(runDir: RunDir, state: StateOnDisk, copies: TapCopies) {
    this.runDir = runDir;
    this.copies = copies;
    this.namespaces = new Map(state.namespaces.map((namespace) => [namespace.name, namespace]));
    this.taps = state.taps;
    this.files = new Set(state.files);
    this.directories = new Set(state.directories);
  }

  /**
   * Objects left by the previous process; empty after a clean stop. `copies`: its devices' descriptors. A file
   * without content, as a power failure leaves, is set aside. Throws NotOurs if another user can have written it.
   */
  static load(
    runDir: RunDir,
    copies: TapCopies = new Map(),
    warn: (text: string) => void = () => {},
  ): MadeThings {
    const text = readOwnFile(runDir.stateFile);
    if (text === undefined) return new MadeThings(runDir, NOTHING, copies);
    if (/^[\s\0]*$/.test(text)) {
      const aside = `${runDir.stateFile}.empty`;
      renameSync(runDir.stateFile, aside);
      warn(
        `${runDir.stateFile} is empty: set aside as ${aside}; what the previous process made is not known`,
      );
      return new MadeThings(runDir, NOTHING, copies);
    }
    return new MadeThings(runDir, ownPartOf(parseState(text, runDir.stateFile), runDir, warn), copies);
  }

  /** TAPs recorded by the process of a run directory, whose files are not changed. */
  static tapsIn(runDir: RunDir): readonly Pick<OwnTap, 'request' | 'index'>[] {
    const text = readOwnFile(runDir.stateFile);
    return text === undefined || /^[\s\0]*$/.test(text) ? [] : parseState(text, runDir.stateFile).taps;
  }

  /** Duplicates the device descriptors of a running process, so that the devices survive its end. */
  copyTaps(pid: number): TapCopies {
    const copies = new Map<string, number>();
    try {
      withDescriptorsOf(pid, (copy) => {
        for (const tap of this.taps) copies.set(nameOf(tap), copy(tap.fd));
      });
    } catch (error) {
      // Devices without a duplicate are reopened after that process has ended.
      if (!(error instanceof SystemError)) throw error;
    }
    return copies;
  }

  /** Files and directories that are removed with the rest. */
  get paths(): readonly string[] {
    return [...this.files, ...this.directories];
  }

  get isEmpty(): boolean {
    const { namespaces, taps, files, directories } = this;
    return namespaces.size + taps.length + files.size + directories.size === 0;
  }

  /**
   * Creates the namespace if it does not exist, and records it for removal, `withProcesses` together with its
   * processes. True if it was created.
   */
  ensureNamespace(name: string, withProcesses = false): boolean {
    if (namespaceExists(name)) return false;
    this.namespaces.set(name, { name, identity: null, withProcesses });
    this.save();
    try {
      const made = ensureNamespace(name);
      const identity = namespaceIdentity(name) ?? null;
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

  /** Creates and records those that do not exist; returns their names. Their loopback interfaces are down. */
  ensureNamespaces(names: ReadonlySet<string>): Set<string> {
    const absent = [...names].filter((name) => !namespaceExists(name));
    if (absent.length === 0) return new Set();
    for (const name of absent) this.namespaces.set(name, { name, identity: null, withProcesses: false });
    this.save();
    makeNamespaces(absent);
    for (const name of absent) {
      this.namespaces.set(name, { name, identity: namespaceIdentity(name) ?? null, withProcesses: false });
    }
    this.save();
    return new Set(absent);
  }

  /** Whether the namespace was created for a command of Sluice. */
  isOwn(name: string): boolean {
    return this.namespaces.get(name)?.withProcesses ?? false;
  }

  /** Removes a namespace created by Sluice, even one only partly created. */
  removeNamespace(name: string): void {
    const own = this.namespaces.get(name);
    if (own === undefined) return;
    const found = namespaceIdentity(name);
    if (found !== undefined && (own.identity === null || own.identity === found)) {
      if (own.withProcesses) killProcessesIn(name);
      deleteNamespace(name);
    }
    this.namespaces.delete(name);
    this.save();
  }

  /** Makes a TAP persistent and records it under its current request. */
  keepTap(request: TapRequest, tap: Tap): void {
    this.taps = [...this.tapsBut(tap), { request: plain(request), index: tap.index, fd: tap.fd }];
    this.save();
    tap.makeLasting();
  }

  /** `keepTap` for many TAPs with one write of the file. */
  keepTaps(made: readonly { readonly request: TapRequest; readonly tap: Tap }[]): void {
    const key = (netns: string, { interfaceName, index }: { interfaceName: string; index: number }): string =>
      `${netns} ${interfaceName} ${index}`;
    const kept = new Set(made.map(({ tap }) => key(tap.netns, tap)));
    this.taps = [
      ...this.taps.filter(
        ({ request, index }) =>
          !kept.has(key(request.netns, { interfaceName: request.interfaceName, index })),
      ),
      ...made.map(({ request, tap }) => ({ request: plain(request), index: tap.index, fd: tap.fd })),
    ];
    this.save();
    for (const { tap } of made) tap.makeLasting();
  }

  /**
   * The device that a previous process created for the same request, with the changes that the VM made to it.
   */
  takeOverTap(request: TapRequest): Tap | undefined {
    const left = this.taps.find((other) => isDeepStrictEqual(other.request, plain(request)));
    return left && takeOverTap(request, left.index, this.takeCopy(left));
  }

  private takeCopy(tap: OwnTap): number | undefined {
    const copy = this.copies.get(nameOf(tap));
    this.copies.delete(nameOf(tap));
    return copy;
  }

  /** Removes the record of a closed TAP. */
  forgetTap(tap: Tap): void {
    this.taps = this.tapsBut(tap);
    this.save();
  }

  private tapsBut({ netns, interfaceName, index }: Tap): OwnTap[] {
    return this.taps.filter(
      ({ request, index: other }) =>
        request.netns !== netns || request.interfaceName !== interfaceName || other !== index,
    );
  }

  /** Removes all TAPs that belong to other requests; returns the failures. */
  private removeTapsExcept(wanted: readonly TapRequest[]): string[] {
    const problems: string[] = [];
    const kept = wanted.map(plain);
    for (const tap of this.taps) {
      const { request, index } = tap;
      if (kept.some((other) => isDeepStrictEqual(other, request))) continue;
      try {
        removeTap(request.netns, request.interfaceName, index, this.takeCopy(tap));
        this.taps = this.taps.filter((other) => other !== tap);
      } catch (error) {
        problems.push(messageOf(error));
      }
    }
    this.save();
    return problems;
  }

  /**
   * After a previous process: removes all TAPs and namespaces except those that the configuration contains
   * unchanged.
   */
  removeLeftovers(taps: readonly TapRequest[]): string[] {
    const wanted = new Set(taps.map(({ netns }) => netns));
    const kept = [...this.namespaces.values()].filter(
      ({ name, withProcesses }) => !withProcesses && wanted.has(name),
    );
    return [
      ...this.removeTapsExcept(taps),
      ...this.removeNamespacesExcept(new Set(kept.map(({ name }) => name))),
    ];
  }

  /**
   * Removes the namespaces created by Sluice that are not `wanted`, and those only partly created; returns the
   * failures.
   */
  removeNamespacesExcept(wanted: ReadonlySet<string>): string[] {
    const problems: string[] = [];
    const unwanted = [...this.namespaces.values()].filter(
      ({ name, identity }) => !wanted.has(name) || identity === null,
    );
    this.removeAtOnce(unwanted);
    for (const { name } of unwanted.reverse()) {
      try {
        this.removeNamespace(name);
      } catch (error) {
        problems.push(messageOf(error));
      }
    }
    return problems;
  }

  /** Removes, with one ip(8) run, namespaces that are certainly Sluice's and contain none of its processes. */
  private removeAtOnce(unwanted: readonly OwnNamespace[]): void {
    const names = unwanted
      .filter(({ name, identity, withProcesses }) => !withProcesses && identity === namespaceIdentity(name))
      .map(({ name }) => name);
    if (names.length < 2) return;
    try {
      deleteNamespaces(names);
    } catch {
      return; // Each is then removed individually and reports its own problem.
    }
    for (const name of names) this.namespaces.delete(name);
    this.save();
  }

  /** Records a file before it is created. */
  addFile(path: string): void {
    this.files.add(path);
    this.save();
  }

  /** Records a directory, which stays until the process stops cleanly or `down` removes it. */
  addDirectory(path: string): void {
    this.directories.add(path);
    this.save();
  }

  removeFiles(): void {
    for (const path of this.files) rmSync(path, { force: true });
    this.files.clear();
    this.save();
  }

  /** Removes everything recorded, even when parts fail; returns the failures. */
  clear(): string[] {
    const problems = [...this.removeTapsExcept([]), ...this.removeNamespacesExcept(new Set())];
    this.removeFiles();
    for (const path of this.directories) rmSync(path, { recursive: true, force: true });
    this.directories.clear();
    if (this.isEmpty) rmSync(this.runDir.stateFile, { force: true });
    return problems;
  }

  /** Replaces the file atomically; recreates a removed directory. */
  private save(): void {
    const state: StateOnDisk = {
      namespaces: [...this.namespaces.values()],
      taps: [...this.taps],
      files: [...this.files],
      directories: [...this.directories],
    };
    mkdirSync(this.runDir.path, { recursive: true, mode: 0o700 });
    replaceFile(this.runDir.stateFile, `${JSON.stringify(state, null, 2)}\n`);
  }
}

/** Files and directories that a Sluice process creates; others in the list are not removed. */
function ownPartOf(state: StateOnDisk, runDir: RunDir, warn: (text: string) => void): StateOnDisk {
  const { apiSocket, tablesFile, numbersFile, totalsFile, storeDir, eventsDir } = runDir;
  const ours = new Set(
    [apiSocket, tablesFile, numbersFile, totalsFile, storeDir, eventsDir, dirname(tablesFile)].map((path) =>
      resolve(path),
    ),
  );
  ours.delete(resolve(runDir.path));
  const own = (paths: readonly string[]): string[] =>
    paths.filter((path) => {
      if (ours.has(resolve(path))) return true;
      warn(
        `${runDir.stateFile}: found ${JSON.stringify(path)}, which Sluice does not make; it is left alone`,
      );
      return false;
    });
  return { ...state, files: own(state.files), directories: own(state.directories) };
}

/** A request as read back from the file: without undefined properties. */
const plain = (request: TapRequest): TapRequest => JSON.parse(JSON.stringify(request));

const stateSchema = z.object({
  namespaces: z.array(
    z.object({
      name: z.string(),
      identity: z.string().nullable(),
      withProcesses: z.boolean().default(false),
    }),
  ),
  taps: z
    .array(
      z.object({
        request: z.object({
          netns: z.string(),
          interfaceName: z.string(),
          mac: z.string().optional(),
          mtu: z.number().optional(),
          addresses: z.array(z.string()),
          gateways: z.array(z.string()),
        }),
        index: z.number(),
        fd: z.number(),
      }),
    )
    .default([]),
  files: z.array(z.string()),
  directories: z.array(z.string()).default([]),
});

function parseState(text: string, path: string): StateOnDisk {
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (error) {
    const found = JSON.stringify(text.slice(0, 60));
    throw new Error(`${path}: found ${found}, expected the namespaces and files of a Sluice process`, {
      cause: error,
    });
  }
}
