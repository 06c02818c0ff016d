/**
 * The file with the last rules of a host.
 *
 * Theory of operation. The first frame (run-dir/frame.ts) contains all groups, each later one a change of the rules,
 * so that a change writes only its difference. When the changes outgrow the first frame, a new file with all groups
 * replaces the old one by rename. A torn frame at the end is a change whose write was interrupted: the rules before
 * it are used. A damaged frame followed by good ones is an error, as its content is unknown.
 */
import { closeSync, constants, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { namingFile } from '../config/problems/file-error.ts';
import type { BalancerWeights } from '../messages/messages.ts';
import { decodeFrame, encodeFrame, hasFrameAfter } from '../run-dir/frame.ts';
import { openOwnFile } from '../run-dir/own-files.ts';
import { replaceFile } from '../run-dir/replace-file.ts';

const { O_APPEND, O_RDONLY, O_WRONLY } = constants;

/** Changes up to this many bytes, or up to the size of all groups, are appended. */
const MIN_CHANGES_BYTES = 1 << 16;

const frameSchema = z.object({
  epoch: z.number(),
  revision: z.number(),
  clock: z.object({ atMs: z.number(), receivedMs: z.number() }).optional(),
  /** All, in each frame; absent: none. */
  tombstones: z.array(z.string()).optional(),
  /** All, or those added or changed; they take their places in the order of the first frame. */
  groups: z.array(
    z.object({
      name: z.string(),
      definition: z.string(),
      balancers: z
        .array(
          z.object({
            loadBalancer: z.string(),
            criteriaSet: z.string().optional(),
            weights: z.record(z.string(), z.number()),
          }),
        )
        .optional(),
    }),
  ),
  /** Names of removed groups; absent in the first frame. */
  removed: z.array(z.string()).optional(),
});

type Frame = z.infer<typeof frameSchema>;
/** An unchanged group has the same definition and the same list of weights. */
interface DocumentGroup {
  readonly definition: string;
  readonly balancers?: readonly BalancerWeights[];
}

export interface RuleDocument extends Pick<Frame, 'epoch' | 'revision' | 'clock' | 'tombstones'> {
  /** By name, in their order. */
  readonly groups: ReadonlyMap<string, DocumentGroup>;
}

export class RuleJournal {
  private readonly path: string;
  /** State of the file; undefined: there is no file to append to. */
  private written: RuleDocument | undefined;
  private baseBytes = 0;
  private changesBytes = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Undefined if there is no file. Throws an Error that describes the fault of an unusable one. */
  read(): RuleDocument | undefined {
    const bytes = this.content();
    if (bytes === undefined) return undefined;
    const frames: Frame[] = [];
    let end = 0;
    try {
      for (let next = decodeFrame(bytes, 0); next !== undefined; next = decodeFrame(bytes, end)) {
        frames.push(frameSchema.parse(next.value));
        end = next.end;
        if (frames.length === 1) this.baseBytes = end;
      }
      if (frames.length === 0) throw new Error('no whole frame');
      if (end < bytes.length && hasFrameAfter(bytes, end)) throw new Error(`a damaged frame at byte ${end}`);
    } catch (error) {
      const found = JSON.stringify(bytes.toString('utf8', end, end + 60));
      throw new Error(`${this.path}: found ${found}, expected the last rules of a host`, { cause: error });
    }
    const groups = new Map<string, DocumentGroup>();
    for (const frame of frames) {
      for (const name of frame.removed ?? []) groups.delete(name);
      for (const { name, ...group } of frame.groups) groups.set(name, group);
    }
    const { epoch, revision, clock, tombstones } = frames.at(-1)!;
    const document = { epoch, revision, clock, tombstones, groups };
    this.changesBytes = end - this.baseBytes;
    // A torn frame must not be appended to.
    this.written = end === bytes.length ? document : undefined;
    return document;
  }

  /** If it throws, the file still holds the previous rules, or already these. */
  write(document: RuleDocument): void {
    const change = this.written === undefined ? undefined : changeBetween(this.written, document);
    this.written = undefined;
    if (change === undefined) this.replace(document);
    else {
      const frame = encodeFrame(change);
      const isLong = this.changesBytes + frame.length > Math.max(MIN_CHANGES_BYTES, this.baseBytes);
      if (isLong || !this.append(frame)) this.replace(document);
    }
    this.written = document;
  }

  private replace({ groups, ...document }: RuleDocument): void {
    const frame = encodeFrame({
      ...document,
      groups: [...groups].map(([name, group]) => ({ name, ...group })),
    });
    replaceFile(this.path, frame.toString());
    this.baseBytes = frame.length;
    this.changesBytes = 0;
  }

  /** False: the file has disappeared. */
  private append(frame: Buffer): boolean {
    let fd: number;
    try {
      fd = openOwnFile(this.path, O_WRONLY | O_APPEND);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    try {
      const written = namingFile(this.path, () => writeSync(fd, frame));
      this.changesBytes += frame.length;
      return written === frame.length;
    } finally {
      closeSync(fd);
    }
  }

  private content(): Buffer | undefined {
    let fd: number;
    try {
      fd = openOwnFile(this.path, O_RDONLY);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

/** Undefined: their order can only be stored by writing all groups. */
function changeBetween(before: RuleDocument, { groups, ...document }: RuleDocument): object | undefined {
  const removed: string[] = [];
  for (const name of before.groups.keys()) if (!groups.has(name)) removed.push(name);
  const changed: ({ name: string } & DocumentGroup)[] = [];
  const order = before.groups.keys();
  let isAppended = false;
  for (const [name, group] of groups) {
    const previous = before.groups.get(name);
    if (previous === undefined) isAppended = true;
    else if (isAppended || !isNextIn(order, name, groups)) return undefined;
    if (previous?.definition === group.definition && previous.balancers === group.balancers) continue;
    changed.push({ name, ...group });
  }
  return { ...document, groups: changed, removed };
}

/** Whether `name` is the next of the remaining previous names. */
function isNextIn(order: Iterator<string>, name: string, groups: { has(name: string): boolean }): boolean {
  for (let next = order.next(); next.done !== true; next = order.next())
    if (groups.has(next.value)) return next.value === name;
  return false;
}
