// After tsc: bundles the datapath's modules into one file each for the worker and for the micro benchmark, and makes the files
// of the page.
//
// V8 folds constants of the same module into the code; an imported one is loaded and checked at each use. In one
// module the datapath takes 30 % less time per packet (native-notes/decisions/v8.md). Packages are not bundled. The
// bundles omit debug assertions.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { rollup } from 'rollup';

const bundles = [
  ['dist/src/host/thread/worker.js', 'dist/src/host/thread/worker.bundle.js'],
  ['dist/test/bench/micro.js', 'dist/test/bench/micro.bundle.js'],
];

const DEBUG_ON = 'export const DEBUG = true;';

const withoutDebugAssertions = {
  name: 'without-debug-assertions',
  transform(code, id) {
    if (!id.endsWith('/tables/common/debug.js')) return null;
    if (!code.includes(DEBUG_ON)) this.error(`${id} does not contain "${DEBUG_ON}"`);
    return { code: code.replace(DEBUG_ON, DEBUG_ON.replace('true', 'false')), map: null };
  },
};

for (const [input, file] of bundles) {
  const bundle = await rollup({
    input,
    external: (id) => !/^[./]/.test(id),
    plugins: [withoutDebugAssertions],
    logLevel: 'warn',
  });
  await bundle.write({ file, format: 'es', sourcemap: true });
  await bundle.close();
}

// tsc does not copy JavaScript files.
for (const generated of [
  'src/messages/generated/sluice.js',
  'src/controller/store/etcd-wire/generated/etcd.js',
]) {
  mkdirSync(dirname(`dist/${generated}`), { recursive: true });
  copyFileSync(generated, `dist/${generated}`);
}

// The page: one script with the chart library in it, one style sheet, and what needs no making.
const page = 'dist/src/page/files';
const uplot = 'node_modules/uplot/dist';
const chartLibrary = {
  name: 'chart-library',
  resolveId: (id) => (id === 'uplot' ? resolve(`${uplot}/uPlot.esm.js`) : null),
};
mkdirSync(page, { recursive: true });
const script = await rollup({
  input: 'dist/src/page/browser/main.js',
  plugins: [chartLibrary],
  logLevel: 'warn',
  // What is not bundled the browser would have to get elsewhere.
  onLog: (level, log) => {
    throw new Error(`page: ${level}: ${log.message}`);
  },
});
await script.write({ file: `${page}/page.js`, format: 'es' });
await script.close();
writeFileSync(
  `${page}/page.css`,
  readFileSync(`${uplot}/uPlot.min.css`, 'utf8') + readFileSync('src/page/files/page.css', 'utf8'),
);
for (const file of ['page.html', 'icon.svg']) copyFileSync(`src/page/files/${file}`, `${page}/${file}`);
