/**
 * Entry of a prober: a process in the namespace of one network's probe port, which the host starts and talks to over
 * IPC. It ends when the host lets go of it, however that comes about.
 */
import { Prober } from './prober.ts';
import type { FromProber, ToProber } from './prober-protocol.ts';
import { probe } from './probes.ts';

if (process.send === undefined) throw new Error('prober: found no IPC channel, expected that of a host');

const prober = new Prober({
  probe,
  onVerdicts: (verdicts) => {
    process.send?.({ kind: 'verdicts', verdicts } satisfies FromProber, () => {});
  },
  onProblem: (reason) => process.stderr.write(`${reason}\n`),
});

process.on('message', (message: ToProber) => prober.setTargets(message.targets));
process.on('disconnect', () => process.exit());
