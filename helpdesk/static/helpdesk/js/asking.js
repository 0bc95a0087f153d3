// Asking because something rang: at most once in a while, and one question after the other. Two under way at once
// could be answered in the other order, and what is older would stand over what is newer.
import { Refused } from "desk/http";

// Work by turns: each begins when the one before has ended, well or not.
export function turns() {
  let last = Promise.resolve();
  return (work) => (last = last.then(work, work));
}

// A function that says it rang. Out of reach is no error: who comes back asks anyway.
export function asking(ask, pause) {
  let [timer, asked, under, again] = [0, 0, false, false];

  async function begin() {
    [under, again, asked] = [true, false, Date.now()];
    try {
      await ask();
    } catch (error) {
      if (!(error instanceof Refused)) reportError(error);
    }
    [timer, under] = [0, false];
    if (again) rang();
  }

  function rang() {
    again = under;
    timer ||= setTimeout(begin, Math.max(0, asked + pause - Date.now()));
  }
  return rang;
}
