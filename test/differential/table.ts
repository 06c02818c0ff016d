/** Plays the scenes in all worlds, and generates native-notes/differential.md. */
import { join } from 'node:path';
import { CHECKOUT } from '../support/paths.ts';
import { kernelWorld } from './kernel-world.ts';
import { ovsWorld } from './ovs-world.ts';
import { SCENES, type Scene } from './scenes.ts';
import { sluiceWorld } from './sluice-world.ts';
import type { World } from './world.ts';

export const TABLE_FILE = join(CHECKOUT, 'native-notes/differential.md');

export interface Comparison {
  readonly scene: Scene;
  readonly sluice: string;
  readonly kernel: string;
  readonly ovs: string;
}

export async function compareAll(): Promise<Comparison[]> {
  const sluice = await playAll(await sluiceWorld());
  const kernel = await playAll(await kernelWorld());
  const ovs = await playAll(await ovsWorld());
  return SCENES.map((scene, i) => ({ scene, sluice: sluice[i]!, kernel: kernel[i]!, ovs: ovs[i]! }));
}

async function playAll(world: World): Promise<string[]> {
  try {
    const seen: string[] = [];
    for (const scene of SCENES) {
      seen.push(await scene.play(world).catch((error: Error) => `fails: ${error.message}`));
    }
    return seen;
  } finally {
    world.close();
  }
}

/** Differences without an explanation, and explanations without a difference. */
export const problemsOf = (comparisons: readonly Comparison[]): string[] =>
  comparisons.flatMap(({ scene, sluice, kernel, ovs }) => [
    ...problem(scene, sluice, `kernel: ${kernel}`, sluice === kernel, scene.kernelDiffers),
    ...problem(scene, sluice, `OVS: ${ovs}`, sluice === ovs, scene.ovsDiffers),
  ]);

const problem = (
  { name }: Scene,
  sluice: string,
  other: string,
  isSame: boolean,
  difference: string | undefined,
): string[] => (isSame === (difference === undefined) ? [] : [`${name}: Sluice: ${sluice}; ${other}`]);

export function tableText(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ scene, sluice, kernel, ovs }) => {
    const shown = (other: string): string => (other === sluice ? 'same' : `**${other}**`);
    return `| ${scene.name} | ${sluice} | ${shown(kernel)} | ${shown(ovs)} |\n`;
  });
  const because = (world: string, reason: string | undefined): string =>
    reason === undefined ? '' : `  - ${world}: ${reason}\n`;
  const why = comparisons
    .map(({ scene }) => ({
      name: scene.name,
      reasons: because('Kernel', scene.kernelDiffers) + because('OVS', scene.ovsDiffers),
    }))
    .filter(({ reasons }) => reasons !== '')
    .map(({ name, reasons }) => `- **${name}**\n${reasons}`);
  return `# Sluice against the kernel and Open vSwitch: the same scenes

The same scripts played by real stacks in network namespaces, with three balancers between them: Sluice; a bridge and
nftables that translate in the client's namespace, as kube-proxy's nftables mode does; and Open vSwitch's userspace
datapath with select groups and ct(nat), as OVN sets a load balancer up (its ARP answers too, not its controller). Made by
\`node dist/test/differential/main.js\`; the scenes are in \`test/differential/scenes.ts\`, and a test plays them.

| Scene | Sluice | Kernel | OVS |
|---|---|---|---|
${rows.join('')}
## Why they differ

${why.join('')}`;
}
