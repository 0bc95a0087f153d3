// The viewer of the API's schema. A token typed into it stays in this page.
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
