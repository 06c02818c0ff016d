/** The configuration file's JSON Schema (draft 2020-12), for editors and other tools: shapes only. */
import { z } from 'zod';
import { configSchema } from './schema.ts';

export const configJsonSchema = (): Record<string, unknown> => z.toJSONSchema(configSchema, { io: 'input' });
