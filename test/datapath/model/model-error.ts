/** The datapath did what the model does not allow. */
export class ModelError extends Error {}
