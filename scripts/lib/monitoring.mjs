// Writes docs/monitoring from the compiled definitions of src/metrics: node scripts/lib/monitoring.mjs, after a build.
import { mkdirSync, writeFileSync } from 'node:fs';

const { monitoringDocuments } = await import('../../dist/src/metrics/documents.js');
const directory = new URL('../../docs/monitoring/', import.meta.url);
mkdirSync(directory, { recursive: true });
for (const [name, text] of monitoringDocuments()) writeFileSync(new URL(name, directory), text);
