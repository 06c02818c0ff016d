/** Steps that take back what has been done, run in reverse order when a longer change fails in the middle. */
import { messageOf } from '../config/model/host-error.ts';

type Undo = () => void | Promise<void>;

export class UndoStack {
  private readonly steps: { what: string; undo: Undo }[] = [];

  /** `what` completes the sentence "could not …". */
  push(what: string, undo: Undo): void {
    this.steps.push({ what, undo });
  }

  /** Runs all steps, the last one first, goes on when one fails, and answers what could not be undone. */
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
