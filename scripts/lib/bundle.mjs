// Joins the datapath's modules into one file each for the worker and for the micro benchmark, behind tsc's back.
//
// V8 folds a constant of the same module into the code; one that is imported it loads and checks at each use. In
// one module the datapath takes 30 % less time per packet (native-notes/decisions/v8.md). Packages stay outside.
import { copyFileSync, mkdirSync } from 'node:fs';
import { rollup } from 'rollup';

const bundles = [
  ['dist/src/host/thread/worker.js', 'dist/src/host/thread/worker.bundle.js'],
  ['dist/test/bench/micro.js', 'dist/test/bench/micro.bundle.js'],
];

for (const [input, file] of bundles) {
  const bundle = await rollup({ input, external: (id) => !/^[./]/.test(id), logLevel: 'warn' });
  await bundle.write({ file, format: 'es', sourcemap: true });
  await bundle.close();
}

// tsc leaves JavaScript where it is.
mkdirSync('dist/src/messages/generated', { recursive: true });
copyFileSync('src/messages/generated/sluice.js', 'dist/src/messages/generated/sluice.js');
