// The token is kept for reloads of this window, and taken out of the address.
const token = new URLSearchParams(location.search).get("token") ?? sessionStorage.getItem("token") ?? "";
sessionStorage.setItem("token", token);
history.replaceState(null, "", "/");

async function ask(path, content) {
  const headers = { "X-Skmix-Token": token };
  const options = content ? { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(content) } : { headers };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("the server does not answer.");
  }
  const found = await response.json();
  if (!response.ok) throw new Error(found.error);
  return found;
}

mount(document.getElementById("skmix"), {
  state: (annotator) => ask(`/state?annotator=${encodeURIComponent(annotator)}`),
  answer: (annotator, question, answer) => ask("/answer", { annotator, question, answer }),
  skip: (annotator, question, reason) => ask("/skip", { annotator, question, reason }),
  undo: (annotator, last) => ask("/undo", { annotator, last }),
}, settings);
