// The viewer of the API's schema. A token typed into it stays in this page. Who reads here is at their desk.
import { start, watchLists } from "desk/socket";

const viewer = document.querySelector("#viewer");
window.SwaggerUIBundle({
  url: viewer.dataset.schema,
  domNode: viewer,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});

if (document.body.dataset.agent) {
  watchLists();
  start();
}
