/**
 * Checks that a stored document has the shape that controllers write under its key. Others can write to etcd, too,
 * and one malformed document must not stop the rest: it is set aside, and named in the log and in `status`.
 */
import { z } from 'zod';
import { parseGroupDocument } from '../../config/group-document.ts';
import { messageOf } from '../../config/problems/refusal.ts';
import { LOAD_METRICS } from '../../policy/policy-config.ts';
import { MAX_PENDING } from './pending-changes.ts';
import { type Entries, KEYS } from './stored-documents.ts';

const epochMs = z.number();
const state = z.enum(['active', 'draining', 'failed']);
const override = z.looseObject({
  name: z.string().min(1),
  removed: z.boolean().optional(),
  added: z
    .looseObject({
      address: z.string(),
      port: z.int().optional(),
      mac: z.string().optional(),
      priority: z.string().optional(),
    })
    .optional(),
  weight: z.int().min(0).max(65_535).optional(),
  weightsByPort: z.record(z.string(), z.int().min(0).max(65_535)).optional(),
  state: state.optional(),
  drainDeadlineMs: epochMs.optional(),
});

const pending = z.looseObject({
  kind: z.enum(['weight', 'drain', 'add']),
  member: z.string().min(1),
  atMs: epochMs,
  weight: z.int().min(0).max(65_535).optional(),
  overMs: z.number().min(0).optional(),
  fromWeight: z.int().min(0).max(65_535).optional(),
  step: z.int().min(0).optional(),
  deadlineMs: z.number().min(0).optional(),
  add: z.looseObject({ name: z.string().min(1), address: z.string() }).optional(),
});

/** What a change of its kind needs. */
const NEEDED = { weight: 'weight', drain: 'atMs', add: 'add' } as const;

const ratio = z.number().min(0).max(1);
const policy = z.looseObject({
  kind: z.enum(['even', 'inverse-load', 'latency-aware']),
  mode: z.enum(['distribute-rules', 'distribute-stats', 'both']),
  perLoadBalancer: z.literal(true).optional(),
  intervalMs: z.number().min(1),
  onChange: z.boolean(),
  metric: z.enum(LOAD_METRICS),
  spread: z.number().min(0),
  localSpread: z.number().min(0),
  tolerance: ratio,
  flowLimit: z.number().min(1).optional(),
  staleAfterMs: z.number().min(0),
  slowStartMs: z.number().min(0),
  damping: ratio,
  hysteresis: ratio,
  floor: z.number().min(0),
  ceiling: z.number().min(0).optional(),
  outlierEjection: z
    .looseObject({
      failureRatio: ratio,
      minimumFlowsPerSecond: z.number().min(0),
      ejectionMs: z.number().min(0),
      maximumShare: ratio,
      panicThreshold: ratio,
    })
    .optional(),
});

/** By key prefix. Unknown prefixes may belong to a newer version and are not checked. */
const SHAPES: readonly (readonly [prefix: string, shape: z.ZodType])[] = [
  [KEYS.overrides, z.looseObject({ members: z.array(override) })],
  [
    KEYS.pending,
    z.looseObject({
      changes: z
        .array(pending.refine((change) => change[NEEDED[change.kind]] !== undefined, 'incomplete'))
        .max(MAX_PENDING),
    }),
  ],
  [
    KEYS.health,
    z.looseObject({
      failed: z.record(
        z.string(),
        z.looseObject({
          sinceMs: epochMs,
          detail: z.string(),
          isHeld: z.boolean().optional(),
          isDraining: z.boolean().optional(),
        }),
      ),
    }),
  ],
  [KEYS.policy, policy],
  [KEYS.scale, z.looseObject({ count: z.int().min(0) })],
  [
    KEYS.vm,
    z.looseObject({
      id: z.string().min(1),
      template: z.string(),
      group: z.string().optional(),
      phase: z.string(),
      isWanted: z.boolean(),
      host: z.string().optional(),
      agentEpoch: z.number().optional(),
      addresses: z.array(z.string()),
      sinceMs: epochMs,
      notBeforeMs: epochMs,
      failures: z.number(),
    }),
  ],
  [
    KEYS.removed,
    z.looseObject({ atMs: epochMs, epoch: z.number(), by: z.string(), knownTo: z.array(z.string()) }),
  ],
  [
    KEYS.host,
    z.looseObject({
      version: z.string(),
      networks: z.array(z.string()),
      awaySinceMs: epochMs.optional(),
      epoch: z.number().optional(),
      revision: z.number().optional(),
    }),
  ],
  [KEYS.file, z.looseObject({ groups: z.record(z.string(), z.string()) })],
];

/** Results by document and key: documents are read often and never change. '': no problem. */
const known = new WeakMap<object, Map<string, string>>();

/** The problem, for people; undefined: none. */
function documentProblem(key: string, value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null)
    return `found ${JSON.stringify(value)?.slice(0, 40)}, expected an object`;
  const problems = known.get(value) ?? new Map<string, string>();
  known.set(value, problems);
  let problem = problems.get(key);
  if (problem === undefined) {
    problem = key.startsWith(KEYS.group) ? groupProblem(key, value) : shapeProblem(key, value);
    problems.set(key, problem);
  }
  return problem === '' ? undefined : problem;
}

function groupProblem(key: string, value: object): string {
  try {
    const { name, policy: own } = parseGroupDocument(JSON.stringify(value), key);
    if (name !== key.slice(KEYS.group.length))
      return `found the group ${JSON.stringify(name.slice(0, 64))}, expected the name of its key`;
    return own === undefined ? '' : problemOf(policy, own, 'policy.');
  } catch (error) {
    return messageOf(error).split('\n').slice(0, 3).join('; ');
  }
}

function shapeProblem(key: string, value: object): string {
  const shape = SHAPES.find(([prefix]) => key.startsWith(prefix))?.[1];
  return shape === undefined ? '' : problemOf(shape, value, '');
}

function problemOf(shape: z.ZodType, value: unknown, prefix: string): string {
  const result = shape.safeParse(value);
  if (result.success) return '';
  const [issue] = result.error.issues;
  return `${prefix}${issue!.path.join('.')}: ${issue!.message}`;
}

export interface CheckedEntries {
  /** Without documents that were set aside; the same map if there are none. */
  readonly entries: Entries;
  /** By key: the reason. */
  readonly setAside: ReadonlyMap<string, string>;
}

export function checkEntries(entries: Entries): CheckedEntries {
  const setAside = new Map<string, string>();
  for (const [key, value] of entries) {
    const problem = documentProblem(key, value);
    if (problem !== undefined) setAside.set(key, problem);
  }
  if (setAside.size === 0) return { entries, setAside };
  return { entries: new Map([...entries].filter(([key]) => !setAside.has(key))), setAside };
}
