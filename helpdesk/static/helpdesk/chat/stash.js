// What has to outlive a reload: messages not sent yet, the draft, what was answered before. The page around the frame
// keeps it, because browsers give a frame of another site no storage, or soon forget it. Names that start with "tab:"
// are for one tab alone.
const held = new Map();
let hand = () => {};
let changed = () => {};

export const stash = {
  // What was kept, as JSON by name, and who keeps what comes.
  fill(kept, keeper) {
    held.clear();
    for (const [name, value] of Object.entries(kept)) held.set(name, value);
    hand = keeper;
  },
  get(name) {
    try {
      return JSON.parse(held.get(name) ?? "null");
    } catch {
      return null;
    }
  },
  set(name, value) {
    const text = value === null ? null : JSON.stringify(value);
    if (text === (held.get(name) ?? null)) return;
    put(name, text);
    hand(name, text);
  },
  names: (start) => [...held.keys()].filter((name) => name.startsWith(start)).sort(),
  clear() {
    for (const name of [...held.keys()]) stash.set(name, null);
  },
  // Another tab kept something: its name goes to whoever watches.
  heard(name, text) {
    put(name, text);
    changed(name);
  },
  watch: (does) => (changed = does),
};

function put(name, text) {
  if (text === null) held.delete(name);
  else held.set(name, text);
}
