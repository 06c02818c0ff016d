/** Undo steps of a change, run in reverse order when a later step of the change fails. */
import { messageOf } from '../config/problems/host-error.ts';

type Undo = () => void | Promise<void>;

export class UndoStack {
  private readonly steps: { what: string; undo: Undo }[] = [];

  /** `what` completes the sentence "could not …". */
  push(what: string, undo: Undo): void {
    this.steps.push({ what, undo });
  }

  /** Runs all steps in reverse order, even if some fail; returns the failures. */
  async run(): Promise<string[]> {
    const problems: string[] = [];
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        problems.push(`could not ${step.what}: ${messageOf(error)}`);
      }
    }
    return problems;
  }
}
