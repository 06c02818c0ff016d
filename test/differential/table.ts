/** Plays the scenes in both worlds, and makes native-notes/differential.md of it. */
import { join } from 'node:path';
import { CHECKOUT } from '../support/paths.ts';
import { kernelWorld } from './kernel-world.ts';
import { SCENES, type Scene } from './scenes.ts';
import { sluiceWorld } from './sluice-world.ts';
import type { World } from './world.ts';

export const TABLE_FILE = join(CHECKOUT, 'native-notes/differential.md');

export interface Comparison {
  readonly scene: Scene;
  readonly sluice: string;
  readonly kernel: string;
}

export async function compareAll(): Promise<Comparison[]> {
  const sluice = await playAll(await sluiceWorld());
  const kernel = await playAll(await kernelWorld());
  return SCENES.map((scene, i) => ({ scene, sluice: sluice[i]!, kernel: kernel[i]! }));
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

/** Differences that nobody has explained, and explanations without a difference. */
export const problemsOf = (comparisons: readonly Comparison[]): string[] =>
  comparisons
    .filter(({ scene, sluice, kernel }) => (sluice === kernel) === (scene.difference !== undefined))
    .map(({ scene, sluice, kernel }) => `${scene.name}: Sluice: ${sluice}; kernel: ${kernel}`);

export function tableText(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(
    ({ scene, sluice, kernel }) =>
      `| ${scene.name} | ${sluice} | ${kernel} | ${sluice === kernel ? 'same' : '**differs**'} |\n`,
  );
  const why = comparisons
    .filter(({ scene }) => scene.difference !== undefined)
    .map(({ scene }) => `- **${scene.name}**: ${scene.difference}\n`);
  return `# Sluice against the kernel: the same scenes

The same scripts played by real stacks in network namespaces, once with Sluice between them, once with a bridge and
nftables that translate in the client's namespace, as kube-proxy's nftables mode does. Made by
\`node dist/test/differential/main.js\`; the scenes are in \`test/differential/scenes.ts\`, and a test plays them.

| Scene | Sluice | Kernel | |
|---|---|---|---|
${rows.join('')}
## Why they differ

${why.join('')}`;
}
