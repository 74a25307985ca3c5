"use strict";
// Files go one after another, so that the list shows what became of each.
(() => {
  const drop = document.getElementById("drop");
  if (!drop) return;
  const input = document.getElementById("files");
  const results = document.getElementById("results");
  let last = Promise.resolve();

  function row(name) {
    const line = results.insertRow();
    line.insertCell().textContent = name;
    const state = line.insertCell();
    state.textContent = drop.dataset.working;
    return state;
  }

  async function send(file, state) {
    const query = new URLSearchParams({ name: file.name });
    const visible = document.getElementById("visible");
    if (visible && visible.checked) query.set("visible", "1");
    const answer = await fetch(`/${drop.dataset.verb}?${query}`, { method: "POST", body: file });
    const told = await answer.json();
    state.replaceChildren();
    state.className = `state-${told.state}`;
    const label = document.createElement("span");
    label.className = "label";
    label.textContent = told.out ? `${told.label}: ${told.out}` : told.label;
    state.append(label);
    for (const html of [told.sentence, told.details]) {
      if (!html) continue;
      const part = document.createElement("div");
      part.innerHTML = html; // escaped by the desk
      state.append(part);
    }
  }

  function take(files) {
    for (const file of files) {
      const state = row(file.name);
      last = last.then(() => send(file, state)).catch((error) => { state.textContent = String(error); });
    }
  }

  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
})();
