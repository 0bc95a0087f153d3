// Sentences the scripts say, in the reader's language. A script never holds English of its own.
export const words = Object.assign({}, ...[...document.querySelectorAll("#words, [data-words]")].map((one) => one.dataset));
