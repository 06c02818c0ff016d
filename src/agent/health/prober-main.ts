/**
 * Entry of a prober: a process in the namespace of one network's probe port, started by the host and connected to it by
 * IPC. It ends when that connection closes.
 */
import { systemRuntime } from '../../runtime/system-runtime.ts';
import { Prober } from './prober.ts';
import type { FromProber, ToProber } from './prober-protocol.ts';
import { probe } from './probes.ts';

if (process.send === undefined) throw new Error('prober: found no IPC channel, expected that of a host');

const prober = new Prober({
  probe: (spec) => probe(spec, systemRuntime),
  runtime: systemRuntime,
  onVerdicts: (verdicts) => {
    process.send?.({ kind: 'verdicts', verdicts } satisfies FromProber, () => {});
  },
  onProblem: (reason) => process.stderr.write(`${reason}\n`),
});

process.on('message', (message: ToProber) => prober.setTargets(message.targets));
process.on('disconnect', () => process.exit());
