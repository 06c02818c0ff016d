/**
 * Entry of a prober: a process in the namespace of one network's probe port, started by the host and connected to it by
 * IPC. It ends when that connection closes.
 *
 * Arguments: kinds of probes that it must be able to make (PreparedKind).
 *
 * It parses what any server answers, so it drops everything that an attacker could use: root opens the raw sockets, then all threads switch to a dedicated user without capabilities, and system calls that a prober
 * never makes are refused.
 */
import { becomeUser, dieWithParent } from '../../native/processes/privileges.ts';
import { filterSystemCalls } from '../../native/processes/system-call-filter.ts';
import { PROBER_USER } from '../../native/processes/users.ts';
import { systemRuntime } from '../../runtime/system-runtime.ts';
import { askLoad } from './load-questions.ts';
import { Prober } from './prober.ts';
import type { FromProber, ToProber } from './prober-protocol.ts';
import { prepareProbes, probe } from './probes.ts';

if (process.send === undefined) throw new Error('prober: found no IPC channel, expected that of a host');

// A lost socket cannot be reopened; the host starts another prober.
await prepareProbes(process.argv.slice(2), () => process.exit(1));
if (process.geteuid!() === 0) becomeUser(PROBER_USER);
dieWithParent();
filterSystemCalls();

const tell = (message: FromProber): void => {
  process.send?.(message, () => {});
};

const prober = new Prober({
  probe: (spec) => probe(spec, systemRuntime),
  askLoad: (spec) => askLoad(spec, systemRuntime),
  runtime: systemRuntime,
  onVerdicts: (verdicts) => tell({ kind: 'verdicts', verdicts }),
  onLoads: (loads) => tell({ kind: 'loads', loads }),
  onProblem: (reason) => process.stderr.write(`${reason}\n`),
});

process.on('message', ({ checks, loads }: ToProber) => prober.setTargets(checks, loads));
process.on('disconnect', () => process.exit());
